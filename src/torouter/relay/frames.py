"""The frames of the wire view: one line of JSON each. What they say is a contract with whoever reads them
(`docs/playground.md`)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from torouter.units import Dialect

__all__ = [
    "AttemptFrame",
    "CameFrame",
    "ChunkFrame",
    "DoneFrame",
    "Fields",
    "Frame",
    "LeftFrame",
    "LossFrame",
    "LossesFrame",
    "RequestFrame",
    "ReturnedFrame",
    "StatusFrame",
    "UsageFrame",
    "line_of",
]

Fields = Sequence[tuple[str, str]]
"""Header fields, in order."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """`at_ms` is from the request's arrival."""


class RequestFrame(Frame, frozen=True, kw_only=True, tag="request"):
    """What the client sent."""

    at_ms: float
    method: str
    path: str
    headers: Fields
    body: str
    base64: bool | msgspec.UnsetType = msgspec.UNSET
    cut_bytes: int | msgspec.UnsetType = msgspec.UNSET


class AttemptFrame(Frame, frozen=True, kw_only=True, tag="attempt"):
    """What went upstream. `continues` is the number of the request whose answer this one goes on with."""

    number: int
    at_ms: float
    channel: str | None
    credential: str | None
    model: str
    dialect: Dialect
    is_translated: bool
    picked: str
    method: str
    url: str
    headers: Fields
    body: str
    base64: bool | msgspec.UnsetType = msgspec.UNSET
    cut_bytes: int | msgspec.UnsetType = msgspec.UNSET
    continues: int | msgspec.UnsetType = msgspec.UNSET


class LossFrame(msgspec.Struct, frozen=True):
    """`why` is `null` for those of an answer."""

    field: str
    what: str
    why: str | None


class LossesFrame(Frame, frozen=True, kw_only=True, tag="losses"):
    """What could not be carried over: of the request, before it is sent; of the answer, at its end."""

    number: int
    losses: list[LossFrame]


class CameFrame(Frame, frozen=True, kw_only=True, tag="came"):
    """The head of an upstream's answer."""

    number: int
    at_ms: float
    status: int
    headers: Fields


class ChunkFrame(Frame, frozen=True, kw_only=True, tag="chunk"):
    """A piece of an upstream's answer."""

    number: int
    at_ms: float
    data: str
    base64: bool | msgspec.UnsetType = msgspec.UNSET
    cut_bytes: int | msgspec.UnsetType = msgspec.UNSET


class LeftFrame(Frame, frozen=True, kw_only=True, tag="left"):
    """`why` is the verdict's word, `message` what the upstream said, for those who look after it."""

    number: int
    at_ms: float
    verdict: str
    why: str
    message: str | None


class StatusFrame(Frame, frozen=True, kw_only=True, tag="status"):
    """The head of what is returned."""

    at_ms: float
    status: int
    headers: Fields


class ReturnedFrame(Frame, frozen=True, kw_only=True, tag="returned"):
    """A piece of the body that is returned."""

    at_ms: float
    data: str
    base64: bool | msgspec.UnsetType = msgspec.UNSET
    cut_bytes: int | msgspec.UnsetType = msgspec.UNSET


class UsageFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint counters in tokens, and who counted."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    tool_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    quality: str = "none"


class DoneFrame(Frame, frozen=True, kw_only=True, tag="done"):
    """The last one. `is_cut`: without frames the connection would have been dropped here."""

    at_ms: float
    request_id: str
    usage: UsageFrame
    cost_usd: str | None
    first_token_ms: int | None
    outcome: str
    is_cut: bool | msgspec.UnsetType = msgspec.UNSET


def line_of(frame: Frame) -> bytes:
    return _encode(frame) + b"\n"


_encode = msgspec.json.Encoder().encode
