"""What is kept lies sealed, for a time and within bounds; a store that fails is no fault of the caller's."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from torouter.accounts import Keeping, KeptResponses
from torouter.accounts.cipher import Cipher
from torouter.errors import StoreError
from torouter.store import Store

PEPPER = bytes(range(32))
KEEPING = Keeping(ttl_s=60.0, limit_bytes=1000, account_limit_bytes=10_000)
DOCUMENT = b'{"input":[],"response":{"id":"resp_1","secret":"a word that nobody else uses"}}'


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(store: Store, clock: Clock) -> KeptResponses:
    return KeptResponses(store, PEPPER, KEEPING, clock)


async def test_a_life(kept: KeptResponses) -> None:
    assert await kept.find(1, "resp_1") is None
    assert await kept.keep(1, 7, "resp_1", DOCUMENT)
    assert await kept.find(1, "resp_1") == DOCUMENT
    assert await kept.find(2, "resp_1") is None
    assert not await kept.delete(2, "resp_1")
    assert await kept.delete(1, "resp_1")
    assert await kept.find(1, "resp_1") is None
    assert not await kept.delete(1, "resp_1")


async def test_it_ends_with_its_time(kept: KeptResponses, clock: Clock) -> None:
    await kept.keep(1, 7, "resp_1", DOCUMENT)
    clock.now_ms += 59_999
    assert await kept.find(1, "resp_1") == DOCUMENT
    clock.now_ms += 1
    assert await kept.find(1, "resp_1") is None


async def test_what_is_too_large_is_not_kept(store: Store, clock: Clock) -> None:
    kept = KeptResponses(store, PEPPER, replace(KEEPING, limit_bytes=len(DOCUMENT)), clock)
    assert await kept.keep(1, 7, "resp_1", DOCUMENT)
    assert not await kept.keep(1, 7, "resp_2", DOCUMENT + b" ")
    assert await kept.find(1, "resp_2") is None


async def test_nothing_of_it_can_be_read_in_the_file(kept: KeptResponses, store: Store) -> None:
    await kept.keep(1, 7, "resp_1", DOCUMENT)
    on_disk = b"".join(path.read_bytes() for path in store.data_dir.iterdir())
    assert b"resp_1" in on_disk
    assert b"nobody else uses" not in on_disk
    with closing(sqlite3.connect(store.place)) as connection:
        [(sealed,)] = connection.execute("SELECT sealed FROM kept_responses").fetchall()
    assert b"nobody" not in sealed


async def test_another_secret_opens_nothing(kept: KeptResponses, store: Store, clock: Clock) -> None:
    await kept.keep(1, 7, "resp_1", DOCUMENT)
    stranger = KeptResponses(store, bytes(32), KEEPING, clock)
    with pytest.raises(StoreError, match="cannot be looked up right now") as caught:
        await stranger.find(1, "resp_1")
    assert caught.value.status == 503


async def test_a_store_that_fails_keeps_nothing_and_names_no_path(
    kept: KeptResponses, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(store.place) as connection:
        connection.execute("DROP TABLE kept_responses")
    connection.close()
    assert not await kept.keep(1, 7, "resp_1", DOCUMENT)
    assert "response not kept id=resp_1" in caplog.text
    for call in (kept.find(1, "resp_1"), kept.delete(1, "resp_1")):
        with pytest.raises(StoreError) as caught:
            await call
        assert str(store.place) not in caught.value.message


async def test_it_sweeps_by_itself(kept: KeptResponses, store: Store, clock: Clock) -> None:
    await kept.keep(1, 7, "resp_1", DOCUMENT)
    clock.now_ms += 60_000
    await until_swept(kept, store, "resp_1")


async def until_swept(kept: KeptResponses, store: Store, name: str) -> None:
    sweeping = asyncio.create_task(kept.run())
    try:
        async with asyncio.timeout(30):
            while store.find_response(1, name, 0) is not None:
                await asyncio.sleep(0.01)
    finally:
        sweeping.cancel()


@pytest.mark.parametrize(("ttl_s", "lives_s"), [(10.0, 10), (600.0, 60)])
async def test_a_shorter_time_holds_for_what_is_there(
    kept: KeptResponses, store: Store, clock: Clock, ttl_s: float, lives_s: int
) -> None:
    await KeptResponses(store, PEPPER, replace(KEEPING, ttl_s=0.0), clock).keep(1, 7, "resp_gone", DOCUMENT)
    await kept.keep(1, 7, "resp_1", DOCUMENT)
    later = KeptResponses(store, PEPPER, replace(KEEPING, ttl_s=ttl_s), clock)
    await until_swept(later, store, "resp_gone")
    clock.now_ms += lives_s * 1000 - 1
    assert await later.find(1, "resp_1") == DOCUMENT
    clock.now_ms += 1
    assert await later.find(1, "resp_1") is None


def test_sealed_bytes_open_in_their_own_place_only() -> None:
    cipher = Cipher(PEPPER, "test")
    sealed = cipher.encrypt(b"data", b"here")
    assert cipher.decrypt(sealed, b"here") == b"data"
    assert cipher.encrypt(b"data", b"here") != sealed
    for data, context, other in (
        (sealed, b"there", cipher),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"here", cipher),
        (b"", b"here", cipher),
        (sealed, b"here", Cipher(PEPPER, "other")),
        (sealed, b"here", Cipher(bytes(32), "test")),
    ):
        with pytest.raises(StoreError):
            other.decrypt(data, context)
