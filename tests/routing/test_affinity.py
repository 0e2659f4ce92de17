from __future__ import annotations

from tests.routing.channels import candidates_of, channel, route_of
from torouter.routing.affinity import Pins, affinity_key


def test_a_key_is_an_accounts_and_a_models_and_a_conversations() -> None:
    keys = {
        affinity_key(1, "m", b"s", None),
        affinity_key(2, "m", b"s", None),
        affinity_key(1, "n", b"s", None),
        affinity_key(1, "m", b"t", None),
        affinity_key(1, "m", None, b"s"),
        affinity_key(1, "m", b"", None),
    }
    assert len(keys) == 6
    assert {len(key or b"") for key in keys} == {16}


def test_the_name_wins_over_the_beginning() -> None:
    assert affinity_key(1, "m", b"s", b"one") == affinity_key(1, "m", b"s", b"two")
    assert affinity_key(1, "m", None, b"one") != affinity_key(1, "m", None, b"two")


def test_nothing_known_is_no_key() -> None:
    assert affinity_key(1, "m", None, None) is None


def test_a_pin_holds_as_long_as_the_kind_keeps_its_cache() -> None:
    both = candidates_of(route_of(channel("o", "m", labels=("x",)), channel("g", "m", kind="groq")))
    pins = Pins()
    pins.keep(b"1", both["o/x"], 100.0)
    pins.keep(b"2", both["g"], 100.0)
    assert pins.find(b"1", 3699.0) == ("o", "x")
    assert pins.find(b"1", 3700.0) is None
    assert pins.find(b"2", 399.0) == ("g", "")
    assert pins.find(b"2", 400.0) is None
    assert pins.find(b"3", 100.0) is None


def test_the_least_recent_pins_are_forgotten_and_those_in_use_kept() -> None:
    [candidate] = candidates_of(route_of(channel("o", "m"))).values()
    pins = Pins(limit=100)
    pins.keep(b"in use", candidate, 0.0)
    for number in range(1000):
        pins.keep(b"%d" % number, candidate, 0.0)
        assert pins.find(b"in use", 1.0) is not None
    assert len(pins) <= 100
    assert pins.find(b"999", 1.0) is not None
    assert pins.find(b"800", 1.0) is None
