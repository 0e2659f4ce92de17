"""An answer as events: what decoders give and encoders take, whole or streamed.

    Start (PartStart (PartDelta | PartBlob | PartCited)* PartEnd)* UsageSeen* (Finish | Fault)

Parts are numbered by the decoder from the upstream's own coordinates, counting up from 0 in the order in which they
start; they may overlap (`canon.serial` puts them in a row for encoders that need it). `UsageSeen` is cumulative: the
last one counts. Exactly one `Finish` or `Fault` is the last event; a `Finish` only where the upstream said so.
`Keepalive` and `Lost` may stand anywhere.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from torouter.canon.blocks import Blob, CallKind, Citation
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.usage import Usage
from torouter.errors import ErrorKind, Phase, UpstreamError

__all__ = [
    "Event",
    "Fault",
    "Finish",
    "FinishReason",
    "Keepalive",
    "Lost",
    "PartBlob",
    "PartCited",
    "PartDelta",
    "PartEnd",
    "PartKind",
    "PartStart",
    "Start",
    "UsageSeen",
    "says",
]

PartKind = Literal["text", "reasoning", "tool_call", "refusal", "server_call", "server_result", "opaque"]
FinishReason = Literal[
    "stop", "stop_sequence", "length", "context_length", "tool_calls", "refusal", "content_filter", "pause"
]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream's own identity of the answer; empty where it gave none."""

    id: str = ""
    model: str = ""


class PartStart(msgspec.Struct, frozen=True, kw_only=True):
    """A part begins, without content. `id`, `name` and `call_kind` are a tool call's; `raw` is the vendor's block as it
    began (JSON), for kinds that only the vendor knows, whose word for it is `vendor_kind`. `is_wrapped`: a custom call
    that its upstream knows as a function, so that its free text comes as the `input` of a JSON object, or a function's
    arguments that are none, and come as the `value` of one. `blobs` is state
    that is known at once: what clients have to be told in front of a call, and reasoning that is nothing but state."""

    part: int
    kind: PartKind
    id: str = ""
    name: str = ""
    call_kind: CallKind = "function"
    namespace: str | None = None
    is_id_synthesised: bool = False
    is_wrapped: bool = False
    vendor_kind: str = ""
    raw: bytes = b""
    blobs: tuple[Blob, ...] = ()


class PartDelta(msgspec.Struct, frozen=True):
    """More text of a part: visible text, reasoning, a refusal, or a piece of a call's arguments. Never empty, unless
    it brings log probabilities of text that was said before."""

    part: int
    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


class PartBlob(msgspec.Struct, frozen=True):
    part: int
    blob: Blob


class PartCited(msgspec.Struct, frozen=True):
    part: int
    citation: Citation


class PartEnd(msgspec.Struct, frozen=True):
    part: int


class UsageSeen(msgspec.Struct, frozen=True):
    """Cumulative figures, as far as they are known."""

    usage: Usage


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """A normal end. `raw` is the upstream's own word; `stop_sequence` the one that matched, where it is known;
    `explanation` what a provider says about a refusal; `details` its object, or what goes on from a pause, JSON.
    `is_known`: does the dialect know that word?"""

    reason: FinishReason
    raw: str = ""
    stop_sequence: str | None = None
    explanation: str | None = None
    details: bytes = b""
    is_known: bool = True


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An end in error: the upstream's own, or what we make of its silence (`code` `upstream_truncated`,
    `upstream_malformed`)."""

    kind: ErrorKind
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None

    def error(self, phase: Phase) -> UpstreamError:
        """The same as an exception: to be raised, or rendered in a client's dialect. What it is in the place of had
        begun as an answer."""
        return UpstreamError(
            self.message,
            phase=phase,
            upstream_status=200,
            kind=self.kind,
            type=self.type,
            code=self.code,
            param=self.param,
            retry_after_s=self.retry_after_s,
        )


class Lost(msgspec.Struct, frozen=True):
    """Something of the answer that no event can say. `field` is the upstream's own name for it."""

    field: str
    reason: str


class Keepalive(msgspec.Struct, frozen=True):
    """The upstream is alive and has nothing to say."""


Event = Start | PartStart | PartDelta | PartBlob | PartCited | PartEnd | UsageSeen | Finish | Fault | Lost | Keepalive

_SPEECH = ("text", "reasoning", "refusal")


def says(event: Event) -> bool:
    """Does it say something, so that an answer has begun in earnest? Not who answers, what it costs, or that there will
    be text."""
    if isinstance(event, PartStart):
        return event.kind not in _SPEECH or bool(event.blobs)
    return isinstance(event, PartDelta | PartBlob | PartCited | Finish)
