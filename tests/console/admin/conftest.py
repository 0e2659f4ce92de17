from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.console.admin.desk import Api, admin_application, prepare, signed_in
from tests.servers.prepared import copy_of_empty
from torouter.store import Store

ADDRESS = "203.0.113.9"


@pytest.fixture(scope="session")
def prepared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy, with what `prepare` makes (seventeen calls), and a browser of account 2."""
    folder = copy_of_empty(tmp_path_factory.mktemp("prepared") / "data")
    with Store.open(folder) as store, TestClient(admin_application(store), client=(ADDRESS, 1)) as client:
        prepare(Api(client))
        signed_in(store, 2, "prepared")
    return folder


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """With nothing in it but for a test that uses `prepared`."""
    if "prepared" in request.fixturenames:
        data = Path(shutil.copytree(request.getfixturevalue("prepared_store"), tmp_path / "data"))
    else:
        data = copy_of_empty(tmp_path / "data")
    with Store.open(data) as store:
        yield store


@pytest.fixture
def api(store: Store) -> Iterator[Api]:
    with TestClient(admin_application(store), client=(ADDRESS, 1)) as client:
        yield Api(client)


@pytest.fixture
def prepared(api: Api) -> Api:
    """In its store is what `prepare` makes, without the time that its calls take."""
    return api
