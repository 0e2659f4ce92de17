from __future__ import annotations

from torouter.routing.window import Window


def test_what_is_a_minute_ago_no_longer_counts() -> None:
    window = Window()
    for at_s in (1000.0, 1005.0, 1010.0, 1049.9):
        window.add(at_s)
    assert window.count(1050.0) == 4
    assert window.count(1060.0) == 2  # the slot of 1000 to 1010 is gone
    assert window.count(1099.9) == 1
    assert window.count(1100.0) == 0


def test_a_long_silence_empties_it() -> None:
    window = Window()
    window.add(10.0)
    window.add(100_000.0)
    assert window.count(100_000.0) == 1


def test_a_time_from_just_before_the_slot_counts_in_it() -> None:
    window = Window()
    window.add(1010.1)
    window.add(1009.9)
    assert window.count(1010.1) == 2


def test_cleared() -> None:
    window = Window()
    window.add(5.0)
    window.clear()
    assert window.count(5.0) == 0
