from __future__ import annotations

import pytest

from tests.store.conftest import data_dir, opened, store
from torouter.accounts.office.desk import Actor, Desk
from torouter.store import Store

__all__ = ["data_dir", "desk", "opened", "store"]


@pytest.fixture
def desk(store: Store) -> Desk:
    """On both engines, at one moment."""
    return Desk(store, b"pepper" * 6, Actor("test", "203.0.113.9"), lambda: 1_796_000_000_000)
