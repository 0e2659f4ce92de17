from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.portal.lobby import Lobby
from torouter.store import Store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy: migrating takes longer than most of these tests."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    Store.open(folder).close()
    return folder


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Iterator[Store]:
    with Store.open(Path(shutil.copytree(empty_store, tmp_path / "data"))) as store:
        yield store


@pytest.fixture
def lobby(store: Store) -> Lobby:
    return Lobby(store)
