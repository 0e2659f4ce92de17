from __future__ import annotations

import random
from collections import Counter

from tests.routing.channels import channel
from torouter.routing.cooling import Cooling
from torouter.routing.pick import order, preferring
from torouter.routing.snapshot import Route, Snapshot


def route(*specs: tuple[str, int, int]) -> Route:
    channels = tuple(channel(name, "m", priority=priority, weight=weight) for name, priority, weight in specs)
    found = Snapshot(channels=channels).route("default", "openai-chat", "chat", "m")
    assert found is not None
    return found


def names(found: Route, cooling: Cooling, now_s: float, draw: random.Random) -> list[str]:
    return [candidate.channel.name for candidate in order(found, cooling, now_s, draw.random)]


def test_every_candidate_comes_once_and_priority_beats_weight() -> None:
    found = route(("heavy", 20, 1000), ("a", 10, 1), ("b", 10, 1))
    draw = random.Random(1)
    for _ in range(200):
        order_ = names(found, Cooling(), 0.0, draw)
        assert sorted(order_) == ["a", "b", "heavy"]
        assert order_[-1] == "heavy"


def test_weights_hold_to_within_three_percent() -> None:
    found = route(("one", 10, 1), ("three", 10, 3), ("six", 10, 6))
    draw = random.Random(7)
    first = Counter(names(found, Cooling(), 0.0, draw)[0] for _ in range(10_000))
    for name, share in {"one": 0.1, "three": 0.3, "six": 0.6}.items():
        assert abs(first[name] / 10_000 - share) < 0.03


def test_cooling_candidates_come_last_but_come() -> None:
    cooling = Cooling()
    cooling.failed("a", 0.0, None)
    found = route(("a", 10, 1), ("b", 20, 1))
    draw = random.Random(1)
    assert names(found, cooling, 1.0, draw) == ["b", "a"]
    assert names(found, cooling, 3.0, draw) == ["a", "b"]


def test_cooling_grows_obeys_retry_after_and_ends_with_a_success() -> None:
    cooling = Cooling()
    for expected_s in (2.0, 4.0, 8.0):
        cooling.failed("a", 100.0, None)
        assert cooling.is_cooling("a", 100.0 + expected_s - 0.01)
        assert not cooling.is_cooling("a", 100.0 + expected_s)
    cooling.failed("a", 100.0, 30.0)
    assert cooling.is_cooling("a", 129.9)
    cooling.succeeded("a")
    assert cooling.is_empty
    cooling.failed("a", 0.0, 1e9)
    assert not cooling.is_cooling("a", 3600.0)


def test_a_conversation_goes_first_where_its_state_is_valid() -> None:
    found = route(("a", 10, 1), ("b", 20, 1), ("c", 30, 1))
    scopes = {candidate.channel.name: candidate.scope for bucket in found.buckets for candidate in bucket.candidates}
    draw = random.Random(1).random

    def preferred(cooling: Cooling) -> list[str]:
        ordered = order(found, cooling, 0.0, draw)
        return [candidate.channel.name for candidate in preferring({scopes["c"]}, ordered, cooling, 0.0)]

    assert len(set(scopes.values())) == 3
    assert preferred(Cooling()) == ["c", "a", "b"]
    cooling = Cooling()
    cooling.failed("c", 0.0, None)
    assert preferred(cooling) == ["a", "b", "c"]
