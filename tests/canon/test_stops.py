"""Stop sequences found in an answer, however it was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.stops import StopAt
from torouter.canon.usage import Usage

END = Finish(reason="stop", raw="completed")


def part(*texts: str, number: int = 0, kind: PartKind = "text") -> list[Event]:
    return [PartStart(part=number, kind=kind), *(PartDelta(number, text) for text in texts), PartEnd(number)]


def cut(events: list[Event], *sequences: str) -> list[Event]:
    stop_at = StopAt(sequences)
    return [out for event in events for out in stop_at.feed(event)]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, PartDelta))


def test_the_answer_ends_in_front_of_the_match() -> None:
    found = cut([Start(), *part("one two", " three"), END], " t")
    assert found == [
        Start(),
        PartStart(part=0, kind="text"),
        PartDelta(0, "one"),
        PartEnd(0),
        Finish(reason="stop_sequence", stop_sequence=" t"),
    ]


def test_a_match_may_span_deltas() -> None:
    assert text_of(cut([*part("a", "<", "e", "n", "d", ">b"), END], "<end>")) == "a"


def test_a_beginning_is_held_back_until_it_is_none() -> None:
    stop_at = StopAt(("<end>",))
    [start, *deltas, end] = part("a<", "en", "dx")
    assert list(stop_at.feed(start)) == [start]
    assert [list(stop_at.feed(delta)) for delta in deltas] == [[PartDelta(0, "a")], [], [PartDelta(0, "<endx")]]
    assert list(stop_at.feed(end)) == [end]


def test_what_was_held_back_is_said_at_the_end() -> None:
    events = [*part("a<en"), END]
    assert text_of(cut(events, "<end>")) == "a<en"
    assert cut(events, "<end>")[-2:] == [PartEnd(0), END]


def test_a_stream_that_breaks_loses_nothing_of_what_was_held_back() -> None:
    fault = Fault(kind="upstream_fault", message="broke")
    found = cut([PartStart(part=0, kind="text"), PartDelta(0, "a<"), fault], "<end>")
    assert found[-2:] == [PartDelta(0, "<"), fault]


def test_repetitions_do_not_hide_a_match() -> None:
    assert text_of(cut([*part(*"xaabaabaaab"), END], "aabaaa")) == "xaab"


def test_the_sequence_that_is_whole_first_counts() -> None:
    found = cut([*part("one two three"), END], "two three", "tw")
    assert (text_of(found), found[-1]) == ("one ", Finish(reason="stop_sequence", stop_sequence="tw"))


def test_of_two_that_end_together_the_longer_counts() -> None:
    found = cut([*part("ab\n\n"), END], "\n\n", "b\n\n")
    assert (text_of(found), found[-1]) == ("a", Finish(reason="stop_sequence", stop_sequence="b\n\n"))


@pytest.mark.pitfall(133)
def test_only_visible_text_is_searched() -> None:
    events = [*part("x", kind="reasoning"), *part('{"a":"x"}', number=1, kind="tool_call"), END]
    assert cut(events, "x") == events


def test_parts_are_searched_apart() -> None:
    events = [*part("a<"), *part("end>", number=1), END]
    assert text_of(cut(events, "<end>")) == "a<end>"


def test_calls_that_were_made_before_are_to_be_run() -> None:
    found = cut([*part("{}", kind="tool_call"), *part("ab", number=1), END], "b")
    assert found[-1] == Finish(reason="tool_calls")


def test_every_open_part_is_ended() -> None:
    found = cut([PartStart(part=0, kind="reasoning"), PartStart(part=1, kind="text"), PartDelta(1, "x")], "x")
    assert found[-3:] == [PartEnd(0), PartEnd(1), Finish(reason="stop_sequence", stop_sequence="x")]


def test_after_a_match_only_usage_passes() -> None:
    usage = UsageSeen(Usage(output_tokens=3, quality="reported"))
    assert cut([*part("ab", "c"), *part("d", number=1), usage, END], "b")[-1] == usage


@given(st.data(), st.text("ab<", max_size=30), st.lists(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=3))
def test_any_cut_gives_the_same_answer(data: st.DataObject, text: str, sequences: list[str]) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = cut([*part(text), END], *sequences)
    streamed = cut([*part(*(piece for piece in pieces if piece)), END], *sequences)
    assert (text_of(whole), whole[-1]) == (text_of(streamed), streamed[-1])
    ends = [text.index(sequence) + len(sequence) for sequence in sequences if sequence in text]
    assert (whole[-1] == END) == (not ends)
    if ends:
        matched = whole[-1].stop_sequence if isinstance(whole[-1], Finish) else None
        assert matched is not None
        assert text_of(whole) + matched == text[: min(ends)]
