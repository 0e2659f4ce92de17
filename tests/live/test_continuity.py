"""Reasoning goes on through every dialect that is not the upstream's own: what an upstream signed in one turn comes
back to it in the next, to the letter and on the very part, through the official SDKs, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest

from tests.live.conftest import Launch
from tests.live.gateway import Gateway
from tests.live.reasoners import CLIENTS, DIALECTS, REASONERS, SCHEMA, SIGNATURE, Client, assert_restored
from tests.live.upstream import Upstream
from torouter.canon.capsule import PREFIX

KINDS = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}
CELLS = [(client, upstream) for client in DIALECTS for upstream in DIALECTS if client != upstream]


def channels(upstream: Upstream, **more: object) -> list[dict[str, object]]:
    return [
        {
            "name": dialect,
            "kind": KINDS[dialect],
            "base_url": f"{upstream.origin}{'' if dialect in ('anthropic', 'gemini') else '/v1'}",
            "api_key": f"key-of-{dialect}",
            "dialects": [dialect],
            "models": {f"over-{dialect}": REASONERS[dialect].model},
            **more,
        }
        for dialect in DIALECTS
    ]


@pytest.fixture(scope="module")
def crossing(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("continuity"), channels=channels(upstream)) as running:
        yield running


def script(upstream: Upstream, dialect: str, *, is_stream: bool) -> None:
    reasoner = REASONERS[dialect]
    upstream.script(reasoner.model, reasoner.first(is_stream), reasoner.second(is_stream))


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("client", "dialect"), CELLS)
def test_state_comes_back_on_its_own_part(
    crossing: Gateway, upstream: Upstream, client: str, dialect: str, is_stream: bool
) -> None:
    script(upstream, dialect, is_stream=is_stream)
    assert CLIENTS[client](Client(crossing, f"over-{dialect}"), is_stream=is_stream) == "done"
    _, second = upstream.visits(REASONERS[dialect].model)
    assert_restored(dialect, second.body)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("client", "dialect"),
    [cell for cell in CELLS if cell[0] in ("openai-chat", "anthropic") and cell[1] != "openai-chat"],
)
def test_a_client_that_takes_no_state_is_served_by_the_vault(
    crossing: Gateway, upstream: Upstream, client: str, dialect: str, is_stream: bool
) -> None:
    script(upstream, dialect, is_stream=is_stream)
    shedding = Client(crossing, f"over-{dialect}", sheds=True)
    assert CLIENTS[client](shedding, is_stream=is_stream) == "done"
    _, second = upstream.visits(REASONERS[dialect].model)
    assert_restored(dialect, second.body)


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_the_vault_outlives_the_gateway(launch: Launch, upstream: Upstream, dialect: str) -> None:
    """And never holds in the clear what it keeps."""
    script(upstream, dialect, is_stream=False)
    gateway = launch(channels=channels(upstream))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as sdk:
        tools = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
        asked = {"model": f"over-{dialect}", "tools": tools, "messages": [{"role": "user", "content": "hi"}]}
        said = sdk.chat.completions.create(**asked).choices[0].message  # type: ignore[call-overload]
        assert gateway.stop() == 0
        stored = b"".join(path.read_bytes() for path in gateway.data.glob("torouter.db*"))
        assert SIGNATURE.encode() not in stored
        assert PREFIX.encode() not in stored
        gateway.start()
        calls = [call.model_dump(include={"id", "type", "function"}) for call in said.tool_calls]
        asked["messages"].append({"role": "assistant", "content": said.content, "tool_calls": calls})
        asked["messages"] += [{"role": "tool", "tool_call_id": call.id, "content": "42"} for call in said.tool_calls]
        assert sdk.chat.completions.create(**asked).choices[0].message.content == "done"  # type: ignore[call-overload]
    _, second = upstream.visits(REASONERS[dialect].model)
    assert_restored(dialect, second.body)


def test_without_a_vault_gemini_is_told_that_there_is_no_signature(launch: Launch, upstream: Upstream) -> None:
    script(upstream, "gemini", is_stream=True)
    gateway = launch(channels=channels(upstream), vault={"enabled": False})
    assert CLIENTS["openai-chat"](Client(gateway, "over-gemini", sheds=True), is_stream=True) == "done"
    _, second = upstream.visits(REASONERS["gemini"].model)
    said = json.loads(second.body)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in said] == [None, "skip_thought_signature_validator", None]


def test_history_made_elsewhere_reaches_an_upstream_of_the_clients_own_dialect_without_it(
    crossing: Gateway, upstream: Upstream
) -> None:
    """Each client makes a turn over a foreign upstream, and the next over one that speaks its own dialect."""
    for client in DIALECTS:
        for dialect in DIALECTS:
            if client == dialect:
                continue
            foreign, own = REASONERS[dialect], REASONERS[client]
            upstream.script(foreign.model, foreign.first(False))
            upstream.script(own.model, own.second(False))
            models = iter((f"over-{dialect}", f"over-{client}"))
            assert CLIENTS[client](Client(crossing, models), is_stream=False) == "done"
            body = upstream.visit(own.model).body
            assert PREFIX.encode() not in body
            assert SIGNATURE.encode() not in body
            assert b"Hi" in body
