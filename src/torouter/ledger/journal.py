"""The journal: what was settled and is not stored yet, in files that outlive the process.

A process appends to a file of its own, one write for each record, so that its death at any moment loses nothing
that was settled. Files are cut into segments; a segment whose records are stored is removed. Records are not synced to
the disk: when the machine's power fails, the last moments may be lost, as they may with SQLite's log.

A journal that cannot be written (a full disk, no right to write) stops nobody from being served: it is logged, counted
in `failures`, and what it lacks is in memory only, until it is stored.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from torouter.store import Entry

__all__ = ["Journal", "Segment", "decode_entry", "encode_entry", "read_records", "recover"]

_log = logging.getLogger("torouter.ledger")

_FRAME: Final = struct.Struct("<II")
"""Before each record: its length and its CRC-32."""
_SEGMENT: Final = ".journal"
_LOCK: Final = ".lock"
_CLAIMS: Final = 5
_NONE: Final = -1

_C_WRITE: Final = ctypes.PyDLL(None, use_errno=True).write
_C_WRITE.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)
_C_WRITE.restype = ctypes.c_ssize_t

encode_entry: Final = msgspec.msgpack.Encoder().encode
decode_entry: Final = msgspec.msgpack.Decoder(Entry).decode


@dataclass(slots=True)
class Segment:
    """`name` is unique over all machines. `is_whole`: all that was appended is in its file."""

    name: str
    size_bytes: int = 0
    is_whole: bool = True


class Journal:
    """Of one process. The directory, the lock that says that this process lives, and each file are made when they are
    first needed. `append` and `rotate` are for one thread; `read`, `remove` and `sync` may be called in another."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process = secrets.token_hex(8)
        self._number = 0
        self._lock = self._file = _NONE
        self._segment = self._next()
        self.failures = 0
        """Records that could not be written."""

    def append(self, record: bytes) -> bool:
        """Is it written?"""
        framed = _FRAME.pack(len(record), crc32(record)) + record
        try:
            if self._file == _NONE:
                self._open()
            if _write(self._file, framed) != len(framed):
                os.ftruncate(self._file, self._segment.size_bytes)
                raise OSError(0, "the record was not written whole")
        except OSError as error:
            self._fail(error)
            return False
        self._segment.size_bytes += len(framed)
        return True

    def rotate(self) -> Segment:
        """Ends the segment that is written to."""
        if self._file != _NONE:
            os.close(self._file)
            self._file = _NONE
        ended, self._segment = self._segment, self._next()
        return ended

    @property
    def size_bytes(self) -> int:
        """Of the segment that is written to."""
        return self._segment.size_bytes

    def read(self, name: str) -> list[bytes]:
        """Raises `OSError`."""
        return read_records(self._path(name))

    def remove(self, name: str) -> bool:
        """Is there no file of that name any more? One that cannot be removed is found again at the next start."""
        try:
            self._path(name).unlink()
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing of it could be written
        except OSError as error:
            _log.error("a stored segment cannot be removed segment=%s error=%s", name, error.strerror)
            return False
        return True

    def sync(self) -> None:
        """From here on what was removed stays removed, whatever happens to the machine. Raises `OSError`."""
        if self._lock == _NONE:
            return
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self) -> None:
        """Leaves segments that were not removed to the next process that recovers."""
        self.rotate()
        if self._lock != _NONE:
            with suppress(OSError):
                self._lock_path.unlink()
            os.close(self._lock)
            self._lock = _NONE

    @property
    def _lock_path(self) -> Path:
        return self._directory / f"{self._process}{_LOCK}"

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}{_SEGMENT}"

    def _next(self) -> Segment:
        self._number += 1
        return Segment(f"{self._process}-{self._number:08d}")

    def _open(self) -> None:
        if self._lock == _NONE:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _claim(self._lock_path)
        self._file = os.open(self._path(self._segment.name), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def _fail(self, error: OSError) -> None:
        """Tells of the first in each segment."""
        self.failures += 1
        if self._segment.is_whole:
            _log.error("the journal cannot be written, going on without it error=%s", error.strerror)
        self._segment.is_whole = False


def _write(file: int, data: bytes) -> int:
    """How many bytes were written. Raises `OSError`.

    Not `os.write`, which lets go of the interpreter's lock: beside a thread that is busy, as the one that stores is,
    that makes 100 µs of a write that takes 1 (a loop of writes beside a loop of additions, seen 2026-11).
    """
    written: int = _C_WRITE(file, data, len(data))
    if written < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return written


def read_records(path: Path) -> list[bytes]:
    """The whole records of a segment; what a dying process or a full disk has torn off at its end is not among them.
    Raises `OSError`."""
    data = path.read_bytes()
    records: list[bytes] = []
    position = 0
    while position + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, position)
        start = position + _FRAME.size
        record = data[start : start + length]
        if len(record) != length or crc32(record) != checksum:
            break
        records.append(record)
        position = start + length
    if position < len(data):
        _log.warning("a torn record was dropped segment=%s bytes=%d", path.stem, len(data) - position)
    return records


def recover(directory: Path, write: Callable[[Sequence[Entry], str], object]) -> int:
    """Stores what processes that are dead have left, segment by segment, and says how many entries. `write` gets the
    entries and the name of their segment, and does nothing for one that it has had before: this may be broken off at
    any moment, and done by several processes at once. Raises what `write` raises, and `OSError`.

    A segment that another version has written in a form that is not known here is left where it is.
    """
    if not directory.is_dir():
        return 0
    processes = sorted({_process_of(path) for path in directory.iterdir() if path.suffix in (_SEGMENT, _LOCK)})
    return sum(_recover(directory, process, write) for process in processes)


def _recover(directory: Path, process: str, write: Callable[[Sequence[Entry], str], object]) -> int:
    count = 0
    with _orphaned(directory / f"{process}{_LOCK}") as is_orphaned:
        if not is_orphaned:
            return 0
        for path in sorted(directory.glob(f"{process}-*{_SEGMENT}")):
            try:
                entries = [decode_entry(record) for record in read_records(path)]
            except (msgspec.DecodeError, UnicodeDecodeError):
                _log.exception("a segment of the journal cannot be read segment=%s", path.stem)
                continue
            if entries:
                write(entries, path.stem)
            path.unlink()
            count += len(entries)
            _log.info("recovered segment=%s entries=%d", path.stem, len(entries))
    return count


@contextmanager
def _orphaned(lock_path: Path) -> Iterator[bool]:
    """Is the process dead whose lock this is? Then it is ours meanwhile, and gone in the end."""
    lock = os.open(lock_path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
        lock_path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _claim(path: Path) -> int:
    """A lock of our own, as a file descriptor: the system takes it back when the process ends, in whatever way. Raises
    `OSError`."""
    for _ in range(_CLAIMS):
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:
                return lock
        except BlockingIOError:  # somebody who recovers has seen it before it was ours, and takes it away
            pass
        os.close(lock)
    raise OSError(0, f"no lock was to be had on {path.name}")


def _process_of(path: Path) -> str:
    return path.stem.partition("-")[0]
