"""Every way an upstream can fail that the verdict table has a row for, in each dialect, whole and streamed; and what
must come of it, with another channel to go to and without one.

Each is one `Fault`: the answers, and two `End`s. They are played by `tests.live.upstream`, but for those that never get
as far as HTTP (`Fault.place`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from tests.live.provider_errors import error_event, refusal
from tests.live.speech import Speech, speech, whole
from tests.live.upstream import EVENT_STREAM, JSON, Answer, sse_answer

__all__ = ["DEADLINES", "FAULTS", "FIRST", "SECOND", "End", "Fate", "Fault", "good"]

FIRST: Final = ("The first ", "channel has ", "said all of ", "this, and ", "to its end.")
SECOND: Final = ("It was ", "the second ", "that was ", "asked.")

DEADLINES: Final[Mapping[str, float]] = {"connect_s": 5.0, "head_s": 3.0, "first_token_s": 2.0, "idle_s": 2.5}
"""What the gateway is told. Deadlines are looked after twice a second, so each may pass by half a second."""

Fate = Literal["elsewhere", "itself", "anyone", "told", "broken"]
"""Answered by the second channel; by the faulty one after all; by either; its error is the client's; the stream ends in
an error behind the text that had come."""
Mode = Literal["both", "whole", "stream"]
Place = Literal["upstream", "closed-port", "plain-port"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """`statuses`: what the SDK may be told. `visits`: how often the faulty channel may be asked, least and most."""

    fate: Fate
    statuses: tuple[int, ...] = ()
    visits: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    name: str
    answers: Callable[[str, bool], tuple[Answer, ...]]
    """(dialect, is it streamed) → in order, the last one for ever."""
    paired: End
    alone: End
    words: tuple[str, ...] = ()
    """Of which one is written as `left_for` of the attempt that failed."""
    mode: Mode = "both"
    dialects: tuple[str, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini")
    place: Place = "upstream"
    channel: Mapping[str, object] | None = None
    """More of the faulty channel's configuration."""


def good(dialect: str, stream: bool, words: tuple[str, ...]) -> Answer:
    return speech(dialect, words).answer() if stream else whole(dialect, words)


# Answers.

_Make = Callable[[str, bool], tuple[Answer, ...]]


def _refused(word: str, status: int, retry_after_s: int | None = None) -> _Make:
    return lambda dialect, _: (refusal(dialect, word, status, retry_after_s=retry_after_s),)


def _once(make: _Make) -> _Make:
    """The fault, and then a good answer."""
    return lambda dialect, stream: (*make(dialect, stream), good(dialect, stream, FIRST))


def _always(answer: Answer) -> _Make:
    return lambda _dialect, _stream: (answer,)


def _stream(cut: Callable[[str, Speech], Answer]) -> _Make:
    """What becomes of the frames of a good stream."""
    return lambda dialect, _: (cut(dialect, speech(dialect, FIRST)),)


def _whole(cut: Callable[[Answer], Answer]) -> _Make:
    return lambda dialect, _: (cut(whole(dialect, FIRST)),)


def _sse(*pieces: bytes, **options: object) -> Answer:
    return replace(sse_answer(*pieces), **options)  # type: ignore[arg-type]


def _begun(told: Speech) -> tuple[bytes, ...]:
    return (*told.opening, *told.words[:2])


def _event(dialect: str) -> bytes:
    told = error_event(dialect)
    name = b"event: %b\n" % str(told["type"]).encode() if "type" in told else b""
    return b"%bdata: %b\n\n" % (name, json.dumps(told).encode())


def _malformed(dialect: str, told: Speech) -> bytes:
    """The next frame with its data cut short, as a proxy with a small buffer does it."""
    frame = told.words[2].rstrip(b"\n")
    return frame[: len(frame) // 2] + b"\n\n"


def _half(answer: Answer) -> tuple[bytes, ...]:
    [body] = answer.bodies()
    return (body[: len(body) // 2],)


def _promised(answer: Answer) -> Answer:
    """Its head tells the whole length, and half of it comes."""
    [body] = answer.bodies()
    return replace(
        answer, headers=(*JSON, ("content-length", str(len(body)))), pieces=_half(answer), framing="until-close",
        ending="close",
    )  # fmt: skip


def _empty(dialect: str, stream: bool) -> tuple[Answer, ...]:
    return (Answer(headers=EVENT_STREAM if stream else JSON, pieces=(), framing="chunked"),)


_GAP_S: Final = 0.04
"""Between pieces: what stands before a fault has been passed on when it comes."""
_SILENT: Final = Answer(status=0, ending="stall")
_RESET: Final = Answer(status=0, ending="reset")
_CLOSED: Final = Answer(status=0, ending="close")
_GARBAGE: Final = Answer(status=0, pieces=(b"220 mail.example.org ESMTP\r\n",), ending="close")
_PAGE: Final = Answer(
    headers=(("content-type", "text/html"),),
    pieces=(b"<!doctype html><title>Just a moment...</title><p>Checking your browser.</p>",),
)


# Ends.


def _to(fate: Fate, *statuses: int, least: int = 1, most: int = 1) -> End:
    return End(fate=fate, statuses=statuses, visits=(least, most))


_ELSEWHERE: Final = _to("elsewhere")
_ITSELF: Final = _to("itself")
_TWICE: Final = _to("itself", least=2, most=2)
_BROKEN: Final = _to("broken")
_MOST: Final = 6
"""Attempts that a dying upstream may cost."""


def _passed_on(name: str, answers: _Make, word: str, *statuses: int) -> Fault:
    """Another channel would say the same, so its error is the client's."""
    told = _to("told", *statuses)
    return Fault(name=name, answers=answers, words=(word,), paired=told, alone=told)


FAULTS: Final = (
    # Refusals, told apart by status and body.
    Fault(
        name="429", answers=_refused("rate", 429), words=("rate_limited",), paired=_ELSEWHERE,
        alone=_to("told", 429, most=_MOST),
    ),
    Fault(
        name="429-for-long", answers=_refused("rate", 429, 30), words=("rate_limited",), paired=_ELSEWHERE,
        alone=_to("told", 429),
    ),
    Fault(
        name="429-shortly", answers=_once(_refused("rate", 429, 1)), words=("rate_limited",), paired=_ELSEWHERE,
        alone=_TWICE,
    ),
    Fault(
        name="401", answers=_refused("key", 401), words=("bad_credential",), paired=_ELSEWHERE, alone=_to("told", 502)
    ),
    Fault(
        name="402", answers=_refused("credit", 402), words=("no_credit",), paired=_ELSEWHERE, alone=_to("told", 502)
    ),
    Fault(
        name="403", answers=_refused("forbidden", 403), words=("forbidden",), paired=_ELSEWHERE,
        alone=_to("told", 502),
    ),
    _passed_on("policy-400", _refused("policy", 400), "content_policy", 400),
    _passed_on("policy-403", _refused("policy", 403), "content_policy", 400, 403),
    _passed_on("400", _refused("wrong", 400), "bad_request", 400),
    _passed_on("404", _refused("unknown", 404), "not_found", 404),
    _passed_on("409", _refused("conflict", 409), "conflict", 409),
    _passed_on("413", _refused("large", 413), "too_large", 413),
    _passed_on("422", _refused("odd", 422), "unprocessable", 400, 422),
    _passed_on("context-length", _refused("long", 400), "context_length", 400),
    Fault(
        name="408", answers=_refused("late", 408), words=("timeout_408",), paired=_ELSEWHERE,
        alone=_to("told", 504, most=_MOST),
    ),
    Fault(
        name="500-once", answers=_once(_refused("broken", 500)), words=("server_error",), paired=_ELSEWHERE,
        alone=_TWICE,
    ),
    Fault(
        name="500", answers=_refused("broken", 500), words=("server_error",), paired=_ELSEWHERE,
        alone=_to("told", 502, least=2, most=_MOST),
    ),
    Fault(
        name="503-once", answers=_once(_refused("busy", 503)), words=("overloaded",), paired=_ELSEWHERE, alone=_TWICE
    ),
    Fault(
        name="503", answers=_refused("busy", 503), words=("overloaded",), paired=_ELSEWHERE,
        alone=_to("told", 502, 503, most=_MOST),
    ),
    Fault(
        name="529", answers=_refused("busy", 529), words=("overloaded",), paired=_ELSEWHERE,
        alone=_to("told", 502, 503, most=_MOST),
    ),
    # Before a head.
    Fault(
        name="refused", answers=_always(_SILENT), place="closed-port", words=("connect",),
        paired=_to("elsewhere", least=0, most=0), alone=_to("told", 502, least=0, most=0),
    ),
    Fault(
        name="not-tls", answers=_always(_SILENT), place="plain-port", words=("tls",),
        paired=_to("elsewhere", least=0, most=0), alone=_to("told", 502, least=0, most=0),
    ),
    Fault(
        name="reset", answers=_always(_RESET), words=("reset",), paired=_to("elsewhere", most=2),
        alone=_to("told", 502, least=2, most=_MOST),
    ),
    Fault(
        name="reset-once", answers=_once(_always(_RESET)), words=("reset",), paired=_to("anyone", most=2), alone=_TWICE
    ),
    Fault(
        name="closed", answers=_always(_CLOSED), words=("reset",), paired=_to("elsewhere", most=2),
        alone=_to("told", 502, least=2, most=_MOST),
    ),
    Fault(name="silent", answers=_always(_SILENT),
        words=("no_answer", "first_token_timeout"), paired=_ELSEWHERE, alone=_to("told", 504)),
    Fault(
        name="not-http", answers=_always(_GARBAGE), words=("malformed",), paired=_ELSEWHERE,
        alone=_to("told", 502, most=_MOST),
    ),
    # Whole answers.
    Fault(
        name="late", mode="whole", answers=_whole(lambda answer: replace(answer, delay_s=30)), words=("no_answer",),
        paired=_ELSEWHERE, alone=_to("told", 504),
    ),
    Fault(
        name="late-in-time", mode="whole", answers=_whole(lambda answer: replace(answer, delay_s=0.4)), paired=_ITSELF,
        alone=_ITSELF,
    ),
    Fault(
        name="stalled-body", mode="whole",
        answers=_whole(lambda answer: replace(answer, pieces=_half(answer), framing="chunked", ending="stall")),
        words=("stalled",), paired=_ELSEWHERE, alone=_to("told", 504),
    ),
    Fault(
        name="cut-body", mode="whole", answers=_whole(_promised), words=("cut",), paired=_ELSEWHERE,
        alone=_to("told", 502),
    ),
    Fault(
        name="reset-body", mode="whole",
        answers=_whole(lambda answer: replace(answer, pieces=_half(answer), framing="chunked", ending="reset")),
        words=("cut", "reset"), paired=_ELSEWHERE, alone=_to("told", 502),
    ),
    Fault(
        name="malformed-body", mode="whole", answers=_whole(lambda answer: replace(answer, pieces=_half(answer))),
        words=("malformed",), paired=_ELSEWHERE, alone=_to("told", 502, most=_MOST),
    ),
    Fault(
        name="error-in-200", mode="whole",
        answers=lambda dialect, _: (replace(refusal(dialect, "busy", 503), status=200),),
        words=("overloaded", "server_error", "error_in_stream"), paired=_ELSEWHERE,
        alone=_to("told", 502, 503, most=_MOST),
    ),
    # Both, behind a good head.
    Fault(name="empty", answers=_empty, words=("empty",), paired=_ELSEWHERE, alone=_to("told", 502, most=_MOST)),
    Fault(
        name="page", answers=_always(_PAGE), words=("malformed",), paired=_ELSEWHERE, alone=_to("told", 502, most=_MOST)
    ),
    # Streams before the first meaningful event.
    Fault(
        name="reset-after-head", mode="stream", answers=_always(_sse(ending="reset")), words=("reset", "cut"),
        paired=_ELSEWHERE, alone=_to("told", 502),
    ),
    Fault(
        name="cut-after-head", mode="stream", answers=_always(_sse(ending="close")), words=("reset", "cut", "empty"),
        paired=_ELSEWHERE, alone=_to("told", 502),
    ),
    Fault(
        name="no-first-token", mode="stream", answers=_stream(lambda _, told: _sse(*told.opening, ending="stall")),
        words=("first_token_timeout",), paired=_ELSEWHERE, alone=_to("told", 504),
    ),
    Fault(
        name="slow-first-token", mode="stream", answers=_stream(lambda _, told: _sse(*told.frames, pace_s=30)),
        words=("first_token_timeout",), paired=_ELSEWHERE, alone=_to("told", 504),
    ),
    Fault(
        name="malformed-first", mode="stream",
        answers=_stream(lambda dialect, told: _sse(*told.opening, _malformed(dialect, told), *told.frames)),
        words=("malformed",), paired=_ELSEWHERE, alone=_to("told", 502),
    ),
    Fault(
        name="error-first", mode="stream",
        answers=_stream(lambda dialect, told: _sse(*told.opening, _event(dialect))),
        words=("error_in_stream", "overloaded"), paired=_ELSEWHERE, alone=_to("told", 502, 503, most=_MOST),
    ),
    Fault(
        name="cut-before-text", mode="stream", answers=_stream(lambda _, told: _sse(*told.opening, ending="close")),
        words=("cut", "reset", "empty"), paired=_ELSEWHERE, alone=_to("told", 502),
    ),
    # Streams behind it: never another answer.
    Fault(
        name="stalled", mode="stream", answers=_stream(lambda _, told: _sse(*_begun(told), ending="stall")),
        words=("stalled",), paired=_BROKEN, alone=_BROKEN,
    ),
    Fault(
        name="slow", mode="stream", answers=_stream(lambda _, told: _sse(*told.frames, pace_s=0.15)), paired=_ITSELF,
        alone=_ITSELF,
    ),
    Fault(
        name="too-slow", mode="stream",
        answers=_stream(lambda _, told: _sse(*told.opening, *told.words * 4, pace_s=0.2)),
        channel={"deadlines": {**DEADLINES, "total_s": 1.8}}, words=("too_slow",), paired=_BROKEN, alone=_BROKEN,
    ),
    Fault(
        name="malformed-later", mode="stream",
        answers=_stream(
            lambda dialect, told: _sse(*_begun(told), _malformed(dialect, told), *told.frames, pace_s=_GAP_S)
        ),
        words=("malformed",), paired=_BROKEN, alone=_BROKEN,
    ),
    Fault(
        name="error-later", mode="stream",
        answers=_stream(lambda dialect, told: _sse(*_begun(told), _event(dialect), pace_s=_GAP_S)),
        words=("error_in_stream", "overloaded"), paired=_BROKEN, alone=_BROKEN,
    ),
    Fault(
        name="no-terminator", mode="stream", answers=_stream(lambda _, told: _sse(*_begun(told), pace_s=_GAP_S)),
        words=("cut",), paired=_BROKEN, alone=_BROKEN,
    ),
    Fault(
        name="no-done", mode="stream", dialects=("openai-chat",),
        answers=_stream(lambda _, told: _sse(*told.opening, *told.words, *told.ending)), paired=_ITSELF, alone=_ITSELF,
    ),
    Fault(
        name="cut-in-event", mode="stream",
        answers=_stream(lambda _, told: _sse(*_begun(told), told.words[2][:-9], pace_s=_GAP_S, ending="close")),
        words=("cut",), paired=_BROKEN, alone=_BROKEN,
    ),
    Fault(
        name="reset-in-event", mode="stream",
        answers=_stream(lambda _, told: _sse(*_begun(told), told.words[2][:-9], pace_s=_GAP_S, ending="reset")),
        words=("cut", "reset"), paired=_BROKEN, alone=_BROKEN,
    ),
)  # fmt: skip
