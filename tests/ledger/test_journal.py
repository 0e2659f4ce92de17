"""The journal: nothing that was appended is lost with its process, and nothing comes back twice."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.ledger.entries import entry, ids
from torouter.ledger.books import Entry
from torouter.ledger.journal import Journal, decode_entry, encode_entry, read_records, recover

_APPENDER = """
import sys
from pathlib import Path
from tests.ledger.entries import entry
from torouter.ledger.journal import Journal, encode_entry

journal, number = Journal(Path(sys.argv[1])), 0
while True:
    number += 1
    if number % 100 == 0:
        journal.rotate()
    assert journal.append(encode_entry(entry(number)))
    print(number, flush=True)
"""


class Ledger:
    """What a store does with entries: a segment once."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.segments: list[str] = []

    def write(self, entries: Sequence[Entry], segment: str) -> dict[str, int]:
        if segment not in self.segments:
            self.segments.append(segment)
            self.entries += entries
        return {}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def files(directory: Path) -> list[str]:
    return sorted(path.suffix for path in directory.iterdir())


def abandon(journal: Journal) -> None:
    """As its process's death does: the lock is let go, and the files stay."""
    os.close(journal._lock)
    os.close(journal._file)


def test_an_entry_is_read_as_it_was_written() -> None:
    assert decode_entry(encode_entry(entry(3))) == entry(3)


def test_nothing_is_made_before_something_is_written(directory: Path) -> None:
    journal = Journal(directory)
    journal.rotate()
    journal.sync()
    journal.close()
    assert not directory.exists()
    assert recover(directory, Ledger().write) == 0


def test_a_segment_ends_and_another_begins(directory: Path) -> None:
    journal = Journal(directory)
    for number in range(3):
        assert journal.append(b"record %d" % number)
    size_bytes = journal.size_bytes
    first = journal.rotate()
    assert (first.size_bytes, first.is_whole, journal.size_bytes) == (size_bytes, True, 0)
    assert journal.append(b"")
    second = journal.rotate()
    assert first.name < second.name
    assert (journal.read(first.name), journal.read(second.name)) == ([b"record 0", b"record 1", b"record 2"], [b""])
    assert [journal.remove(name) for name in (first.name, first.name, second.name)] == [True] * 3
    journal.sync()
    journal.close()
    assert files(directory) == []


def test_what_a_live_process_writes_is_its_own(directory: Path) -> None:
    journal, ledger = Journal(directory), Ledger()
    journal.append(encode_entry(entry(1)))
    assert recover(directory, ledger.write) == 0
    journal.append(encode_entry(entry(2)))
    journal.close()
    assert recover(directory, ledger.write) == 2
    assert ids(ledger.entries) == ["req_1", "req_2"]
    assert files(directory) == []


def test_a_dead_processs_segments_come_back_in_order(directory: Path) -> None:
    dead, alive, ledger = Journal(directory), Journal(directory), Ledger()
    alive.append(encode_entry(entry(99)))
    for number in range(25):
        dead.append(encode_entry(entry(number)))
        if number % 10 == 9:
            dead.rotate()
    abandon(dead)
    assert recover(directory, ledger.write) == 25
    assert ids(ledger.entries) == [f"req_{number}" for number in range(25)]
    assert len(ledger.segments) == 3
    assert recover(directory, ledger.write) == 0
    alive.close()


def test_a_recovery_that_is_broken_off_is_gone_on_with(directory: Path) -> None:
    """Also between storing a segment and removing its file."""
    dead, ledger = Journal(directory), Ledger()
    for number in range(4):
        dead.append(encode_entry(entry(number)))
        if number < 3:
            dead.rotate()
    abandon(dead)

    def write(entries: Sequence[Entry], segment: str) -> None:
        ledger.write(entries, segment)
        if len(ledger.segments) == 2:
            raise OSError("the store is away")

    with pytest.raises(OSError, match="away"):
        recover(directory, write)
    recover(directory, ledger.write)
    assert ids(ledger.entries) == ["req_0", "req_1", "req_2", "req_3"]
    assert files(directory) == []


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_torn_tail_is_dropped(directory: Path, torn: int) -> None:
    journal, ledger = Journal(directory), Ledger()
    journal.append(encode_entry(entry(1)))
    journal.append(encode_entry(entry(2)))
    abandon(journal)
    [path] = directory.glob("*.journal")
    path.write_bytes(path.read_bytes()[:-torn])
    assert recover(directory, ledger.write) == 1
    assert ids(ledger.entries) == ["req_1"]


def test_a_record_that_was_damaged_and_what_follows_is_not_believed(directory: Path) -> None:
    journal = Journal(directory)
    for number in range(3):
        journal.append(b"record %d" % number)
    name = journal.rotate().name
    path = directory / f"{name}.journal"
    path.write_bytes(path.read_bytes().replace(b"record 1", b"record ?"))
    assert read_records(path) == [b"record 0"]
    journal.close()


def test_what_another_version_wrote_is_left(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal, ledger = Journal(directory), Ledger()
    journal.append(b"\x93nothing that is known here")
    journal.rotate()
    journal.append(encode_entry(entry(1)))
    abandon(journal)
    for _ in range(2):
        recover(directory, ledger.write)
    assert ids(ledger.entries) == ["req_1"]
    assert len(list(directory.glob("*.journal"))) == 1
    assert "cannot be read" in caplog.text


def test_a_journal_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And written again when it can."""
    directory = tmp_path / "journal"
    directory.write_text("in its place")
    journal = Journal(directory)
    assert [journal.append(b"a"), journal.append(b"b")] == [False, False]
    assert caplog.text.count("cannot be written") == 1
    assert (journal.failures, journal.rotate().is_whole) == (2, False)
    directory.unlink()
    assert journal.append(b"c")
    assert journal.rotate().is_whole
    journal.close()


def test_a_record_that_is_not_written_whole_is_taken_back(directory: Path) -> None:
    """A file may have no more than so many bytes, as on a disk that is full."""
    journal = Journal(directory)
    assert journal.append(bytes(100))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))
    try:
        assert not journal.append(bytes(100))
        assert not journal.append(bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert journal.append(b"there is room again")
    segment = journal.rotate()
    assert journal.read(segment.name) == [bytes(100), b"there is room again"]
    assert not segment.is_whole
    journal.close()


def test_a_lock_that_somebody_took_away_is_made_anew(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its making and its locking, whoever recovers may take it for that of a dead process."""
    real, taken = os.open, []

    def opened(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        if path.suffix == ".lock" and not taken:
            taken.append(path)
            path.unlink()
        return descriptor

    monkeypatch.setattr("torouter.ledger.journal.os.open", opened)
    journal = Journal(directory)
    assert journal.append(b"a")
    monkeypatch.undo()
    assert taken
    assert files(directory) == [".journal", ".lock"]
    assert recover(directory, Ledger().write) == 0
    journal.close()


@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_was_acknowledged_is_lost_with_a_killed_process(directory: Path, seed: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", _APPENDER, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(random.Random(seed).randrange(1, 2000)):
        process.stdout.readline()
    process.kill()
    told = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    ledger = Ledger()
    recover(directory, ledger.write)
    numbers = [int(request_id.removeprefix("req_")) for request_id in ids(ledger.entries)]
    assert numbers == list(range(1, len(numbers) + 1)), "each once, in order"
    acknowledged = [int(number) for number in told if number][-1:]
    assert not acknowledged or len(numbers) >= acknowledged[0]
    assert files(directory) == []


def test_processes_that_recover_at_once_store_each_entry_once(directory: Path, tmp_path: Path) -> None:
    for start in range(0, 40, 10):
        journal = Journal(directory)
        for number in range(start, start + 10):
            journal.append(encode_entry(entry(number)))
        abandon(journal)
    script = (
        "import sys\nfrom pathlib import Path\nfrom torouter.ledger.journal import recover\n"
        "out = open(sys.argv[2], 'a')\n"
        "recover(Path(sys.argv[1]), lambda entries, _: [print(each.usage.request_id, file=out) for each in entries])"
    )
    command = [sys.executable, "-c", script, str(directory)]
    processes = [subprocess.Popen([*command, str(tmp_path / f"out{number}")]) for number in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    stored = [line for number in range(4) for line in (tmp_path / f"out{number}").read_text().split()]
    assert sorted(stored) == sorted(f"req_{number}" for number in range(40))
    assert files(directory) == []
