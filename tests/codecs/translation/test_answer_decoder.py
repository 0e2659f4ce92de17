"""What all decoders of answers do alike, shown on a dialect of one word an event."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from torouter.canon.events import Event, Fault, Finish, PartDelta, PartEnd, PartStart, Start, UsageSeen
from torouter.canon.usage import Usage
from torouter.codecs.answer_decoder import AnswerDecoder
from torouter.codecs.codec import Framing
from torouter.codecs.endings import truncated


class Words(AnswerDecoder):
    """Events are JSON strings: `end` is the terminal marker, `count` a figure, all else is text."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        self._is_over = False

    def read(self, data: bytes, events: list[Event]) -> None:
        word = msgspec.json.decode(data, type=str)
        if word == "end":
            self._is_over = True
            self.terminate(events)
        elif word == "count":
            self.count_usage(Usage(output_tokens=1, quality="partial"), events)
        else:
            if not self.has_started:
                self.start("id", "m", events)
                events.append(PartStart(part=0, kind="text"))
            events.append(PartDelta(0, word))

    def ending(self) -> Finish | Fault:
        return Finish(reason="stop") if self._is_over or self.framing == "whole" else truncated()

    def end_parts(self) -> Iterable[Event]:
        if self.has_started:
            yield PartEnd(0)


def events_of(*pieces: bytes, framing: Framing = "sse") -> list[Event]:
    decoder = Words(framing)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.close()]


SAID: list[Event] = [Start(id="id", model="m"), PartStart(part=0, kind="text"), PartDelta(0, "a")]
WHOLE: list[Event] = [*SAID, PartEnd(0), Finish(reason="stop")]
CUT: list[Event] = [*SAID, PartEnd(0), truncated()]


def test_the_terminal_marker_ends_an_answer_and_nothing_follows_it() -> None:
    assert events_of(b'data: "a"\n\ndata: "end"\n\ndata: "b"\n\ndata: {\n\n', b'data: "c"\n\n') == WHOLE


def test_bytes_that_end_without_it_are_cut_off() -> None:
    assert events_of(b'data: "a"\n\n') == CUT


@pytest.mark.parametrize(("tail", "events"), [(b'data: "end"', WHOLE), (b'data: "en', CUT), (b"data: 1", CUT)])
def test_an_event_without_its_blank_line_counts_if_it_can_be_read(tail: bytes, events: list[Event]) -> None:
    assert events_of(b'data: "a"\n\n' + tail) == events


@pytest.mark.parametrize("nonsense", [b"1", b"{", b'"\xff"', b"[" * 100_000], ids=["shape", "json", "utf-8", "depth"])
@pytest.mark.parametrize("framing", ["sse", "whole"])
def test_what_cannot_be_read_ends_the_answer(nonsense: bytes, framing: Framing) -> None:
    (fault,) = events_of(b"data: %b\n\n" % nonsense if framing == "sse" else nonsense, framing=framing)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code) == ("upstream_fault", "upstream_malformed")


def test_a_whole_body_is_read_when_its_bytes_have_ended() -> None:
    decoder = Words("whole")
    assert decoder.feed(b'"') == []
    assert decoder.feed(b'a"') == []
    assert decoder.close() == WHOLE


def test_a_bare_body_in_the_place_of_a_stream_is_read() -> None:
    assert events_of(b'"a"') == CUT


def test_silence_is_no_answer() -> None:
    assert events_of() == [truncated()]
    assert events_of(b" \n", b"\n") == [truncated()]


def test_figures_are_reported_ones_only_behind_a_finish() -> None:
    seen = UsageSeen(Usage(output_tokens=1, quality="partial"))
    final = UsageSeen(Usage(output_tokens=1, quality="reported"))
    assert events_of(b'data: "count"\n\ndata: "end"\n\n') == [seen, final, Finish(reason="stop")]
    assert events_of(b'data: "count"\n\n') == [seen, truncated()]
