from __future__ import annotations

import pytest

from tests.routing.channels import candidates_of, channel, route_of
from torouter.routing.health import Blame, Health, Note
from torouter.routing.snapshot import Snapshot
from torouter.routing.traffic import Traffic

ROUTE = route_of(channel("a", "m", "n", labels=("x", "y")), channel("b", "m"))
OTHER_MODEL = candidates_of(
    route_of(channel("a", "m", "n", labels=("x", "y")), channel("b", "m"), model="n"),
)["a/x"]
AX, AY, B = candidates_of(ROUTE).values()


def fresh() -> Health:
    return Health(lambda: 0.0, Traffic())


@pytest.mark.parametrize(
    ("blame", "cooling"),
    [
        ("channel", {"a/x", "a/y", "other model"}),
        ("credential", {"a/x", "other model"}),
        ("model", {"a/x"}),
        ("nobody", set()),
    ],
)
def test_what_is_blamed_cools_and_nothing_else(blame: Blame, cooling: set[str]) -> None:
    health = fresh()
    health.failed(AX, blame, 100.0, None)
    all_of_them = {"a/x": AX, "a/y": AY, "b": B, "other model": OTHER_MODEL}
    assert {name for name, each in all_of_them.items() if health.is_cooling(each, 100.5)} == cooling


@pytest.mark.parametrize(("blame", "first_s", "longest_s"), [("channel", 1, 20), ("model", 1, 20)])
def test_an_outage_cools_for_seconds(blame: Blame, first_s: float, longest_s: float) -> None:
    assert cool_downs_s(blame, 8)[::7] == [first_s, longest_s]


def test_a_bad_credential_cools_for_minutes() -> None:
    assert cool_downs_s("credential", 8) == [30, 60, 120, 240, 480, 960, 1800, 1800]


def cool_downs_s(blame: Blame, count: int) -> list[float]:
    health, now_s, found = fresh(), 100.0, []
    for _ in range(count):
        health.failed(AX, blame, now_s, None)
        found.append(health.open_s(AX) - now_s)
        now_s = health.open_s(AX)
    return found


def test_half_open_lets_one_look() -> None:
    health = fresh()
    health.failed(AX, "channel", 100.0, None)
    assert health.ready_s(AX, 101.0) <= 101.0
    assert health.probe(AX, 101.0)
    assert health.is_cooling(AX, 101.0)
    assert health.is_cooling(AY, 101.0)  # of the same channel
    health.succeeded(AX, 102.0, None)
    assert health.is_closed(AX)
    assert not health.probe(AX, 102.0)


def test_one_who_was_picked_and_never_asked_holds_up_for_five_seconds_and_one_under_way_for_thirty() -> None:
    health = fresh()
    health.failed(AX, "channel", 100.0, None)
    health.probe(AX, 101.0)
    assert health.ready_s(AX, 105.9) == 106.0
    health.began(AX, 105.0)
    assert health.ready_s(AX, 106.0) == 135.0


def test_one_who_left_without_a_word_holds_nobody_up() -> None:
    health = fresh()
    health.failed(AX, "channel", 100.0, None)
    health.probe(AX, 101.0)
    health.began(AX, 101.0)
    health.ended(AY, 102.0)  # another's
    assert health.is_cooling(AX, 102.0)
    assert health.is_probed
    health.ended(AX, 102.0)
    assert not health.is_cooling(AX, 102.0)
    assert not health.is_closed(AX)
    assert not health.is_probed


def test_notes_of_what_opens_and_closes_and_not_of_every_request() -> None:
    health, notes = fresh(), list[Note]()
    health.on_note = notes.append
    health.succeeded(AX, 99.0, None)
    for _ in range(3):
        health.failed(AX, "model", 100.0, None, is_sudden=False)
    health.failed(AX, "model", 100.1, None, is_sudden=False)
    health.succeeded(AX, 102.0, None)
    health.succeeded(AX, 103.0, None)
    health.failed(AX, "credential", 104.0, 60.0)
    assert notes == [
        Note("a", "x", "up-m", "model", 3, 1.0, False),
        Note("a", "x", "up-m", "model", 0, 0.0, False),
        Note("a", "x", "", "credential", 1, 60.0, True),
    ]


def test_what_another_process_noticed_holds_here_and_is_not_told_again() -> None:
    first, second, again = fresh(), fresh(), list[Note]()
    notes: list[Note] = []
    first.on_note, second.on_note = notes.append, again.append
    first.failed(AX, "credential", 100.0, 60.0)
    second.learn(notes.pop(), 5000.0)
    assert second.told_s(AX) == 5060.0
    assert not second.is_cooling(AY, 5000.0)
    [report] = second.reports(5000.0)
    assert (report.channel, report.credential, report.model, report.state) == ("a", "x", "", "open")
    first.succeeded(AX, 161.0, None)
    second.learn(notes.pop(), 5061.0)
    assert second.is_closed(AX)
    assert again == []


def test_a_note_that_nobody_is_to_blame_changes_nothing() -> None:
    health = fresh()
    health.learn(Note("a", "x", "up-m", "nobody", 1, 60.0, False), 100.0)
    assert health.reports(100.0) == []


def test_reports() -> None:
    health = fresh()
    for at in range(10):
        health.succeeded(AX, 100.0 + at, 0.1 * at)
    health.failed(AX, "model", 110.0, None, is_sudden=False)
    health.failed(AY, "credential", 110.0, 20.0)
    x, y = health.reports(112.0)
    assert (x.channel, x.credential, x.model, x.state) == ("a", "x", "up-m", "closed")
    assert (x.failures_in_row, x.requests, round(x.failure_ratio, 3)) == (1, 11, 0.091)
    assert x.first_token_p50_s == 0.5
    assert (y.state, y.left_s, y.is_told, y.failure_ratio) == ("open", 18.0, True, 1.0)
    assert [each.state for each in health.reports(140.0)] == ["closed", "half-open"]


def test_first_token_times_are_a_models_whatever_its_credential() -> None:
    health = fresh()
    health.succeeded(AX, 100.0, 1.0)
    health.succeeded(AY, 100.0, 3.0)
    assert {report.first_token_p95_s for report in health.reports(100.0)} == {3.0}


def test_the_ratio_of_a_channel_counts_all_that_goes_there() -> None:
    """Every other request fails, at two models: never three in a row, and half of ten."""
    health = fresh()
    for at in range(4):
        health.failed(AX, "channel", 100.0 + at, None, is_sudden=False)
        health.succeeded(OTHER_MODEL, 100.0 + at, None)
    health.failed(AX, "channel", 105.0, None, is_sudden=False)
    assert not health.is_cooling(AY, 105.0)
    health.succeeded(OTHER_MODEL, 105.0, None)
    health.failed(AX, "channel", 105.0, None, is_sudden=False)
    assert health.is_cooling(AY, 105.0)


def test_a_place_that_is_well_for_a_minute_costs_nothing() -> None:
    health = fresh()
    health.failed(AX, "model", 100.0, None, is_sudden=False)
    health.succeeded(AX, 110.0, None)
    assert health.failures(AX) == 0
    health.succeeded(AX, 171.0, None)
    assert health._breakers == {}


def test_any_number_of_failing_names_takes_no_more_than_so_much_memory() -> None:
    health = fresh()
    for number in range(25_000):
        health.learn(Note("a", "x", f"made-up-{number}", "model", 1, 1.0, False), float(number))
    assert len(health._breakers) <= 10_000
    assert health.open_s(AX) == 0.0
    health.learn(Note("a", "x", "made-up-24999", "model", 0, 0.0, False), 25_000.0)
    assert "a\0x\0made-up-24999" not in health._breakers


def test_any_number_of_asked_names_takes_no_more_than_so_much_memory() -> None:
    traffic = Traffic(limit=100)
    names = Snapshot(channels=(channel("a", *(f"m{number}" for number in range(500))),))
    routes = [names.route("default", "openai-chat", "chat", f"m{number}") for number in range(500)]
    candidates = [route.only for route in routes if route is not None and route.only is not None]
    traffic.began(candidates[0], 0.0)
    for now_s, candidate in enumerate(candidates):
        traffic.began(candidate, float(now_s))
        traffic.ended(candidate)
    assert len(traffic.lanes) <= 101
    assert traffic.uses["a"].in_flight == traffic.lane(candidates[0]).in_flight == 1
    assert len(traffic.uses["a"].first_tokens) <= 101


def test_what_opened_it_is_told() -> None:
    health = fresh()
    told: list[Note] = []
    health.on_note = told.append
    health.failed(AX, "credential", 100.0, None, why="bad_credential")
    assert [note.why for note in told] == ["bad_credential"]
    [report] = health.reports(103.0)
    assert (report.last_failure, report.last_failure_s) == ("bad_credential", 3.0)


def break_off(health: Health, now_s: float) -> None:
    health.succeeded(AX, now_s, 0.1, is_over=False)
    health.failed(AX, "channel", now_s, None, is_sudden=False, is_midway=True)


def test_a_beginning_is_no_success_where_answers_break_off() -> None:
    health = fresh()
    for _ in range(3):
        break_off(health, 100.0)
    assert health.open_s(AX) == 101.0
    assert health.probe(AX, 101.0)
    health.succeeded(AX, 101.1, 0.1, is_over=False)
    assert health.is_cooling(AX, 101.1)  # one still looks
    health.failed(AX, "channel", 101.2, None, is_sudden=False, is_midway=True)
    assert health.open_s(AX) == pytest.approx(103.2)
    health.succeeded(AX, 104.0, 0.1, is_over=False)
    assert not health.is_closed(AX)
    health.finished(AX, 105.0)
    assert health.is_closed(AX)


def test_an_end_makes_beginnings_count_again() -> None:
    health = fresh()
    break_off(health, 100.0)
    health.succeeded(AX, 100.1, 0.1, is_over=False)
    health.finished(AX, 100.2)
    health.failed(AX, "channel", 101.0, None)
    health.succeeded(AX, 102.0, 0.1, is_over=False)
    assert health.is_closed(AX)


def test_what_broke_off_long_ago_still_counts_in_a_row() -> None:
    health = fresh()
    for now_s in (100.0, 200.0, 300.0):
        break_off(health, now_s)
    assert health.is_cooling(AX, 300.0)


def test_one_that_breaks_off_is_one_request() -> None:
    health = fresh()
    break_off(health, 100.0)
    [report] = health.reports(100.0)
    assert (report.requests, report.failure_ratio) == (1, 1.0)


def test_other_processes_know_that_answers_broke_off() -> None:
    told: list[Note] = []
    one, other = fresh(), fresh()
    one.on_note = told.append
    for _ in range(3):
        break_off(one, 100.0)
    for note in told:
        other.learn(note, 100.0)
    other.succeeded(AX, 101.5, 0.1, is_over=False)
    assert not other.is_closed(AX)
    other.finished(AX, 102.0)
    assert other.is_closed(AX)
