"""Every agent over every upstream dialect: turns with tools, each request held against the vendor's types."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.agents.cli import Room
from tests.agents.conftest import channel_settings
from tests.agents.journey import Journey, Step, Tool, token
from tests.agents.pictures import random_png
from tests.agents.travellers import TRAVELLERS, Traveller, codex_of
from tests.agents.upstream import ScriptedUpstream
from tests.agents.upstreams import PARTS
from tests.live.gateway import Gateway

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents

OF_OPENCODE = {
    ("opencode-chat", "anthropic"),
    ("opencode-responses", "gemini"),
    ("opencode-messages", "openai-chat"),
    ("opencode-gemini", "openai-responses"),
}
"""Its cells in an ordinary run: it takes 6 s for each on two cores, the others 1 to 4. `make agents` runs all."""


def _cells(of_opencode: Collection[tuple[str, str]]) -> Iterator[ParameterSet]:
    for name, dialect in product(TRAVELLERS, PARTS):
        is_rare = name.startswith("opencode") and (name, dialect) not in of_opencode
        marks = [pytest.mark.on_request] if is_rare else []
        yield pytest.param(TRAVELLERS[name], dialect, marks=marks, id=f"{name}-over-{dialect}")


class Trip:
    """A gateway with one channel to the scripted upstream, and an agent sent on its journey over both."""

    def __init__(self, room: Room, packages: Path, folder: Path) -> None:
        self._room, self._packages, self._folder = room, packages, folder

    async def make(self, traveller: Traveller, dialect: str, journey: Journey, tool: Tool) -> None:
        is_home = traveller.dialect == dialect
        part = PARTS[dialect](journey, tool, is_home=is_home, keeps_ids=traveller.keeps_ids)
        async with ScriptedUpstream(part, error=part.error) as upstream:
            models = {traveller.model: part.model}
            channel = channel_settings(part.channel, upstream, key=journey.upstream_key, models=models)
            with Gateway(self._folder / "gateway", channels=[channel]) as gateway:
                outcome = await traveller.start(self._room, self._packages, journey.prompt)(gateway)
        story = f"{upstream.seen()}\n{outcome}"
        assert upstream.objections == [], story
        assert outcome.exit_code == 0, story
        assert journey.farewell in outcome.stdout, story
        assert part.turns == [turn.name for turn in journey.turns], story


@pytest.fixture
def trip(room: Room, packages: Path, tmp_path: Path) -> Trip:
    return Trip(room, packages, tmp_path)


def _command(workdir: Path, name: str) -> Step:
    seed = token()
    (workdir / f"{name}.seed").write_text(seed)
    return Step(f"call_{name}", f"tr a-z A-Z < {name}.seed | tee {name}.found", seed.upper())


def _picture(workdir: Path, name: str) -> Step:
    picture, path = random_png(), workdir / f"{name}.png"
    path.write_bytes(picture)
    return Step(f"call_{name}", str(path), base64.b64encode(picture).decode(), is_picture=True)


@pytest.mark.parametrize(("traveller", "dialect"), list(_cells(OF_OPENCODE)))
async def test_commands(trip: Trip, room: Room, traveller: Traveller, dialect: str) -> None:
    """One, then two at once."""
    first, second, third = (_command(room.work, name) for name in ("first", "second", "third"))
    prompt = "Find the three secrets with shell commands and tell me when you are done."
    await trip.make(traveller, dialect, Journey(prompt, [first], [second, third]), traveller.shell)
    found = [(room.work / f"{name}.found").read_text() for name in ("first", "second", "third")]
    assert found == [first.secret, second.secret, third.secret]


@pytest.mark.parametrize("dialect", PARTS)
async def test_a_patch(trip: Trip, room: Room, dialect: str) -> None:
    """Codex's `apply_patch` is a custom tool: it takes text that obeys a grammar, and no JSON."""
    name = token()
    patch = f'*** Begin Patch\n*** Add File: {name}\n+zwölf "Boxkämpfer" \\n\n*** End Patch\n'
    step = Step("call_patch", patch, secret=name)
    journey = Journey("Write the file and tell me when you are done.", [step])
    await trip.make(TRAVELLERS["codex"], dialect, journey, Tool("apply_patch", "input", is_custom=True))
    assert (room.work / name).read_text() == 'zwölf "Boxkämpfer" \\n\n'


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic", "gemini"])
async def test_a_script(trip: Trip, room: Room, dialect: str) -> None:
    """To newer models Codex gives one tool for all others, which takes JavaScript: a custom tool in a namespace, within
    an item of the input. What the script says on its way is an output of its own."""
    command = _command(room.work, "first")
    script = f"notify('on my way'); text(await tools.exec_command({{cmd: {json.dumps(command.command)}}}));"
    journey = Journey("Find the secret and tell me when you are done.", [Step(command.id, script, command.secret)])
    await trip.make(codex_of("gpt-6.1-sol"), dialect, journey, Tool("functions__exec", "input"))
    assert (room.work / "first.found").read_text() == command.secret


@pytest.mark.parametrize(("traveller", "dialect"), list(_cells(())))
async def test_pictures(trip: Trip, room: Room, traveller: Traveller, dialect: str) -> None:
    one, other = _picture(room.work, "one"), _picture(room.work, "other")
    prompt = "Look at both pictures and tell me when you are done."
    await trip.make(traveller, dialect, Journey(prompt, [one, other]), traveller.viewer)
