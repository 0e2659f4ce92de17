from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.prepared import copy_of_empty
from torouter.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(copy_of_empty(tmp_path / "data")) as store:
        yield store
