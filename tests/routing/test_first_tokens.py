from __future__ import annotations

from torouter.routing.first_tokens import FirstTokens


def test_slow_is_what_95_of_100_are_not_once_enough_are_known() -> None:
    times = FirstTokens()
    assert times.quantile(0.5) is None
    for hundredths in range(19):
        times.add(hundredths / 100)
    assert times.slow_s() is None
    times.add(0.19)
    assert times.slow_s() == 0.19
    assert times.quantile(0.5) == 0.1


def test_only_the_last_ones_are_kept() -> None:
    times = FirstTokens()
    for _ in range(200):
        times.add(9.0)
    for _ in range(128):
        times.add(1.0)
    assert times.quantile(0.99) == 1.0
    assert times.slow_s() == 1.0
