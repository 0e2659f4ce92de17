"""How many turns a connection remembers."""

from __future__ import annotations

from torouter.codecs.openai_responses.history import Kept
from torouter.surfaces.recent import Recent


def _kept(name: str, size: int = 0) -> Kept:
    return Kept(id=name, input=b"x" * size, output=b"")


def test_the_newest_are_kept() -> None:
    recent = Recent()
    for number in range(20):
        recent.add(_kept(str(number)))
    assert [number for number in range(20) if recent.find(str(number))] == list(range(4, 20))


def test_large_ones_push_older_ones_out() -> None:
    recent = Recent()
    for number in range(4):
        recent.add(_kept(str(number), 3_000_000))
    assert [number for number in range(4) if recent.find(str(number))] == [2, 3]


def test_the_last_is_kept_whatever_its_size() -> None:
    recent = Recent()
    recent.add(_kept("small"))
    recent.add(_kept("large", 50_000_000))
    assert recent.find("small") is None
    assert recent.find("large") is not None
    recent.add(_kept("next"))
    assert recent.find("large") is None
    assert recent.find("next") is not None


def test_an_id_that_comes_again_counts_once() -> None:
    recent = Recent()
    recent.add(_kept("first", 1_000_000))
    for _ in range(10):
        recent.add(_kept("again", 3_000_000))
    assert recent.find("first") is not None
