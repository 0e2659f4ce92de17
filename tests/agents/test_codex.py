"""Codex over a Responses upstream: as a provider of its own, over HTTP and WebSocket, and as the built-in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.cli import Room
from tests.agents.codex import MODEL, PROVIDERS, codex
from tests.agents.conftest import Channel, Play
from tests.agents.errand import Errand
from tests.agents.journey import token
from tests.agents.responses_script import ResponsesScript
from tests.agents.upstream import json_reply
from tests.agents.wiretap import Wiretap
from tests.contract.matrix.cells import MODELS
from tests.contract.matrix.vendors import Said, streamed
from tests.live.gateway import Gateway
from tests.live.slots import channels_to
from tests.live.upstream import Upstream, recorded_answer, sse_answer
from torouter.units import Dialect

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents

CHANNEL = Channel("openai", "openai-responses", "/v1")
ERRAND = (MODEL, "upstream-five")


@pytest.mark.parametrize("mount", ["/v1", "/api/v1"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_turn_with_a_tool_call(room: Room, packages: Path, play: Play, provider: str, mount: str) -> None:
    """Where Codex opens a WebSocket, the upstream is asked over HTTP all the same."""
    errand = Errand(*ERRAND)
    agent = codex(room, packages, errand.prompt, provider=provider, mount=mount)
    await play(errand, ResponsesScript(errand), CHANNEL, agent)


async def test_its_websocket_is_really_used(room: Room, packages: Path, play: Play) -> None:
    """On one connection: a warm-up, a turn that goes on from it, and one that goes on from that with nothing but the
    result of the tool call."""
    errand = Errand(*ERRAND)
    async with Wiretap() as tap:
        agent = codex(room, packages, errand.prompt, provider="own-provider-websocket", tap=tap)
        await play(errand, ResponsesScript(errand), CHANNEL, agent)
    assert tap.request_lines == ["GET /v1/responses HTTP/1.1"]
    warm_up, first, second = tap.messages()
    assert {event["type"] for event in (warm_up, first, second)} == {"response.create"}
    assert warm_up["generate"] is False
    assert first["previous_response_id"].startswith("resp_")
    assert second["previous_response_id"] == "resp_01"
    assert [item["type"] for item in second["input"]] == ["function_call_output"]


ANSWERS = {
    "openai-chat": ("openai-chat/stream/016", "The current version of *llm* is **0.fixed-version**."),
    "anthropic": ("anthropic-messages/stream/003", "is 73°F (23°C)."),
    "gemini": ("gemini/stream/002", "Sleep tight."),
}


@pytest.mark.parametrize("dialect", ANSWERS)
async def test_its_websocket_reaches_every_dialect(room: Room, packages: Path, tmp_path: Path, dialect: str) -> None:
    recording, words = ANSWERS[dialect]
    with Upstream() as upstream:
        upstream.script("theirs", recorded_answer(recording))
        channels = channels_to(upstream, {dialect: {"gpt-5": "theirs"}})
        async with Wiretap() as tap:
            with Gateway(tmp_path / "gateway", channels=channels) as gateway:
                outcome = await codex(room, packages, "hello", provider="own-provider-websocket", tap=tap)(gateway)
        assert len(upstream.visits("theirs")) == 1, outcome
    assert outcome.exit_code == 0, outcome
    assert words in outcome.stdout
    assert tap.request_lines == ["GET /v1/responses HTTP/1.1"]


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMS = {
    "openai-chat": lambda body: body["response_format"]["json_schema"]["schema"],
    "openai-responses": lambda body: body["text"]["format"]["schema"],
    "anthropic": lambda body: body["output_config"]["format"]["schema"],
    "gemini": lambda body: body["generationConfig"]["responseJsonSchema"],
}
"""Where each dialect says what form the answer is to have."""


@pytest.mark.parametrize("dialect", FORMS)
async def test_an_answer_in_json_over_every_dialect(
    room: Room, packages: Path, tmp_path: Path, dialect: Dialect
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    said = json.dumps({"city": f"Oslo {token()}"})
    theirs = MODELS[dialect]
    with Upstream() as upstream:
        upstream.script(theirs, sse_answer(streamed(dialect, Said(text=said))))
        channels = channels_to(upstream, {dialect: {MODEL: theirs}})
        with Gateway(tmp_path / "gateway", channels=channels) as gateway:
            outcome = await codex(room, packages, "Where?", output_schema=schema)(gateway)
        visits = upstream.visits(theirs)
    assert outcome.exit_code == 0, outcome
    assert len(visits) == 1, outcome
    assert FORMS[dialect](json.loads(visits[0].body)) == SCHEMA
    assert said in outcome.stdout


@pytest.mark.parametrize("provider", ["own-provider", "own-provider-websocket"])
async def test_it_comes_back_after_a_500(room: Room, packages: Path, play: Play, provider: str) -> None:
    errand = Errand(*ERRAND)
    told = {"error": {"type": "server_error", "message": "Something broke.", "code": None, "param": None}}
    stumble = json_reply(told, status=500)
    agent = codex(room, packages, errand.prompt, provider=provider)
    await play(errand, ResponsesScript(errand), CHANNEL, agent, stumble=stumble)
