"""One planner over time: what a request does to the ones after it."""

from __future__ import annotations

import random
from collections import Counter

from tests.routing.channels import candidates_of, channel, route_of
from torouter.channels import Channel
from torouter.routing.affinity import affinity_key
from torouter.routing.planner import Pick, Planner
from torouter.routing.snapshot import Candidate, Route


def planner() -> Planner:
    return Planner(random.Random(5).random)


def first(it: Planner, route: Route, now_s: float, affinity: bytes | None = None) -> Pick:
    pick = it.plan(route, now_s, affinity=affinity).next(now_s)
    assert pick is not None
    return pick


def serve(it: Planner, route: Route, now_s: float, affinity: bytes | None = None) -> Pick:
    pick = first(it, route, now_s, affinity)
    it.began(pick.candidate, now_s)
    it.succeeded(pick.candidate, now_s, affinity=affinity, first_token_s=None)
    it.ended(pick.candidate, now_s)
    return pick


def name(pick: Pick | None) -> str:
    assert pick is not None
    return f"{pick.candidate.channel.name}/{pick.candidate.credential.label}".rstrip("/")


def use(it: Planner, candidate: Candidate, now_s: float) -> None:
    it.began(candidate, now_s)
    it.ended(candidate, now_s)


def test_who_rested_comes_before_who_was_used_whatever_the_weights() -> None:
    it, route = planner(), route_of(channel("heavy", "m", weight=1000), channel("a", "m"), channel("b", "m"))
    use(it, candidates_of(route)["heavy"], 100.0)
    picks = [serve(it, route, 101.0 + at) for at in range(2)]
    assert {name(pick) for pick in picks} == {"a", "b"}
    assert picks[0].reason == "rested"
    assert Counter(name(serve(it, route, 110.0)) for _ in range(100))["heavy"] > 90
    assert first(it, route, 110.0).reason == "weight"


def test_use_is_known_to_all_routes_and_to_the_next_snapshot() -> None:
    it = planner()
    channels = channel("a", "m", "n"), channel("b", "m", "n")
    use(it, candidates_of(route_of(*channels, model="n"))["a"], 100.0)
    assert name(first(it, route_of(*channels), 101.0)) == "b"
    anew = route_of(channel("a", "m"), channel("b", "m"))
    assert {name(first(it, anew, 101.0)) for _ in range(20)} == {"b"}
    assert {name(first(it, anew, 160.0)) for _ in range(20)} == {"a", "b"}


def test_health_is_known_to_the_next_snapshot() -> None:
    it = planner()
    it.failed(candidates_of(route_of(channel("a", "m"), channel("b", "m")))["a"], "channel", 100.0, None)
    assert {name(first(it, route_of(channel("a", "m"), channel("b", "m")), 100.1)) for _ in range(20)} == {"b"}


def test_a_pool_goes_with_its_route() -> None:
    it = planner()
    route = route_of(channel("a", "m"), channel("b", "m"))
    first(it, route, 100.0)
    assert len(it._selection._pools) == 1
    del route
    assert len(it._selection._pools) == 0


def test_credentials_take_turns_and_share_their_channels_weight() -> None:
    it, route = planner(), route_of(channel("a", "m", labels=("x", "y", "z")), channel("b", "m"))
    names = [name(serve(it, route, 100.0)) for _ in range(2000)]
    assert abs(names.count("b") / 2000 - 0.5) < 0.04
    turns = [each for each in names if each != "b"]
    assert turns[:6] == ["a/x", "a/y", "a/z"] * 2


def test_a_bad_credential_is_left_out_and_its_channel_is_not() -> None:
    it, route = planner(), route_of(channel("a", "m", labels=("x", "y")), channel("b", "m", priority=20))
    it.failed(candidates_of(route)["a/x"], "credential", 100.0, None)
    assert {name(serve(it, route, 101.0)) for _ in range(20)} == {"a/y"}


def test_a_recovered_primary_is_back_with_the_first_request_after_its_cool_down() -> None:
    it, route = planner(), route_of(channel("a", "m"), channel("b", "m", priority=20))
    primary = candidates_of(route)["a"]
    it.failed(primary, "channel", 100.0, None)
    assert name(serve(it, route, 100.5)) == "b"
    pick = first(it, route, 101.0)
    assert (name(pick), pick.reason) == ("a", "probe")
    it.began(pick.candidate, 101.0)
    assert name(first(it, route, 101.0)) == "b"  # while that one looks
    it.succeeded(pick.candidate, 101.2, affinity=None, first_token_s=None)
    assert first(it, route, 101.2)[:2] == (primary, "weight")


def test_a_flapping_primary_costs_one_request_for_each_cool_down() -> None:
    it, route = planner(), route_of(channel("a", "m"), channel("b", "m", priority=20))
    asked = 0
    for tenth in range(6000):
        now_s = 100.0 + tenth / 10
        pick = first(it, route, now_s)
        it.began(pick.candidate, now_s)
        if name(pick) == "a":
            asked += 1
            it.failed(pick.candidate, "channel", now_s, None)
        it.ended(pick.candidate, now_s)
    assert 600 / 20 <= asked <= 600 / 15 + 5


def test_a_conversation_stays_where_it_was() -> None:
    it = planner()
    route = route_of(*(channel(each, "m", labels=("x", "y")) for each in "abc"))
    key = affinity_key(1, "m", b"session", None)
    here = name(serve(it, route, 100.0, key))
    picks = [serve(it, route, 101.0 + at, key) for at in range(50)]
    assert {(name(pick), pick.reason) for pick in picks} == {(here, "affinity")}


def test_a_conversation_moves_with_an_outage_and_stays_there() -> None:
    it = planner()
    route = route_of(channel("a", "m"), channel("b", "m"))
    key = affinity_key(1, "m", b"session", None)
    before = serve(it, route, 100.0, key).candidate
    it.failed(before, "channel", 101.0, None)
    after = serve(it, route, 101.1, key)
    assert after.candidate is not before
    it.succeeded(before, 110.0, affinity=None, first_token_s=None)
    assert first(it, route, 111.0, key) == (after.candidate, "affinity", 0.0)


def test_a_conversation_returns_to_a_better_priority() -> None:
    it = planner()
    route = route_of(channel("a", "m"), channel("b", "m", priority=20))
    key = affinity_key(1, "m", b"session", None)
    it.failed(candidates_of(route)["a"], "channel", 100.0, None)
    assert name(serve(it, route, 100.1, key)) == "b"
    assert name(serve(it, route, 102.0, key)) == "a"
    assert first(it, route, 103.0, key).reason == "affinity"


def test_processes_agree_on_new_conversations_and_on_where_they_go_next() -> None:
    weights = {"a": 1, "b": 2, "c": 3, "d": 4}
    channels = [channel(each, "m", weight=weight, labels=("x", "y")) for each, weight in weights.items()]
    one, other = Planner(random.Random(1).random), Planner(random.Random(2).random)
    here, there = route_of(*channels), route_of(*channels)
    use(other, candidates_of(there)["d/x"], 99.0)
    shares: Counter[str] = Counter()
    for number in range(4000):
        key = affinity_key(number, "m", None, b"prefix")
        picks = first(one, here, 100.0, key), first(other, there, 100.0, key)
        assert len({name(pick) for pick in picks}) == 1
        shares[picks[0].candidate.channel.name] += 1
    assert all(abs(shares[each] / 4000 - weight / 10) < 0.03 for each, weight in weights.items())
    for it, route in ((one, here), (other, there)):
        it.failed(candidates_of(route)["d/x"], "channel", 100.0, None)
    for number in range(400):
        key = affinity_key(number, "m", None, b"prefix")
        assert name(first(one, here, 100.1, key)) == name(first(other, there, 100.1, key))


def capped(cap: int) -> tuple[Channel, Channel]:
    return channel("a", "m", concurrency=cap), channel("b", "m", priority=20)


def test_a_full_channel_is_passed_over_until_it_has_room() -> None:
    it, route = planner(), route_of(*capped(2))
    told: list[str] = []
    it.on_room = told.append
    held = [first(it, route, 100.0).candidate for _ in range(2) if not it.began(candidates_of(route)["a"], 100.0)]
    assert it.in_flight("a") == 2
    assert name(first(it, route, 100.0)) == "b"
    assert told == []
    it.ended(candidates_of(route)["a"], 101.0)
    assert told == ["a"]
    assert name(first(it, route, 101.0)) == "a"
    assert len(held) == 2


def test_each_process_has_its_share_of_a_cap_and_one_at_least() -> None:
    it, route = planner(), route_of(*capped(5))
    a, told = candidates_of(route)["a"], list[str]()
    it.on_room = told.append
    it.processes = 2
    for _ in range(2):
        it.began(a, 100.0)
    assert name(first(it, route, 100.0)) == "b"
    it.processes = 1
    assert told == ["a"]
    assert name(first(it, route, 100.0)) == "a"
    it.processes = 100
    assert name(first(it, route, 100.0)) == "b"
    for _ in range(2):
        it.ended(a, 101.0)
    assert name(first(it, route, 101.0)) == "a"


def test_a_channel_that_many_wait_for_tells_of_each_that_ends() -> None:
    it, route = planner(), route_of(channel("a", "m", concurrency=1))
    told: list[str] = []
    it.on_room = told.append
    for at in range(3):
        use(it, candidates_of(route)["a"], 100.0 + at)
    assert told == ["a"] * 3


def test_room_is_told_of_by_requests_that_came_before_there_was_a_cap() -> None:
    it, told = planner(), list[str]()
    it.on_room = told.append
    before = candidates_of(route_of(channel("a", "m")))["a"]
    it.began(before, 100.0)
    assert name(first(it, route_of(*capped(1)), 100.0)) == "b"
    it.ended(before, 101.0)
    it.began(before, 101.0)
    it.ended(before, 102.0)  # nobody has found it full since, and somebody may wait
    assert told == ["a", "a"]


def test_a_place_that_is_handed_on_is_nobody_elses() -> None:
    it, route = planner(), route_of(*capped(2))
    a = candidates_of(route)["a"]
    it.began(a, 100.0)
    assert it.hand_room(a.channel)
    assert not it.hand_room(a.channel)
    assert name(first(it, route, 100.0)) == "b"
    it.release_room("a")
    assert name(first(it, route, 100.0)) == "a"


def test_slow_is_known_after_twenty_answers() -> None:
    it, route = planner(), route_of(channel("a", "m"))
    [a] = candidates_of(route).values()
    assert it.slow_after_s(a, is_whole=False) is None
    for at in range(20):
        it.succeeded(a, 100.0, affinity=None, first_token_s=at / 10)
    assert it.slow_after_s(a, is_whole=False) == 1.9


def test_whole_answers_have_times_of_their_own() -> None:
    it, route = planner(), route_of(channel("a", "m"))
    [a] = candidates_of(route).values()
    for at in range(20):
        it.succeeded(a, 100.0, affinity=None, first_token_s=at / 10)
    assert it.slow_after_s(a, is_whole=True) is None
    for at in range(20):
        it.succeeded(a, 100.0, affinity=None, first_token_s=None, whole_s=at)
    assert it.slow_after_s(a, is_whole=True) == 19
    assert it.slow_after_s(a, is_whole=False) == 1.9
    [report] = it.health.reports(100.0)
    assert report.first_token_p95_s == 1.9


def test_who_left_while_looking_holds_nobody_up() -> None:
    it, route = planner(), route_of(channel("a", "m"), channel("b", "m", priority=20))
    it.failed(candidates_of(route)["a"], "channel", 100.0, None)
    pick = first(it, route, 102.0)
    it.began(pick.candidate, 102.0)
    assert name(first(it, route, 102.0)) == "b"
    it.ended(pick.candidate, 103.0)
    again = first(it, route, 103.0)
    assert (name(again), again.reason) == ("a", "probe")


def test_others_that_end_meanwhile_let_nobody_in_beside_the_one_who_looks() -> None:
    it, route = planner(), route_of(channel("a", "m"), channel("b", "m", priority=20))
    a = candidates_of(route)["a"]
    it.began(a, 99.0)
    it.failed(a, "channel", 100.0, None)
    pick = first(it, route, 102.0)
    assert pick.reason == "probe"
    it.began(pick.candidate, 102.0)
    it.ended(a, 103.0)
    assert name(first(it, route, 103.0)) == "b"
    it.ended(pick.candidate, 104.0)
    assert first(it, route, 104.0).reason == "probe"
