"""Laws of routing: priority before weight, who rested before who did not, weights as they are, each candidate once, one
at a time to look whether something has recovered, never more than a cap, conversations where they were."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.routing.channels import candidates_of, channel, route_of
from torouter.channels import KINDS, Channel
from torouter.routing.affinity import affinity_key
from torouter.routing.planner import Pick, Plan, Planner
from torouter.routing.pool import RESTED_AFTER_S
from torouter.routing.snapshot import Candidate, Route, Snapshot
from torouter.routing.weights import Weights

WEIGHTS = st.integers(1, 100)
KEYS = st.none() | st.binary(min_size=16, max_size=16)


@st.composite
def channel_lists(draw: st.DrawFn) -> tuple[Channel, ...]:
    """Up to eight, of up to three priorities, with up to three credentials each."""
    count = draw(st.integers(1, 8))
    return tuple(
        channel(
            f"c{number}",
            "m",
            priority=draw(st.sampled_from((1, 5, 10))),
            weight=draw(WEIGHTS),
            labels=tuple("xyz"[: draw(st.integers(1, 3))]),
            concurrency=draw(st.sampled_from((0, 0, 1, 3))),
        )
        for number in range(count)
    )


def asked(plan: Plan, now_s: float) -> list[Pick]:
    found = []
    while (pick := plan.next(now_s)) is not None:
        found.append(pick)
        plan.failed(pick.candidate, "next_credential", now_s)
    return found


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.data())
def test_weights_in_a_tree_are_weights_in_a_row(weights: list[int], data: st.DataObject) -> None:
    tree = Weights(weights)
    for _ in range(3):
        index = data.draw(st.integers(0, len(weights) - 1))
        weights[index] += (more := data.draw(st.integers(-weights[index], 20)))
        tree.add(index, more)
    assert tree.total == sum(weights)
    in_a_row = [index for index, weight in enumerate(weights) for _ in range(weight)]
    assert [tree.find(point) for point in range(tree.total)] == in_a_row


@given(channel_lists(), KEYS, st.randoms(use_true_random=False), st.data())
def test_each_candidate_once_and_a_better_priority_first(
    channels: tuple[Channel, ...], key: bytes | None, luck: random.Random, data: st.DataObject
) -> None:
    """Whoever is well; then whoever cools down, but for those that were told."""
    route, planner = route_of(*channels), Planner(luck.random)
    everybody = [*route.candidates]
    cooling = data.draw(st.lists(st.sampled_from(everybody), unique=True, max_size=len(everybody)))
    told = {each for each in cooling if data.draw(st.booleans())}
    for each in cooling:
        planner.failed(each, "model", 100.0, 50.0 if each in told else None)
    picks = asked(planner.plan(route, 100.5, affinity=key), 100.5)
    found = [pick.candidate for pick in picks]
    assert len(found) == len(set(found))
    assert set(found) == set(everybody) - told
    well = [each for each in found if each not in cooling]
    assert found[: len(well)] == well
    assert [each.channel.priority for each in well] == sorted(each.channel.priority for each in well)
    assert all((pick.reason == "last_resort") == (pick.candidate in cooling) for pick in picks)


@settings(max_examples=8, deadline=None)
@given(st.lists(WEIGHTS, min_size=2, max_size=6), st.integers(0, 3), st.booleans(), st.integers(0, 1 << 32))
def test_weights_hold_to_within_three_percent(weights: list[int], cooling: int, is_keyed: bool, seed: int) -> None:
    """Over 10,000 draws, among those that are well, however many credentials each has."""
    channels = [
        channel(f"c{number}", "m", weight=weight, labels=tuple("xyz"[: 1 + number % 3]))
        for number, weight in enumerate(weights)
    ]
    route, planner = route_of(*channels), Planner(random.Random(seed).random)
    down = {f"c{number}" for number in range(min(cooling, len(weights) - 1))}
    for each in route.candidates:
        if each.channel.name in down:
            planner.failed(each, "channel", 100.0, 1000.0)
    found: Counter[str] = Counter()
    for number in range(10_000):
        key = affinity_key(seed, "m", b"%d" % number, None) if is_keyed else None
        pick = planner.plan(route, 101.0, affinity=key).next(101.0)
        assert pick is not None
        planner.began(pick.candidate, 101.0 if not is_keyed else 0.0)
        planner.ended(pick.candidate, 101.0)
        found[pick.candidate.channel.name] += 1
    well = {f"c{number}": weight for number, weight in enumerate(weights) if f"c{number}" not in down}
    if not is_keyed:  # at first those come that were not used at all
        found.subtract(dict.fromkeys(well, 1))
    for name, weight in well.items():
        assert abs(found[name] / 10_000 - weight / sum(well.values())) < 0.03
    assert not down & set(found)


@given(channel_lists(), st.lists(st.tuples(st.integers(0, 7), st.floats(0, 200)), max_size=20), st.integers(0, 99))
def test_who_rested_comes_before_who_did_not(
    channels: tuple[Channel, ...], uses: Sequence[tuple[int, float]], seed: int
) -> None:
    """Also where they were used by way of another route."""
    planner, used_s = Planner(random.Random(seed).random), dict[str, float]()
    route, other = route_of(*channels), route_of(*channels)
    everybody = [*other.candidates]
    for number, at_s in sorted(uses, key=lambda each: each[1]):
        candidate = everybody[number % len(everybody)]
        planner.plan(route, at_s, affinity=None).next(at_s)
        planner.began(candidate, at_s)
        planner.ended(candidate, at_s)
        used_s[candidate.channel.name] = at_s
    pick = planner.plan(route, 200.0, affinity=None).next(200.0)
    assert pick is not None
    best = {each.channel.name for each in route.buckets[0].candidates}
    rested = {name for name in best if 200.0 - used_s.get(name, -1e9) >= RESTED_AFTER_S}
    assert pick.candidate.channel.name in (rested or best)
    if len(channels) > 1 and len(best) > len(rested) > 0:
        assert pick.reason in ("rested", "weight")


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xyz", min_size=1)))
def test_a_mapped_name_is_the_channels_own_upstream(names: dict[str, str]) -> None:
    channels = tuple(
        Channel(name=f"c{number}", kind=KINDS["openai"], models={name: upstream})
        for number, (name, upstream) in enumerate(names.items())
    )
    for name, upstream in names.items():
        route = Snapshot(channels=channels).route("g", "openai-chat", "chat", name)
        assert route is not None
        picks = asked(Planner(random.Random(1).random).plan(route, 1.0, affinity=None), 1.0)
        assert {pick.candidate.upstream_model for pick in picks} == {upstream}


class Traffic(RuleBasedStateMachine):
    """Requests that begin, succeed, fail, are given up and end in any order, over time."""

    @initialize(channels=channel_lists(), seed=st.integers(0, 99))
    def start(self, channels: tuple[Channel, ...], seed: int) -> None:
        self.planner = Planner(random.Random(seed).random)
        self.route: Route = route_of(*channels)
        self.now_s = 1000.0
        self.running: list[Pick] = []
        self.looking: dict[str, float] = {}
        """By candidate: since when somebody looks whether it has recovered."""

    def began(self, pick: Pick) -> None:
        self.planner.began(pick.candidate, self.now_s)
        self.running.append(pick)

    @rule(key=KEYS)
    def ask(self, key: bytes | None) -> None:
        plan = self.planner.plan(self.route, self.now_s, affinity=key)
        pick = plan.next(self.now_s)
        if pick is None:
            assert plan.full or plan.wait_s or any(self.planner.is_full(each) for each in self.route.candidates)
            return
        place = pick.candidate.places[2]
        if pick.reason == "probe":
            assert self.now_s - self.looking.get(place, -1e9) >= 30.0
            self.looking[place] = self.now_s
        self.began(pick)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(("well", "channel", "credential", "model", "told", "mild", "left")))
    def end(self, data: st.DataObject, how: str) -> None:
        pick = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        candidate, planner, now_s = pick.candidate, self.planner, self.now_s
        if how == "well":
            planner.succeeded(candidate, now_s, affinity=None, first_token_s=0.1)
        elif how == "told":
            planner.failed(candidate, "model", now_s, 7.0)
        elif how in ("channel", "credential", "model"):
            planner.failed(candidate, how, now_s, None)  # type: ignore[arg-type]
        elif how == "mild":
            planner.failed(candidate, "model", now_s, None, is_sudden=False)
        planner.ended(candidate, now_s)
        if how != "left" or all(each.candidate is not candidate for each in self.running):
            self.looking.pop(candidate.places[2], None)  # known, or nobody can be looking any more

    @rule(seconds=st.sampled_from((0.1, 1.0, 5.0, 40.0, 2000.0)))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(count=st.integers(1, 3))
    def live(self, count: int) -> None:
        self.planner.processes = count

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        if not hasattr(self, "route"):
            return
        running = Counter(pick.candidate.channel for pick in self.running)
        for each in {candidate.channel for candidate in self.route.candidates}:
            assert self.planner.in_flight(each.name) == running[each]
            assert not each.policy.concurrency or running[each] <= each.policy.concurrency

    def teardown(self) -> None:
        """When all is over and well, everybody is asked again."""
        if not hasattr(self, "route"):
            return
        for pick in self.running:
            self.planner.ended(pick.candidate, self.now_s)
        self.now_s += 4000.0
        picks = asked(self.planner.plan(self.route, self.now_s, affinity=None), self.now_s)
        assert {pick.candidate for pick in picks} == {*self.route.candidates}


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


class OneBreaker(RuleBasedStateMachine):
    """A channel alone with a spare one, which is always well: whatever happens, at most one request looks at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.planner = Planner(random.Random(1).random)
        self.route = route_of(channel("a", "m", labels=("x", "y")), channel("spare", "m", priority=20))
        self.now_s = 1000.0
        self.probes: list[tuple[Candidate, float]] = []

    @rule(is_told=st.booleans())
    def outage(self, is_told: bool) -> None:
        self.planner.failed(candidates_of(self.route)["a/x"], "channel", self.now_s, 9.0 if is_told else None)
        self.probes.clear()

    @rule(count=st.integers(1, 5))
    def ask(self, count: int) -> None:
        for _ in range(count):
            pick = self.planner.plan(self.route, self.now_s, affinity=None).next(self.now_s)
            assert pick is not None
            if pick.reason == "probe":
                assert all(self.now_s - since_s >= 30.0 for _, since_s in self.probes)
                self.planner.began(pick.candidate, self.now_s)
                self.probes.append((pick.candidate, self.now_s))

    @precondition(lambda self: self.probes)
    @rule(how=st.sampled_from(("well", "bad", "left")))
    def end(self, how: str) -> None:
        candidate, _ = self.probes.pop()
        if how == "well":
            self.planner.succeeded(candidate, self.now_s, affinity=None, first_token_s=None)
            self.probes.clear()
        elif how == "bad":
            self.planner.failed(candidate, "channel", self.now_s, None)
            self.probes.clear()
        self.planner.ended(candidate, self.now_s)

    @rule(seconds=st.sampled_from((0.5, 1.0, 4.0, 31.0)))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds


TestOneBreaker = OneBreaker.TestCase
TestOneBreaker.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@settings(deadline=None)
@given(channel_lists(), st.binary(min_size=16, max_size=16), st.data())
def test_a_conversation_stays_and_moves_only_for_a_reason(
    channels: tuple[Channel, ...], key: bytes, data: st.DataObject
) -> None:
    route, planner, now_s = route_of(*channels), Planner(random.Random(1).random), 1000.0
    before: Candidate | None = None
    for _ in range(12):
        now_s += data.draw(st.sampled_from((1.0, 30.0)))
        plan = planner.plan(route, now_s, affinity=key)
        pick = plan.next(now_s)
        assert pick is not None
        if before is not None and pick.candidate is not before:
            better = pick.candidate.channel.priority < before.channel.priority
            assert better or planner.health.is_cooling(before, now_s)
        if data.draw(st.booleans()):
            planner.failed(pick.candidate, "channel", now_s, None)
            continue
        planner.succeeded(pick.candidate, now_s, affinity=key, first_token_s=None)
        before = pick.candidate


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65])
def test_any_number_of_channels(count: int) -> None:
    route = route_of(*(channel(f"c{number}", "m") for number in range(count)))
    picks = asked(Planner(random.Random(1).random).plan(route, 1.0, affinity=None), 1.0)
    assert len({pick.candidate for pick in picks}) == count
