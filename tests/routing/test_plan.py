"""One request: whom it asks, one after the other."""

from __future__ import annotations

import random

import pytest

from tests.routing.channels import candidates_of, channel, route_of
from tests.routing.test_planner import name
from torouter.channels import Channel
from torouter.routing.planner import Pick, Plan, Planner, Step
from torouter.routing.snapshot import Candidate, Route


class Request:
    """One plan, with the clock standing."""

    def __init__(self, *channels: Channel, scopes: frozenset[bytes] = frozenset()) -> None:
        self.planner = Planner(random.Random(3).random)
        self.route: Route = route_of(*channels)
        self.named = candidates_of(self.route)
        self.now_s = 100.0
        self.scopes = scopes
        self.plan: Plan = self.again()

    def again(self) -> Plan:
        self.plan = self.planner.plan(self.route, self.now_s, affinity=None, scopes=self.scopes)
        return self.plan

    def next(self) -> Pick | None:
        return self.plan.next(self.now_s)

    def asked(self, step: Step = "next_credential") -> list[tuple[str, str]]:
        """All that it asks when everybody fails."""
        found = []
        while (pick := self.next()) is not None:
            found.append((name(pick), pick.reason))
            self.plan.failed(pick.candidate, step, self.now_s)
        return found

    def cool(self, *names: str, told_s: float | None = None) -> None:
        for each in names:
            self.planner.failed(self.named[each], "model", self.now_s, told_s)


def test_an_only_candidate_is_asked_once() -> None:
    assert Request(channel("a", "m")).asked() == [("a", "only")]


def test_each_is_asked_once_by_priority() -> None:
    request = Request(
        channel("c", "m", priority=30), channel("b", "m", priority=20), channel("a", "m", labels=("x", "y"))
    )
    assert request.asked() == [("a/x", "weight"), ("a/y", "next"), ("b", "next"), ("c", "next")]


def test_next_channel_leaves_out_the_others_of_this_one() -> None:
    request = Request(channel("b", "m", priority=20), channel("a", "m", labels=("x", "y")))
    assert request.asked("next_channel") == [("a/x", "weight"), ("b", "next")]


def test_again_comes_when_nobody_else_is_left() -> None:
    request = Request(channel("a", "m"), channel("b", "m", priority=20))
    pick = request.next()
    assert pick is not None
    request.plan.failed(pick.candidate, "again", 100.0, wait_s=2.0)
    assert name(request.next()) == "b"
    request.now_s = 100.5
    assert request.next() == Pick(pick.candidate, "again", 1.5)
    assert request.next() is None


def test_again_at_once_comes_before_anybody_else() -> None:
    request = Request(channel("a", "m"), channel("b", "m", priority=20))
    pick = request.next()
    assert pick is not None
    request.plan.failed(pick.candidate, "again", 100.0, wait_s=0.1, at_once=True)
    retried = request.next()
    assert retried is not None
    assert (retried.candidate, retried.reason, round(retried.wait_s, 3)) == (pick.candidate, "again", 0.1)
    assert name(request.next()) == "b"
    assert request.next() is None


def test_again_waits_for_what_the_upstream_told() -> None:
    request = Request(channel("a", "m"))
    pick = request.next()
    assert pick is not None
    request.planner.failed(pick.candidate, "model", 100.0, 3.0)
    request.plan.failed(pick.candidate, "again", 100.0, wait_s=0.5)
    assert request.next() == Pick(pick.candidate, "again", 3.0)


def test_again_ends_with_its_channel() -> None:
    request = Request(channel("a", "m", labels=("x", "y")))
    one, two = request.next(), None
    assert one is not None
    request.plan.failed(one.candidate, "again", 100.0)
    two = request.next()
    assert two is not None
    assert two.candidate is not one.candidate
    request.plan.failed(two.candidate, "next_channel", 100.0)
    assert request.next() is None


def test_who_cools_down_comes_last_of_all_the_soonest_first() -> None:
    request = Request(channel("a", "m"), channel("b", "m"), channel("c", "m", priority=20))
    request.cool("a")
    request.now_s = 100.3
    request.cool("b")
    assert request.asked() == [("c", "weight"), ("a", "last_resort"), ("b", "last_resort")]


def test_who_was_told_to_be_left_alone_is_not_asked_before() -> None:
    request = Request(channel("a", "m"), channel("b", "m"), channel("c", "m"))
    request.cool("a", told_s=30.0)
    request.cool("b", told_s=4.0)
    assert request.asked() == [("c", "weight")]
    assert request.plan.wait_s == 4.0
    request.now_s = 104.0
    request.again()
    assert sorted(request.asked())[0] == ("b", "probe")


def test_nothing_is_to_be_waited_for_where_everybody_was_asked() -> None:
    request = Request(channel("a", "m"), channel("b", "m"))
    assert len(request.asked()) == 2
    assert (request.plan.wait_s, request.plan.full) == (None, ())


def test_an_only_candidate_that_was_told() -> None:
    request = Request(channel("a", "m"))
    request.cool("a", told_s=3.0)
    assert request.next() is None
    assert request.plan.wait_s == 3.0
    request.now_s = 103.0
    assert request.asked() == [("a", "probe")]


def test_full_ones_are_named_and_those_that_cool_down_are_not_asked_meanwhile() -> None:
    full = channel("a", "m", concurrency=1)
    request = Request(full, channel("b", "m"))
    request.planner.began(request.named["a"], 100.0)
    request.cool("b")
    assert request.next() is None
    assert request.plan.full == (full,)
    request.planner.ended(request.named["a"], 100.0)
    assert name(request.next()) == "a"
    assert request.plan.full == ()


def test_one_that_is_full_and_cools_down_is_not_worth_waiting_for() -> None:
    request = Request(channel("a", "m", concurrency=1))
    request.planner.began(request.named["a"], 100.0)
    request.cool("a")
    assert request.next() is None
    assert request.plan.full == ()


@pytest.mark.parametrize("labels", [("",), ("x", "y")])
def test_a_rival_is_another_and_is_used_up_when_it_began(labels: tuple[str, ...]) -> None:
    request = Request(channel("a", "m", labels=labels), channel("b", "m", priority=20))
    main = request.next()
    assert main is not None
    rival = request.plan.rival(100.0)
    assert rival is not None
    assert rival == request.plan.rival(100.0)
    assert rival.reason == "hedge"
    assert rival.candidate is not main.candidate
    request.planner.began(rival.candidate, 100.0)
    left = request.asked()
    assert len(left) == len(request.named) - 2
    assert name(rival) not in dict(left)


def test_a_rival_that_did_not_begin_is_still_there() -> None:
    request = Request(channel("a", "m"), channel("b", "m", priority=20))
    assert request.next() is not None
    assert request.plan.rival(100.0) is not None
    assert request.asked() == [("b", "next")]


def test_who_has_to_recover_first_is_no_rival() -> None:
    request = Request(channel("a", "m"), channel("b", "m"), channel("c", "m", priority=20))
    assert name(request.next())
    request.cool("a", "b")
    request.now_s = 103.0
    rival = request.plan.rival(103.0)
    assert name(rival) == "c"
    request.cool("c")
    assert request.plan.rival(103.0) is None


def test_a_conversation_goes_where_its_state_is_valid_if_that_is_well() -> None:
    channels = [channel(each, "m", priority=priority) for each, priority in (("a", 10), ("b", 20), ("c", 30))]
    scopes = {each.channel.name: each.scope for each in route_of(*channels).candidates}
    assert len(set(scopes.values())) == 3
    request = Request(*channels, scopes=frozenset({scopes["c"]}))
    assert request.asked() == [("c", "state"), ("a", "next"), ("b", "next")]
    request.cool("c")
    request.again()
    assert request.asked() == [("a", "weight"), ("b", "next"), ("c", "last_resort")]


def test_of_those_where_its_state_is_valid_it_goes_where_it_was() -> None:
    request = Request(channel("a", "m", labels=("x", "y")), channel("b", "m", labels=("x", "y"), priority=20))
    scopes = {each.scope for each in request.route.buckets[1].candidates}
    planner, now_s = request.planner, request.now_s
    planner.succeeded(request.named["b/y"], now_s, affinity=b"k" * 16, first_token_s=None)
    pick = planner.plan(request.route, now_s, affinity=b"k" * 16, scopes=scopes).next(now_s)
    assert pick == Pick(request.named["b/y"], "state")


def test_a_candidate_of_another_object_is_not_mistaken() -> None:
    """A rival of one request is not used up by another's beginning."""
    request = Request(channel("a", "m"), channel("b", "m", priority=20))
    main = request.next()
    assert main is not None
    assert request.plan.rival(100.0) is not None
    other: Candidate = main.candidate
    request.planner.began(other, 100.0)
    assert request.asked() == [("b", "next")]
