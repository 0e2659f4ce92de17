"""What is written down of a request: one usage row and a ledger row for each attempt, and never a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from torouter.canon.usage import Usage
from torouter.errors import ErrorKind, TorouterError, UpstreamError
from torouter.ledger.books import LedgerRow, UsageRow
from torouter.relay.delivery import AttemptOutcome
from torouter.relay.losses import told_text
from torouter.units import Outcome

if TYPE_CHECKING:
    from torouter.relay.passage import Passage
    from torouter.relay.trial import Trial

__all__ = ["FREE", "Charge", "attempt_row", "usage_row", "word_for"]

_SURFACES: Final = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
_WORDS: Final[dict[ErrorKind, AttemptOutcome]] = {"timeout": "timeout", "rate_limit": "rate_limited"}


class Charge(msgspec.Struct, frozen=True, gc=False):
    """`version` is the price's, empty where there was none; `parts` what the cost is made of, as `ledger.cost` reads
    it."""

    cost_nusd: int
    version: str
    parts: str | None


FREE: Final = Charge(0, "", None)


def word_for(error: TorouterError) -> AttemptOutcome:
    if not isinstance(error, UpstreamError):
        return "fault"
    return _WORDS.get(error.kind) or ("connect" if error.phase == "connect" else "upstream_error")


def attempt_row(
    passage: Passage,
    trial: Trial,
    *,
    at_ms: int,
    amount_nusd: int,
    status: int,
    outcome: AttemptOutcome,
    now_s: float,
    note: str = "",
    left_for: str = "",
    cost_nusd: int = 0,
) -> LedgerRow:
    """Of the candidate that is being asked. `status` is the upstream's, 0 where no answer came; `amount_nusd` is what
    the account's balance is charged with, negative or 0; `left_for` the verdict's word, empty for what was served."""
    key, candidate, delivery, asked_s = passage.admission.key, trial.candidate, trial.delivery, trial.asked_s
    assert candidate is not None, "somebody was asked"
    assert asked_s is not None, "somebody was asked"
    first_token_ms = None
    if delivery is not None and delivery.first_byte_s is not None and delivery.first_byte_s >= asked_s:
        first_token_ms = round((delivery.first_byte_s - asked_s) * 1000)
    fields = (
        at_ms,
        key.account_id,
        key.id,
        passage.exchange.request_id.decode("ascii"),
        len(passage.attempts) + 1,
        "attempt",
        amount_nusd,
        candidate.channel.name,
        candidate.upstream_model,
        status,
        outcome,
        round((now_s - asked_s) * 1000),
        first_token_ms,
        note,
        candidate.credential.label,
        trial.picked,
        left_for,
        cost_nusd,
    )
    return tuple.__new__(LedgerRow, fields)  # the class's own constructor takes longer


def usage_row(
    passage: Passage, usage: Usage, charge: Charge, *, at_ms: int, status: int, outcome: Outcome, now_s: float
) -> UsageRow:
    """The channel is the one that answered, or the last that was asked. Losses are those of the delivery, or the field
    that a refusal is for."""
    exchange, admission, call = passage.exchange, passage.admission, passage.call
    candidate, delivery = passage.candidate, passage.delivery
    key, dialect = admission.key, call.codec.dialect
    channel = dialect_out = upstream_model = ""
    if candidate is not None:
        channel, dialect_out, upstream_model = candidate.channel.name, candidate.dialect, candidate.upstream_model
    first_token_ms = None
    if delivery is not None and delivery.first_byte_s is not None:
        first_token_ms = round((delivery.first_byte_s - exchange.started_s) * 1000)
    losses = passage.refused if delivery is None else delivery.losses
    fields = (
        exchange.request_id.decode("ascii"),
        at_ms,
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
        passage.switches,
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.tool_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.quality,
        round((now_s - exchange.started_s) * 1000),
        first_token_ms,
        told_text(losses) if losses else None,
        passage.terms.group_id,
        charge.cost_nusd,
        charge.version,
        charge.parts,
    )
    return tuple.__new__(UsageRow, fields)  # the class's own constructor takes 1 µs more
