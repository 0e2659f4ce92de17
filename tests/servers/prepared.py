"""Data directories to copy, so that not every test makes what takes longest to make."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from torouter.ledger.catalog import open_catalogue
from torouter.store import Store

__all__ = ["copy_of_empty", "copy_of_started"]


def copy_of_empty(data: Path) -> Path:
    """Makes the directory: a store on SQLite with this version's schema and nothing in it."""
    return Path(shutil.copytree(_empty(), data))


def copy_of_started(data: Path) -> Path:
    """Makes the directory: an empty store, and the compiled price list. A gateway's first start in it still makes the
    account, the key and the pepper."""
    return Path(shutil.copytree(_started(), data))


@cache
def _empty() -> Path:
    data = _folder() / "empty"
    Store.open(data).close()
    return data


@cache
def _started() -> Path:
    data = copy_of_empty(_folder() / "started")
    open_catalogue(data)
    return data


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="torouter-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
