"""The pepper: the deployment's own secret, without which the hashes of keys in the store say nothing.

It lives beside the store, in `<data>/secret`, made at the first start; or in `TOROUTER_SECRET`, which wins, so that
several machines can share one and a backup of the data directory need not contain it.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

from torouter.errors import ConfigError, StoreError

__all__ = ["FILE_NAME", "VARIABLE", "derived_key", "load_pepper"]

FILE_NAME: Final = "secret"
VARIABLE: Final = "TOROUTER_SECRET"

_BYTES: Final = 32
_MOST_BYTES: Final = 64  # BLAKE2b takes no longer key


def load_pepper(data_dir: Path, environ: Mapping[str, str], *, may_create: bool) -> bytes:
    """32 to 64 bytes. `may_create` is false where keys exist already: a new pepper would make all of them unknown.

    Raises `ConfigError` for a malformed variable, `StoreError` for a file that is missing, damaged or unreadable.
    """
    given = environ.get(VARIABLE)
    if given:
        return _decode(given)
    path = data_dir / FILE_NAME
    try:
        if may_create and not path.exists():
            _create(path)
        pepper = path.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(
            f"{path} is missing, and the keys in the store were hashed with it: put it back from a backup, or set "
            f"{VARIABLE} to what it held, in hexadecimal. To begin anew, move the store away as well."
        ) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}.") from error
    if len(pepper) != _BYTES:
        raise StoreError(
            f"{path} is damaged: it has {len(pepper)} bytes instead of {_BYTES}; put it back from a backup."
        )
    return pepper


def derived_key(pepper: bytes, purpose: str) -> bytes:
    """32 bytes for another use than keys' hashes; they tell nothing of the pepper or of each other."""
    return blake2b(purpose.encode(), key=pepper, digest_size=_BYTES, person=b"derived").digest()


def _create(path: Path) -> None:
    """Whole or not at all, and by one process only: the file gets its name when it is complete, if the name is free."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the store may be elsewhere
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first, and its pepper counts
    finally:
        draft.unlink()


def _decode(text: str) -> bytes:
    pepper = _from_hex(text) or _from_base64(text)
    if pepper is None:
        raise ConfigError(f"{VARIABLE}: expected {_BYTES} to {_MOST_BYTES} bytes in hexadecimal or base64.")
    if not _BYTES <= len(pepper) <= _MOST_BYTES:
        raise ConfigError(f"{VARIABLE}: expected {_BYTES} to {_MOST_BYTES} bytes, got {len(pepper)}.")
    return pepper


def _from_hex(text: str) -> bytes | None:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None


def _from_base64(text: str) -> bytes | None:
    """Both alphabets, with padding or without."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return None
