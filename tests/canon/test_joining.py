"""Several answers, of which all but the last end in a pause, as the events of one."""

from __future__ import annotations

from torouter.canon.blocks import Blob, Citation, Origin, TextBlock
from torouter.canon.events import (
    Event,
    Finish,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.joining import Joining
from torouter.canon.usage import Usage

PAUSE = Finish(reason="pause", raw="pause_turn")
STOP = Finish(reason="stop", raw="end_turn")
HOME = Origin(dialect="anthropic")


def said(text: str, end: Finish, *, parts: int = 1) -> list[Event]:
    events: list[Event] = [Start(id=text)]
    for number in range(parts):
        blob, citation = Blob(kind="signature", data="x", origin=HOME), Citation(origin="anthropic", raw=b"{}")
        events += [PartStart(part=number, kind="text"), PartDelta(number, text), PartBlob(number, blob)]
        events += [PartCited(number, citation), PartEnd(number)]
    return [*events, UsageSeen(Usage(input_tokens=3, output_tokens=2, quality="reported", raw=b"{}")), end]


def test_one_answer_passes_as_it_is() -> None:
    joining = Joining("anthropic", keeps_blocks=True)
    assert joining.feed(said("a", STOP)) == said("a", STOP)
    assert joining.paused is None


def test_answers_behind_pauses_are_numbered_on() -> None:
    joining = Joining("anthropic", keeps_blocks=True)
    first = joining.feed(said("a", PAUSE, parts=2))
    assert first == said("a", PAUSE, parts=2)[:-1]
    assert joining.paused is not None
    assert joining.paused.finish == PAUSE
    assert [block.text for block in joining.paused.blocks if isinstance(block, TextBlock)] == ["a", "a"]
    joining.go_on()
    second = joining.feed(said("b", PAUSE))
    joining.go_on()
    third = joining.feed(said("c", STOP))
    events = [*first, *second, *third]
    assert [event.id for event in events if isinstance(event, Start)] == ["a"]
    parts = [(event.part, event.text) for event in events if isinstance(event, PartDelta)]
    assert parts == [(0, "a"), (1, "a"), (2, "b"), (3, "c")]
    for kind in (PartStart, PartBlob, PartCited, PartEnd):
        assert [event.part for event in events if isinstance(event, kind)] == [0, 1, 2, 3]
    assert events[-1] == STOP
    usages = [event.usage for event in events if isinstance(event, UsageSeen)]
    assert [(usage.input_tokens, usage.output_tokens) for usage in usages] == [(3, 2), (6, 4), (9, 6)]
    assert usages[-1].quality == "reported"


def test_a_pause_that_nothing_follows_is_the_end() -> None:
    joining = Joining("anthropic", keeps_blocks=True)
    joining.feed(said("a", PAUSE))
    assert joining.give_up() == [PAUSE]
    assert joining.paused is None


def test_what_was_said_is_kept_only_where_it_is_needed() -> None:
    joining = Joining("gemini", keeps_blocks=False)
    joining.feed(said("a", PAUSE))
    assert joining.paused is not None
    assert joining.paused.blocks == ()
    assert joining.paused.finish == PAUSE
    assert joining.paused.usage.output_tokens == 2
