"""Every test that takes `store` runs on both engines; what is about SQLite's file takes `sqlite_store`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.servers.postgres import running_server
from tests.servers.prepared import copy_of_empty
from torouter.store import Store
from torouter.units import Secret

_TEMPLATE = "torouter_template"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Secret | None]:
    """A store's second argument: `None` is SQLite in the data directory. There is nothing in it yet."""
    if request.param == "sqlite":
        yield None
        return
    with running_server().database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[tuple[Path, Secret | None]]:
    """The arguments of a store with this version's schema and nothing else."""
    with _copy(request.param == "sqlite", data_dir) as database:
        yield data_dir, database


@pytest.fixture
def store(opened: tuple[Path, Secret | None]) -> Iterator[Store]:
    with Store.open(*opened) as store:
        yield store


@pytest.fixture
def sqlite_store(data_dir: Path) -> Iterator[Store]:
    with Store.open(copy_of_empty(data_dir)) as store:
        yield store


@contextmanager
def _copy(is_sqlite: bool, data_dir: Path) -> Iterator[Secret | None]:
    if is_sqlite:
        copy_of_empty(data_dir)
        yield None
        return
    with running_server().database(_template()) as url:
        yield url


@cache
def _template() -> str:
    server = running_server()
    server.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
    Store.open(Path(), Secret(server.url(_TEMPLATE))).close()
    return _TEMPLATE
