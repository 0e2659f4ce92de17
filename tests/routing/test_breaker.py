from __future__ import annotations

import pytest

from torouter.routing.breaker import Breaker


def breaker(first_s: float = 1.0, longest_s: float = 20.0) -> Breaker:
    return Breaker(("c", "", ""), first_s, longest_s)


def fail(it: Breaker, now_s: float, *, told_s: float | None = None, sudden: bool = True, requests: int = 0) -> bool:
    return it.failed(now_s, told_s, is_sudden=sudden, requests=requests, draw=lambda: 0.0)


def test_each_opening_is_twice_as_long_up_to_the_longest() -> None:
    it, now_s = breaker(), 100.0
    for expected_s in (1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0):
        assert fail(it, now_s)
        assert it.ready_s(now_s) == now_s + expected_s
        now_s += expected_s
        assert it.ready_s(now_s) <= now_s


def test_jitter_takes_away_and_never_adds() -> None:
    it = breaker()
    it.failed(100.0, None, is_sudden=True, requests=0, draw=lambda: 0.999)
    assert 100.75 <= it.until_s < 100.76


def test_failures_of_those_under_way_do_not_make_it_longer() -> None:
    it = breaker()
    assert fail(it, 100.0)
    assert [fail(it, 100.5) for _ in range(50)] == [False] * 50
    assert it.until_s == 101.0
    assert it.failures == 51
    fail(it, 101.0)
    assert it.until_s == 103.0


@pytest.mark.parametrize(("told_s", "until_s"), [(30.0, 130.0), (3600.0, 3700.0), (1e9, 3700.0)])
def test_told_is_told_up_to_an_hour(told_s: float, until_s: float) -> None:
    it = breaker()
    it.failed(100.0, told_s, is_sudden=True, requests=0, draw=lambda: 0.9)
    assert (it.until_s, it.is_told) == (until_s, True)


def test_told_for_longer_while_open() -> None:
    it = breaker()
    fail(it, 100.0)
    assert fail(it, 100.5, told_s=60.0)
    assert it.until_s == 160.5
    assert not fail(it, 101.0, told_s=5.0)
    assert it.until_s == 160.5


def test_others_open_it_with_the_third_in_a_row() -> None:
    it = breaker()
    assert [fail(it, 100.0 + at, sudden=False) for at in range(3)] == [False, False, True]
    it.succeeded(200.0)
    assert [fail(it, 200.0, sudden=False), fail(it, 200.0, sudden=False)] == [False, False]
    it.succeeded(201.0)
    assert not fail(it, 202.0, sudden=False)


def test_others_open_it_when_half_of_ten_fail() -> None:
    it = breaker()
    for at in range(4):
        assert not fail(it, 100.0 + at, sudden=False, requests=9)
        it.succeeded(100.0 + at)
    assert not fail(it, 105.0, sudden=False, requests=9)
    it.succeeded(105.0)
    assert fail(it, 106.0, sudden=False, requests=12)


def test_what_failed_before_it_recovered_is_forgotten() -> None:
    it = breaker()
    for at in range(6):
        fail(it, 100.0 + at / 10)
    assert it.succeeded(102.0)
    assert not fail(it, 103.0, sudden=False, requests=12)


def test_half_open_one_failure_is_enough() -> None:
    it = breaker()
    fail(it, 100.0)
    assert fail(it, 102.0, sudden=False)
    assert it.until_s == 104.0


def test_a_success_closes_it_but_not_before_a_told_time() -> None:
    it = breaker()
    fail(it, 100.0)
    assert it.succeeded(100.5)
    assert it.until_s == 0.0
    fail(it, 101.0, told_s=10.0)
    assert not it.succeeded(105.0)
    assert it.ready_s(105.0) == 111.0
    assert it.succeeded(111.0)
    fail(it, 112.0)
    assert it.until_s == 113.0  # it grows anew


def test_where_one_broke_off_midway_it_is_known_until_an_answer_has_ended() -> None:
    it = breaker()
    it.failed(100.0, None, is_sudden=False, requests=0, draw=lambda: 0.0, is_midway=True)
    fail(it, 100.5, sudden=False)
    assert it.is_midway
    it.succeeded(101.0)
    assert not it.is_midway
