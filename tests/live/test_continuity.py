"""Reasoning goes on through every dialect that is not the upstream's own: what an upstream signed in one turn comes
back to it in the next, to the letter and on the very part, through the official SDKs, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.gateway import Gateway
from tests.live.reasoners import CLIENTS, DIALECTS, REASONERS, Client, assert_restored
from tests.live.upstream import Upstream

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
@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if dialect != "openai-chat"])
def test_a_client_that_sheds_foreign_fields_is_served_by_the_vault(
    crossing: Gateway, upstream: Upstream, dialect: str, is_stream: bool
) -> None:
    script(upstream, dialect, is_stream=is_stream)
    client = Client(crossing, f"over-{dialect}", sheds=True)
    assert CLIENTS["openai-chat"](client, is_stream=is_stream) == "done"
    _, second = upstream.visits(REASONERS[dialect].model)
    assert_restored(dialect, second.body)
