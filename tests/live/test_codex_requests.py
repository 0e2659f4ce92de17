"""What Codex sends (0.169, seen 2026-11), over upstreams that only know functions: every sort of tool that it declares,
its own fields, and both of its calls on their way back and in the next turn's history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.live.conftest import Launch
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import Slot, slot_models
from tests.live.upstream import Upstream
from tests.live.voices import VOICES, faults_of

Json = dict[str, Any]

CLOSED = {
    "type": "object",
    "properties": {"cmd": {"type": "string"}},
    "required": ["cmd"],
    "additionalProperties": False,
}
SHELL = {"type": "function", "name": "exec_command", "description": "Runs it.", "strict": False, "parameters": CLOSED}
SEND = {**SHELL, "name": "send", "defer_loading": True}
SPAWN = {**SHELL, "name": "spawn_agent", "defer_loading": True}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin_patch hunk end_patch"},
}
TOOLS: list[Json] = [
    SHELL,
    PATCH,
    {"type": "namespace", "name": "agents", "description": "Sub-agents.", "tools": [SPAWN]},
    {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": CLOSED},
    {"type": "web_search", "external_web_access": True, "search_content_types": ["text", "image"]},
]
FIELDS: Json = {
    "tools": TOOLS,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "01a21485-04d3",
    "extra_body": {"client_metadata": {"x-codex-installation-id": "i"}},
}
ASKED: list[Json] = [
    {
        "type": "message",
        "id": f"msg_{n}",
        "role": role,
        "content": [{"type": "input_text", "text": text}],
    }
    for n, (role, text) in enumerate([("developer", "You are Codex."), ("user", "<cwd>/w</cwd>"), ("user", "fix it")])
]
PATCH_TEXT = '*** Begin Patch\n*** Add File: a "b"\n+ä\n*** End Patch'


@pytest.fixture
def taken(upstream: Upstream, launch: Launch, dialect: str) -> tuple[Gateway, Slot]:
    model, theirs = next(iter(slot_models(f"{dialect}-codex").items()))
    return launch({dialect: {model: theirs}}), Slot(model, theirs, upstream)


@pytest.fixture
def client(taken: tuple[Gateway, Slot]) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{taken[0].url}/v1", api_key=FIRST_KEY, max_retries=0) as opened:
        yield opened


def turn(client: OpenAI, slot: Slot, items: list[Json]) -> list[Json]:
    """The items of a streamed answer: those that were said to be done, which are what Codex keeps."""
    made = client.responses.create(model=slot.model, input=items, stream=True, **FIELDS)  # type: ignore[arg-type]
    events = list(made)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    done = [event.item.to_dict() for event in events if event.type == "response.output_item.done"]
    assert [item.to_dict() for item in events[-1].response.output] == done
    return done


def declared(body: Json) -> list[str]:
    return [
        tool.get("name") or tool["function"]["name"]
        for group in body["tools"]
        for tool in group.get("functionDeclarations", [group])
    ]


@pytest.mark.parametrize("dialect", sorted(VOICES))
def test_a_conversation_with_every_sort_of_tool(
    client: OpenAI, taken: tuple[Gateway, Slot], upstream: Upstream, dialect: str
) -> None:
    voice, slot = VOICES[dialect], taken[1]
    slot.script(
        voice.call("apply_patch", {"input": PATCH_TEXT}, stream=True),
        voice.call("agents__spawn_agent", {"cmd": "x"}, stream=True),
        voice.call("tool_search", {"queries": ["mail"]}, stream=True),
        voice.call("mail__send", {"cmd": "y"}, stream=True),
        voice.text("Done.", stream=True),
    )
    [patch] = turn(client, slot, ASKED)
    assert (patch["type"], patch["name"], patch["input"]) == ("custom_tool_call", "apply_patch", PATCH_TEXT)
    items = [*ASKED, patch, {"type": "custom_tool_call_output", "call_id": patch["call_id"], "output": "Success."}]
    [spawn] = turn(client, slot, items)
    assert (spawn["type"], spawn["name"], spawn["namespace"]) == ("function_call", "spawn_agent", "agents")
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    output = [{"type": "input_text", "text": "spawned"}, picture]
    items += [spawn, {"type": "function_call_output", "call_id": spawn["call_id"], "output": output}]
    [search] = turn(client, slot, items)
    assert (search["type"], search["execution"], search["arguments"]) == (
        *("tool_search_call", "client"),
        {"queries": ["mail"]},
    )
    found = {"type": "tool_search_output", "call_id": search["call_id"], "execution": "client", "status": "completed"}
    items += [search, {**found, "tools": [{"type": "namespace", "name": "mail", "description": "", "tools": [SEND]}]}]
    [send] = turn(client, slot, items)
    assert (send["type"], send["name"], send["namespace"]) == ("function_call", "send", "mail")
    items += [send, {"type": "function_call_output", "call_id": send["call_id"], "output": "sent"}]
    [said] = turn(client, slot, items)
    assert said["content"][0]["text"] == "Done."

    bodies = [json.loads(visit.body) for visit in slot.visits]
    assert [faults_of[dialect](body) for body in bodies] == [[]] * 5
    at_first = ["exec_command", "apply_patch", "agents__spawn_agent", "tool_search"]
    assert [declared(body) for body in bodies] == [at_first] * 3 + [[*at_first, "mail__send"]] * 2
    for body in bodies:
        told = json.dumps(body, ensure_ascii=False)
        assert "start: begin_patch hunk end_patch" in told, "the grammar is told in words"
        for word in ("web_search", "client_metadata", "prompt_cache_key", "installation"):
            assert word not in told
    history = json.dumps(bodies[4].get("messages") or bodies[4]["contents"], ensure_ascii=False)
    said_in_order = ("Success.", "agents__spawn_agent", "iVBORw0KGgo=", '"tool_search"', "Found: mail__send.", "sent")
    places = [history.index(word) for word in said_in_order]
    assert places == sorted(places)


@pytest.mark.parametrize("dialect", sorted(VOICES))
def test_what_is_left_out_is_said(client: OpenAI, taken: tuple[Gateway, Slot], dialect: str) -> None:
    slot = taken[1].script(VOICES[dialect].text("hi"))
    raw = client.responses.with_raw_response.create(model=slot.model, input=ASKED, **FIELDS)  # type: ignore[arg-type]
    losses = set(raw.headers["x-torouter-losses"].split(", ")) - {"max_output_tokens;added", "reasoning;dropped"}
    assert losses == {
        "client_metadata;dropped",
        "tools.1.format;dropped",
        "tools.2.description;dropped",
        "tools.2.tools.0.defer_loading;dropped",
        "tools.4;dropped",
    }
    echoed = raw.parse()
    assert [tool.type for tool in echoed.tools] == ["function", "custom", "namespace", "tool_search", "web_search"]
    assert echoed.store is False
