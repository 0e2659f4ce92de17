"""Overlapping parts, put in a row."""

from __future__ import annotations

import pytest

from torouter.canon.blocks import Blob, Citation, Origin
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Keepalive,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
)
from torouter.canon.serial import InARow

END = Finish(reason="stop", raw="stop")
SIGNATURE = Blob(kind="signature", data="sig", origin=Origin(dialect="anthropic"))


def start(part: int, kind: PartKind = "tool_call") -> PartStart:
    return PartStart(part=part, kind=kind, name=f"n{part}" if kind == "tool_call" else "")


def in_a_row(*events: Event) -> list[Event]:
    row = InARow()
    return [out for event in events for out in row.feed(event)]


def told(events: list[Event]) -> list[str]:
    """A short form: `+kind` starts, text as it is, `-` ends, `.` the last event."""
    short: list[str] = []
    for event in events:
        match event:
            case PartStart():
                short.append(f"+{event.part}{event.kind[0]}")
            case PartDelta():
                short.append(event.text)
            case PartEnd():
                short.append(f"-{event.part}")
            case Finish() | Fault():
                short.append(".")
    return short


def test_text_that_says_nothing_is_never_started() -> None:
    assert told(in_a_row(start(0, "text"), PartEnd(0), END)) == ["."]


def test_a_call_without_arguments_exists() -> None:
    assert told(in_a_row(start(0), PartEnd(0), END)) == ["+0t", "-0", "."]


@pytest.mark.pitfall(5)
def test_text_is_ended_by_what_interrupts_it_and_goes_on_as_a_new_part() -> None:
    """A little text before the thinking."""
    events = (start(0, "text"), PartDelta(0, "a"), start(1, "reasoning"), PartDelta(1, "b"), PartDelta(0, "c"), END)
    assert told(in_a_row(*events)) == ["+0t", "a", "-0", "+1r", "b", "-1", "+2t", "c", "-2", "."]


@pytest.mark.pitfall(10, 28)
def test_a_second_call_waits_for_the_first() -> None:
    """Fragments of parallel calls interleaved."""
    events = (
        *(start(0), PartDelta(0, "a"), start(1), PartDelta(1, "x"), PartDelta(0, "b"), PartDelta(1, "y")),
        *(PartEnd(1), PartEnd(0), END),
    )
    assert told(in_a_row(*events)) == ["+0t", "a", "b", "-0", "+1t", "x", "y", "-1", "."]


def test_text_behind_an_open_call_waits_too() -> None:
    events = (start(0), PartDelta(0, "a"), start(1, "text"), PartDelta(1, "t"), PartDelta(0, "b"), PartEnd(0), END)
    assert told(in_a_row(*events)) == ["+0t", "a", "b", "-0", "+1t", "t", "-1", "."]


def test_a_waiting_call_that_is_open_goes_on_directly() -> None:
    events = (start(0), start(1), PartDelta(1, "x"), PartEnd(0), PartDelta(1, "y"), PartEnd(1), END)
    assert told(in_a_row(*events)) == ["+0t", "-0", "+1t", "x", "y", "-1", "."]


def test_everything_is_ended_before_an_error() -> None:
    fault = Fault(kind="upstream_fault", message="gone")
    assert told(in_a_row(start(0), start(1), PartDelta(1, "x"), fault)) == ["+0t", "-0", "+1t", "x", "-1", "."]


@pytest.mark.pitfall(11)
def test_a_lone_signature_behind_the_text_opens_no_part() -> None:
    events = (
        start(0, "reasoning"),
        PartDelta(0, "r"),
        start(1, "text"),
        PartDelta(1, "t"),
        PartBlob(0, SIGNATURE),
        END,
    )
    row = in_a_row(*events)
    assert told(row) == ["+0r", "r", "-0", "+1t", "t", "-1", "."]
    assert not [event for event in row if isinstance(event, PartBlob)]


@pytest.mark.pitfall(100)
def test_a_signature_without_text_is_something_to_say() -> None:
    """Signed is never empty."""
    row = in_a_row(start(0, "reasoning"), PartBlob(0, SIGNATURE), PartEnd(0), END)
    assert row == [start(0, "reasoning"), PartBlob(0, SIGNATURE), PartEnd(0), END]


def test_citations_follow_their_part() -> None:
    citation = Citation(origin="openai-chat", raw=b"{}", url="u")
    row = in_a_row(start(3, "text"), PartDelta(3, "t"), PartCited(3, citation), END)
    assert row[2] == PartCited(0, citation)


def test_other_events_pass() -> None:
    assert in_a_row(Keepalive()) == [Keepalive()]


def test_what_comes_behind_the_end_of_its_part_is_nobodys() -> None:
    assert told(in_a_row(start(0), PartDelta(0, "{}"), PartEnd(0), PartDelta(0, "x"), END)) == ["+0t", "{}", "-0", "."]


def test_state_is_there_though_it_says_nothing() -> None:
    head = PartStart(part=0, kind="reasoning", blobs=(SIGNATURE,))
    assert in_a_row(head, PartEnd(0), END) == [head, PartEnd(0), END]
    call = start(0, "tool_call")
    late = PartStart(part=1, kind="reasoning", blobs=(SIGNATURE,))
    assert in_a_row(call, late, PartEnd(1), PartEnd(0), END) == [call, PartEnd(0), late, PartEnd(1), END]
