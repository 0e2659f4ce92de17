"""Waiting for room: in the order of coming, for a bounded time, and nobody stays behind."""

from __future__ import annotations

import asyncio

import pytest

from torouter.channels import KINDS, Channel, Credential, Policy
from torouter.relay.queueing import Queues
from torouter.units import Secret


def channel(name: str, cap: int = 1) -> Channel:
    return Channel(
        name=name, kind=KINDS["openai"], base_url=f"http://{name}/v1", models={"m": "m"},
        credentials=(Credential(secret=Secret("s")),), policy=Policy(concurrency=cap),
    )  # fmt: skip


A, B = channel("a"), channel("b")


async def waiting(
    queues: Queues, *channels: Channel, wait_s: float = 5.0, is_first: bool = False
) -> asyncio.Task[bool]:
    task = asyncio.create_task(queues.wait(channels, wait_s, is_first=is_first))
    await asyncio.sleep(0)
    return task


async def test_who_came_first_goes_first() -> None:
    queues = Queues()
    one, two = await waiting(queues, A), await waiting(queues, A)
    queues.room("a")
    assert await one
    assert not two.done()
    three = await waiting(queues, A, is_first=True)
    queues.room("a")
    assert await three
    queues.room("a")
    assert await two
    assert len(queues) == 0


async def test_room_anywhere_will_do() -> None:
    queues = Queues()
    either = await waiting(queues, A, B)
    queues.room("b")
    assert await either
    assert len(queues) == 0
    queues.room("a")  # nobody waits for it any more


async def test_a_time_has_its_end() -> None:
    queues = Queues()
    assert not await queues.wait((A,), 0.01, is_first=False)
    assert not await queues.wait((A,), 0.0, is_first=False)
    assert len(queues) == 0


async def test_who_leaves_is_not_woken_and_gives_its_turn_on() -> None:
    queues = Queues()
    one, two = await waiting(queues, A), await waiting(queues, A)
    queues.room("a")
    one.cancel()  # woken, and gone before it could come
    assert await two
    with pytest.raises(asyncio.CancelledError):
        await one
    assert len(queues) == 0


async def test_a_queue_is_bounded() -> None:
    queues = Queues()
    waiters = [await waiting(queues, A) for _ in range(64)]
    assert not await queues.wait((A,), 5.0, is_first=False)
    assert len(queues) == 64
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    assert len(queues) == 0
