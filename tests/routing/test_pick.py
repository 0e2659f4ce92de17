from __future__ import annotations

import random
from collections import Counter

from tests.routing.channels import channel
from torouter.routing.health import Health
from torouter.routing.pick import order, preferring
from torouter.routing.snapshot import Candidate, Route, Snapshot


def route(*specs: tuple[str, int, int]) -> Route:
    channels = tuple(channel(name, "m", priority=priority, weight=weight) for name, priority, weight in specs)
    found = Snapshot(channels=channels).route("default", "openai-chat", "chat", "m")
    assert found is not None
    return found


def names(found: Route, health: Health, now_s: float, draw: random.Random) -> list[str]:
    return [candidate.channel.name for candidate in order(found, health, now_s, draw.random)]


def test_every_candidate_comes_once_and_priority_beats_weight() -> None:
    found = route(("heavy", 20, 1000), ("a", 10, 1), ("b", 10, 1))
    draw = random.Random(1)
    for _ in range(200):
        order_ = names(found, Health(), 0.0, draw)
        assert sorted(order_) == ["a", "b", "heavy"]
        assert order_[-1] == "heavy"


def test_weights_hold_to_within_three_percent() -> None:
    found = route(("one", 10, 1), ("three", 10, 3), ("six", 10, 6))
    draw = random.Random(7)
    first = Counter(names(found, Health(), 0.0, draw)[0] for _ in range(10_000))
    for name, share in {"one": 0.1, "three": 0.3, "six": 0.6}.items():
        assert abs(first[name] / 10_000 - share) < 0.03


def candidate_of(found: Route, channel: str) -> Candidate:
    return next(
        candidate for bucket in found.buckets for candidate in bucket.candidates if candidate.channel.name == channel
    )


def test_cooling_candidates_come_last_but_come() -> None:
    found, health = route(("a", 10, 1), ("b", 20, 1)), Health()
    health.failed(candidate_of(found, "a"), "channel", 0.0, None)
    draw = random.Random(1)
    assert names(found, health, 1.0, draw) == ["b", "a"]
    assert names(found, health, 3.0, draw) == ["a", "b"]


def test_cooling_grows_obeys_retry_after_and_ends_with_a_success() -> None:
    [one], health = route(("a", 10, 1)).buckets[0].candidates, Health()
    for expected_s in (2.0, 4.0, 8.0):
        health.failed(one, "channel", 100.0, None)
        assert health.is_cooling(one, 100.0 + expected_s - 0.01)
        assert not health.is_cooling(one, 100.0 + expected_s)
    health.failed(one, "channel", 100.0, 30.0)
    assert health.is_cooling(one, 129.9)
    health.succeeded(one, 101.0, None)
    assert not health.is_cooling(one, 101.0)
    health.failed(one, "channel", 0.0, 1e9)
    assert not health.is_cooling(one, 3600.0)


def test_a_conversation_goes_first_where_its_state_is_valid() -> None:
    found = route(("a", 10, 1), ("b", 20, 1), ("c", 30, 1))
    scopes = {candidate.channel.name: candidate.scope for bucket in found.buckets for candidate in bucket.candidates}
    draw = random.Random(1).random

    def preferred(health: Health) -> list[str]:
        ordered = order(found, health, 0.0, draw)
        return [candidate.channel.name for candidate in preferring({scopes["c"]}, ordered, health, 0.0)]

    assert len(set(scopes.values())) == 3
    assert preferred(Health()) == ["c", "a", "b"]
    health = Health()
    health.failed(candidate_of(found, "c"), "channel", 0.0, None)
    assert preferred(health) == ["a", "b", "c"]
