from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.console.admin.desk import Api, admin_application
from torouter.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as store:
        yield store


@pytest.fixture
def api(store: Store) -> Iterator[Api]:
    with TestClient(admin_application(store), client=("203.0.113.9", 1)) as client:
        yield Api(client)
