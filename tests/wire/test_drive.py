from __future__ import annotations

import asyncio

from torouter.wire.drive import Drive, Moment


async def test_the_first_step_is_taken_at_once_and_the_rest_when_the_future_is_done() -> None:
    seen: list[str] = []
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        seen.append("started")
        seen.append(await gate)
        await asyncio.sleep(0)
        seen.append("slept")
        await asyncio.sleep(0.01)
        seen.append("ended")

    Drive(work()).start()
    assert seen == ["started"]
    gate.set_result("gone on")
    await asyncio.sleep(0.05)
    assert seen == ["started", "gone on", "slept", "ended"]


async def test_cancelling_raises_inside_and_stops_a_task_that_is_waited_for() -> None:
    seen: list[str] = []

    async def inner() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("inner")
            raise

    async def work() -> None:
        try:
            await asyncio.create_task(inner())
        except asyncio.CancelledError:
            seen.append("outer")

    drive = Drive(work())
    drive.start()
    await asyncio.sleep(0)
    drive.cancel()
    await asyncio.sleep(0.01)
    assert sorted(seen) == ["inner", "outer"]
    drive.cancel()
    await asyncio.sleep(0)


async def test_a_future_that_is_done_when_the_cancelling_comes_wakes_nothing() -> None:
    """Its callback stands in the loop's queue already, behind the cancelling (found under clients that leave)."""
    seen: list[str] = []
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await gate
            seen.append("woken")
        except asyncio.CancelledError:
            seen.append("cancelled")

    drive = Drive(work())
    drive.start()
    drive.cancel()
    gate.set_result(None)
    await asyncio.sleep(0.01)
    assert seen == ["cancelled"]


async def test_an_exception_of_what_is_awaited_arrives() -> None:
    seen: list[str] = []
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await gate
        except OSError as error:
            seen.append(str(error))

    Drive(work()).start()
    gate.set_exception(OSError("broken"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == ["broken"]


async def test_a_drive_goes_on_within_the_call_that_says_the_moment_has_come() -> None:
    seen: list[str] = []
    moment = Moment(loop=asyncio.get_running_loop())

    async def work() -> None:
        await moment
        seen.append("gone on")

    Drive(work()).start()
    moment.come()
    assert seen == ["gone on"]
    moment.come()
    assert seen == ["gone on"]


async def test_a_moment_that_comes_soon_lets_the_caller_end_first() -> None:
    seen: list[str] = []
    moment = Moment(loop=asyncio.get_running_loop())

    async def work() -> None:
        await moment
        seen.append("gone on")

    Drive(work()).start()
    moment.come_soon()
    moment.come_soon()
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["gone on"]


async def test_a_task_may_wait_for_a_moment() -> None:
    moments = [Moment(loop=asyncio.get_running_loop()) for _ in range(3)]

    async def work() -> str:
        for moment in moments:
            await moment
        return "gone on"

    task = asyncio.create_task(work())
    moments[0].come_soon()
    await asyncio.sleep(0)
    moments[1].come()
    moments[2].come_soon()
    assert await asyncio.wait_for(task, 1) == "gone on"


async def test_a_moment_that_comes_after_the_cancelling_wakes_nothing() -> None:
    seen: list[str] = []
    moment = Moment(loop=asyncio.get_running_loop())

    async def work() -> None:
        try:
            await moment
            seen.append("woken")
        except asyncio.CancelledError:
            seen.append("cancelled")

    drive = Drive(work())
    drive.start()
    drive.cancel()
    moment.come_soon()
    await asyncio.sleep(0.01)
    assert seen == ["cancelled"]
    moment.come()
    assert seen == ["cancelled"]
