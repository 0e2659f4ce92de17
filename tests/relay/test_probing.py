"""A channel that an outage has closed is asked for its models until it answers, and then serves one request."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.relay.stage import json_reply
from tests.relay.test_openings import note
from tests.routing.channels import channel
from torouter.channels import Channel, Credential, Policy
from torouter.errors import UpstreamError
from torouter.relay.openings import Openings
from torouter.relay.probing import Probing
from torouter.routing.health import Note
from torouter.routing.planner import Planner
from torouter.units import Secret
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.upstream import Request


class Scene:
    """A channel `a` with two credentials, whose upstream answers with `status`; 0: not at all."""

    def __init__(self, probe_s: float = 5.0) -> None:
        self.now_s = 100.0
        self.status = 503
        self.asked: list[bytes] = []
        credentials = tuple(Credential(label, Secret(f"key-{label}")) for label in ("x", "y"))
        self.channel: Channel = replace(
            channel("a", "m"), credentials=credentials, policy=Policy(probe_s=probe_s)
        )  # fmt: skip
        self.openings = Openings(Planner(lambda: 0.5).health, lambda: self.now_s)
        self.told: list[Note] = []
        self.openings.tell = self.told.append
        upstreams = {"http": MemoryUpstream(self.answer)}
        self.probing = Probing(
            lambda: [self.channel], self.openings, upstreams, lambda: self.now_s, draw=lambda: 0.5
        )  # fmt: skip

    def answer(self, request: Request) -> Reply:
        assert (request.method, request.target) == (b"GET", b"/v1/models")
        self.asked.append(request.head.partition(b"authorization: Bearer ")[2].partition(b"\r\n")[0])
        if not self.status:
            raise UpstreamError("nobody there", phase="connect")
        return json_reply(self.status, {"data": []})

    async def after(self, seconds: float) -> int:
        """How often it has been asked in all, so many seconds later."""
        self.now_s += seconds
        await self.probing.look()
        return len(self.asked)

    @property
    def left_s(self) -> float:
        [held] = self.openings.of("a")
        return held.left_s


async def test_it_is_asked_until_it_answers() -> None:
    scene = Scene()
    scene.openings.learn(note(100.0))
    assert await scene.after(0.0) == 0
    assert [await scene.after(seconds) for seconds in (4.0, 2.0, 4.0, 2.0)] == [0, 1, 1, 2]
    assert (scene.told, scene.left_s) == ([], 88.0)
    scene.status = 200
    assert await scene.after(5.0) == 3
    assert scene.left_s == 1.0
    assert [each.left_s for each in scene.told] == [0.0, 1.0], "others may ask it, too"
    assert [await scene.after(10.0) for _ in range(3)] == [3, 3, 3]


@pytest.mark.parametrize(("status", "is_there"), [(200, True), (404, True), (401, False), (429, False), (0, False)])
async def test_what_counts_as_an_answer(status: int, is_there: bool) -> None:
    scene = Scene()
    scene.status = status
    scene.openings.learn(note(100.0))
    await scene.after(0.0)
    await scene.after(6.0)
    assert (len(scene.asked), scene.left_s == 1.0) == (1, is_there)


@pytest.mark.parametrize(
    "held",
    [
        Note("a", "", "", "channel", failures=1, left_s=100.0, is_told=True),
        Note("a", "x", "", "credential", failures=1, left_s=100.0, is_told=False),
        Note("a", "x", "up-m", "model", failures=1, left_s=100.0, is_told=False),
    ],
    ids=["told when", "a bad credential", "a model at its limit"],
)
async def test_what_is_no_outage_is_left_alone(held: Note) -> None:
    scene = Scene()
    scene.openings.learn(held)
    assert [await scene.after(seconds) for seconds in (0.0, 10.0, 10.0)] == [0, 0, 0]


async def test_a_channel_without_probes_is_left_alone() -> None:
    scene = Scene(probe_s=0.0)
    scene.openings.learn(note(100.0))
    assert [await scene.after(seconds) for seconds in (0.0, 10.0, 10.0)] == [0, 0, 0]


async def test_a_credential_that_is_not_bad_is_shown() -> None:
    scene = Scene()
    scene.openings.learn(note(100.0))
    scene.openings.learn(note(100.0, "credential", credential="x"))
    await scene.after(0.0)
    await scene.after(6.0)
    assert scene.asked == [b"key-y"]


async def test_a_fault_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()

    def broken() -> list[Channel]:
        raise ZeroDivisionError

    probing = Probing(broken, scene.openings, {}, lambda: 0.0, look_s=0.001)
    task = asyncio.create_task(probing.run())
    async with asyncio.timeout(5):
        while caplog.text.count("channels not probed") < 2:
            await asyncio.sleep(0.001)
    task.cancel()
