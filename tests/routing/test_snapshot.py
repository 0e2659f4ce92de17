from __future__ import annotations

from itertools import permutations

import pytest

from tests.routing.channels import channel
from torouter.canon.reasoning import Reasoning
from torouter.channels import KINDS, Channel
from torouter.routing.snapshot import Snapshot
from torouter.units import DIALECTS, Dialect, Operation

TRANSLATIONS = {"openai-chat": ("anthropic",), "anthropic": ("openai-chat",)}


def test_candidates_stand_in_buckets_by_rising_priority_number() -> None:
    channels = (channel("b", "m", priority=20), channel("a", "m"), channel("c", "m"), channel("d", "other"))
    route = Snapshot(channels=channels).route("default", "openai-chat", "chat", "m")
    assert route is not None
    assert [[candidate.channel.name for candidate in bucket.candidates] for bucket in route.buckets] == [
        ["a", "c"],
        ["b"],
    ]
    assert route.buckets[0].candidates[0].upstream_model == "up-m"


@pytest.mark.pitfall(54)
def test_a_channel_of_its_own_dialect_needs_no_translation() -> None:
    channels = (
        channel("both", "m", dialects=("anthropic", "openai-chat")),
        channel("other", "m", dialects=("anthropic",)),
    )
    snapshot = Snapshot(channels=channels, translations=TRANSLATIONS)
    route = snapshot.route("default", "openai-chat", "chat", "m")
    assert route is not None
    assert [candidate.dialect for candidate in route.buckets[0].candidates] == ["openai-chat", "anthropic"]


def test_a_route_over_those_that_speak_a_dialect() -> None:
    channels = (
        channel("a", "m", dialects=("anthropic",)),
        channel("b", "m"),
        channel("c", "m", dialects=("anthropic",), priority=20),
        channel("d", "m", priority=30, weight=3),
    )
    route = Snapshot(channels=channels, translations=TRANSLATIONS).route("default", "openai-chat", "chat", "m")
    assert route is not None
    spoken = route.speaking("openai-chat")
    assert spoken is not None
    assert [[each.channel.name for each in bucket.candidates] for bucket in spoken.buckets] == [["b"], ["d"]]
    assert (spoken.model, spoken.reasoning) == (route.model, route.reasoning)
    assert route.speaking("gemini") is None


def test_nothing_else_is_translated() -> None:
    snapshot = Snapshot(channels=(channel("a", "m"),), translations=TRANSLATIONS)
    assert snapshot.route("default", "anthropic", "chat", "m") is not None
    assert snapshot.route("default", "openai-chat", "rerank", "m") is not None
    assert snapshot.route("default", "anthropic", "rerank", "m") is None
    assert snapshot.has_model("default", "m")


def test_groups_see_their_own_channels_and_those_of_all() -> None:
    snapshot = Snapshot(channels=(channel("a", "m", groups=("gold",)), channel("b", "n")))
    assert snapshot.route("gold", "openai-chat", "chat", "m") is not None
    assert snapshot.route("default", "openai-chat", "chat", "m") is None
    assert snapshot.route("default", "openai-chat", "chat", "n") is not None


def test_an_exact_name_wins_over_the_suffix() -> None:
    snapshot = Snapshot(channels=(channel("a", "kimi-k2-thinking", "kimi-k2", "gpt-5"),))
    exact = snapshot.route("default", "openai-chat", "chat", "kimi-k2-thinking")
    split = snapshot.route("default", "openai-chat", "chat", "gpt-5-thinking-low")
    assert exact is not None
    assert (exact.model, exact.reasoning) == ("kimi-k2-thinking", None)
    assert split is not None
    assert (split.model, split.reasoning) == ("gpt-5", Reasoning(depth="low"))
    assert snapshot.route("default", "openai-chat", "chat", "unknown-thinking") is None


def test_the_same_question_gets_the_same_route() -> None:
    snapshot = Snapshot(channels=(channel("a", "m"),))
    assert snapshot.route("g", "openai-chat", "chat", "m") is snapshot.route("g", "openai-chat", "chat", "m")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.pitfall(54)
def test_a_client_is_served_in_its_own_dialect_wherever_the_channel_speaks_it(dialect: Dialect) -> None:
    """A server's other endpoints are no reason to translate."""
    everything = {one: tuple(other for other in DIALECTS if other != one) for one in DIALECTS}
    for dialects in permutations(DIALECTS):
        snapshot = Snapshot(channels=(channel("a", "m", dialects=dialects),), translations=everything)
        route = snapshot.route("default", dialect, "chat", "m")
        assert route is not None
        assert [candidate.dialect for candidate in route.buckets[0].candidates] == [dialect]


def test_tokens_are_counted_where_the_channel_counts() -> None:
    """In the client's dialect before any other; with no counter at all the target is that of the chat."""
    kinds: dict[str, tuple[Dialect, Dialect, Operation]] = {
        "openai": ("anthropic", "openai-responses", "count_tokens"),
        "vllm": ("openai-responses", "anthropic", "count_tokens"),
        "anthropic": ("gemini", "anthropic", "count_tokens"),
        "gemini": ("gemini", "gemini", "count_tokens"),
        "deepseek": ("anthropic", "anthropic", "chat"),
        "mistral": ("gemini", "openai-chat", "chat"),
    }
    translations = {client: tuple(other for other in DIALECTS if other != client) for client in DIALECTS}
    for kind, (client, dialect, operation) in kinds.items():
        only = Channel(name=kind, kind=KINDS[kind], models={"m": "up-m"})
        snapshot = Snapshot(channels=(only,), translations=translations)
        route = snapshot.route("g", client, "count_tokens", "m")
        assert route is not None
        [candidate] = route.buckets[0].candidates
        assert (kind, candidate.dialect, candidate.target.operation) == (kind, dialect, operation)


def test_embeddings_are_translated_where_there_are_any() -> None:
    translations = {client: tuple(other for other in DIALECTS if other != client) for client in DIALECTS}
    channels = (
        Channel(name="gemini", kind=KINDS["gemini"], models={"g": "g", "both": "g"}),
        Channel(name="anthropic", kind=KINDS["anthropic"], models={"a": "a", "both": "a"}),
    )
    snapshot = Snapshot(channels=channels, translations=translations)
    route = snapshot.route("g", "openai-chat", "embeddings", "both")
    assert route is not None
    assert [candidate.dialect for candidate in route.buckets[0].candidates] == ["gemini"]
    assert snapshot.route("g", "openai-chat", "embeddings", "a") is None
