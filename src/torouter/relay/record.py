"""What is written down of a request: one usage row, and never a body."""

from __future__ import annotations

from typing import Final

from torouter.access.admission import Admission
from torouter.canon.usage import Usage
from torouter.ledger.books import UsageRow
from torouter.relay.call import Call
from torouter.relay.delivery import Delivery, Outcome
from torouter.relay.losses import told_text
from torouter.routing.snapshot import Candidate
from torouter.units import wall_ms
from torouter.wire.exchange import Exchange

__all__ = ["usage_row"]

_SURFACES: Final = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
}


def usage_row(
    exchange: Exchange,
    admission: Admission,
    call: Call,
    candidate: Candidate | None,
    delivery: Delivery | None,
    usage: Usage,
    *,
    status: int,
    outcome: Outcome,
    losses: tuple[str, ...],
    switches: int,
    latency_s: float,
) -> UsageRow:
    """`candidate` is the one that answered, or the last that was asked; `None` where none was. `losses` are those of
    the delivery, or the field that a refusal is for."""
    key, dialect = admission.key, call.codec.dialect
    channel = dialect_out = upstream_model = ""
    if candidate is not None:
        channel, dialect_out, upstream_model = candidate.channel.name, candidate.dialect, candidate.upstream_model
    first_token_ms = None
    if delivery is not None and delivery.first_byte_s is not None:
        first_token_ms = round((delivery.first_byte_s - exchange.started_s) * 1000)
    fields = (
        exchange.request_id.decode("ascii"),
        wall_ms(),
        key.account_id,
        key.id,
        channel,
        _SURFACES[dialect],
        call.operation,
        dialect,
        dialect_out,
        admission.model,
        upstream_model,
        status,
        outcome,
        call.framing != "whole",
        switches,
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.tool_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.quality,
        round(latency_s * 1000),
        first_token_ms,
        told_text(losses) if losses else None,
        0,
        0,
        "",
        None,
    )
    return tuple.__new__(UsageRow, fields)  # the class's own constructor takes 1 µs more
