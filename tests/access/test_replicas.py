from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from torouter.access.replicas import alone_in, await_alone
from torouter.errors import ConfigError
from torouter.store import ProcessRow, Store
from torouter.units import wall_ms


def beat(store: Store, replica: str, place: str = "that machine") -> None:
    store.beat(
        ProcessRow(id=f"of {replica}", place=place, replica=replica, started_ms=0, seen_ms=wall_ms(), revision=0)
    )


def test_a_data_directory_has_one_server(tmp_path: Path) -> None:
    found = pytest.raises(ConfigError, match=r"Another `torouter serve` uses .*--redis")
    with alone_in(tmp_path), found, alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_nobody_else_serves(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        await_alone(store, "ours")
        beat(store, "ours")
        await_alone(store, "ours")


def test_another_that_lives_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        beat(store, "theirs")

        def sleeping(_: float) -> None:
            time.sleep(0.01)
            beat(store, "theirs")

        with pytest.raises(ConfigError, match="that machine"):
            await_alone(store, "ours", sleep=sleeping)


def test_another_that_was_killed_is_given_its_time(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        beat(store, "theirs")
        await_alone(store, "ours", lease_s=0.3)


def test_another_that_leaves_meanwhile(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        beat(store, "theirs")
        threading.Timer(0.3, store.leave, ("of theirs",)).start()
        begun_s = time.monotonic()
        await_alone(store, "ours")
        assert time.monotonic() - begun_s < 3
