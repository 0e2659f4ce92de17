"""What to do about a failed attempt, as one table: whom to ask next, whom to blame, or let its answer be the answer.

The first row that fits wins. A client that left is not a failed upstream, and never comes here (the attempt is
cancelled). A refusal by our own guards never comes here either: it is never retried. Nothing is tried again once a byte
has gone to the client, and nothing with the same candidate that has begun to answer (`may_repeat`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from torouter.errors import ErrorKind, Phase, UpstreamError
from torouter.routing.health import Blame
from torouter.routing.planner import Step

__all__ = ["TABLE", "Again", "Fallback", "Row", "exhausted", "may_repeat", "verdict_on"]

Again = Literal["no", "alone", "yes"]
"""May the same candidate be asked once more, if nobody else is left? `alone`: only if there never was anybody else.
`yes`: the fault is of a passing kind."""

Fallback = Literal["context_length", "outage"]
"""Which list of other models may follow, when all that serve this one have failed so."""

_SHORT_S: Final = 5.0
"""A `Retry-After` up to this is waited for."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What fits: each of `phases`, `statuses`, `kinds` and `codes` that is not empty, and `is_told`, if it says
    anything. `is_told`: did it say when to ask again, in at most 5 s?

    What follows: `step` `None`: its answer is the answer. `is_sudden`: what it blames is left alone at once, and not
    after some more of the kind. `is_terminal`: somebody has to mend something before asking again is of use.
    """

    name: str
    about: str
    phases: frozenset[Phase] = frozenset()
    statuses: frozenset[int] = frozenset()
    kinds: frozenset[ErrorKind] = frozenset()
    codes: frozenset[str] = frozenset()
    is_told: bool | None = None
    step: Step | None = None
    blame: Blame = "nobody"
    is_sudden: bool = True
    again: Again = "no"
    fallback: Fallback | None = None
    is_terminal: bool = False

    @property
    def is_transient(self) -> bool:
        return self.again == "yes"

    def fits(self, error: UpstreamError) -> bool:
        return (
            (not self.kinds or error.kind in self.kinds)
            and (not self.statuses or error.upstream_status in self.statuses)
            and (not self.phases or error.phase in self.phases)
            and (not self.codes or error.code in self.codes)
            and (self.is_told is None or self.is_told == _is_told(error))
        )


def _is_told(error: UpstreamError) -> bool:
    return error.retry_after_s is not None and error.retry_after_s <= _SHORT_S


def _passed_on(name: str, about: str, *, statuses: Iterable[int] = (), kinds: Iterable[ErrorKind] = ()) -> Row:
    """Another channel would say the same."""
    return Row(name=name, about=about, statuses=frozenset(statuses), kinds=frozenset(kinds))


TABLE: Final[tuple[Row, ...]] = (
    Row(
        name="kept_elsewhere",
        about="state that another account keeps or has encrypted (`previous_response_not_found`, a signature)",
        codes=frozenset({"previous_response_not_found", "invalid_encrypted_content"}),
        step="next_credential",
    ),
    _passed_on("content_policy", "refused content, by its body, whatever the status", kinds=("content_policy",)),
    Row(
        name="context_length",
        about="the prompt is too long, by its body, whatever the status",
        kinds=frozenset({"context_length"}),
        fallback="context_length",
    ),
    Row(
        name="bad_credential",
        about="401, or a body that says that the key is not valid",
        kinds=frozenset({"authentication"}),
        step="next_credential",
        blame="credential",
        fallback="outage",
        is_terminal=True,
    ),
    Row(
        name="no_credit",
        about="402, or a body that says that the account is spent, whatever the status",
        kinds=frozenset({"billing"}),
        step="next_credential",
        blame="credential",
        fallback="outage",
        is_terminal=True,
    ),
    Row(
        name="forbidden",
        about="403 that is not about content",
        kinds=frozenset({"forbidden"}),
        step="next_credential",
        blame="credential",
        fallback="outage",
        is_terminal=True,
    ),
    Row(
        name="rate_limited",
        about="429 with a `Retry-After` of at most 5 s",
        kinds=frozenset({"rate_limit"}),
        is_told=True,
        step="next_credential",
        blame="model",
        again="yes",
        fallback="outage",
    ),
    Row(
        name="rate_limited",
        about="429 without, or with a longer one",
        kinds=frozenset({"rate_limit"}),
        step="next_credential",
        blame="model",
        again="alone",
        fallback="outage",
    ),
    Row(
        name="overloaded",
        about="503 or 529, or a body that says so",
        kinds=frozenset({"overloaded"}),
        step="next_channel",
        blame="channel",
        again="yes",
        fallback="outage",
    ),
    _passed_on("not_found", "404", statuses=(404,)),
    _passed_on("conflict", "409", statuses=(409,)),
    _passed_on("too_large", "413", statuses=(413,)),
    _passed_on("unprocessable", "422", statuses=(422,)),
    Row(
        name="timeout_408",
        about="408: it gave up waiting for the request",
        statuses=frozenset({408}),
        step="next_channel",
        blame="channel",
        is_sudden=False,
        again="alone",
        fallback="outage",
    ),
    Row(
        name="no_answer",
        about="504, 522, 524: something in front of the upstream gave up waiting for it",
        statuses=frozenset({504, 522, 524}),
        step="next_channel",
        blame="channel",
        is_sudden=False,
        fallback="outage",
    ),
    Row(
        name="server_error",
        about="any other 5xx",
        statuses=frozenset(range(500, 600)),
        step="next_channel",
        blame="channel",
        is_sudden=False,
        again="yes",
        fallback="outage",
    ),
    _passed_on("bad_request", "any other 4xx", statuses=range(400, 500)),
    _passed_on(
        "bad_request",
        "an error in the place of an answer that is the request's fault",
        kinds=("bad_request", "too_large", "not_found", "conflict"),
    ),
    Row(
        name="tls",
        about="no TLS session: a certificate that is not accepted, a failed handshake",
        codes=frozenset({"upstream_tls"}),
        step="next_channel",
        blame="channel",
        fallback="outage",
        is_terminal=True,
    ),
    Row(
        name="connect",
        about="no connection in time (`connect_s`)",
        phases=frozenset({"connect"}),
        kinds=frozenset({"timeout"}),
        step="next_channel",
        blame="channel",
        fallback="outage",
    ),
    Row(
        name="connect",
        about="no connection: refused, no such host, no route",
        phases=frozenset({"connect"}),
        step="next_channel",
        blame="channel",
        again="alone",
        fallback="outage",
    ),
    Row(
        name="first_token_timeout",
        about="nothing meaningful of a stream in time (`first_token_s`)",
        codes=frozenset({"upstream_first_token_timeout"}),
        step="next_channel",
        blame="model",
        fallback="outage",
    ),
    Row(
        name="too_slow",
        about="the answer's end did not come in time (`total_s`): a slow stream",
        codes=frozenset({"upstream_total_timeout"}),
        step="next_channel",
        blame="model",
        fallback="outage",
    ),
    Row(
        name="no_answer",
        about="no response head in time (`head_s`)",
        phases=frozenset({"send", "head"}),
        kinds=frozenset({"timeout"}),
        step="next_channel",
        blame="channel",
        fallback="outage",
    ),
    Row(
        name="stalled",
        about="an answer that had begun, and then nothing for too long (`idle_s`)",
        codes=frozenset({"upstream_idle_timeout"}),
        step="next_channel",
        blame="model",
        fallback="outage",
    ),
    Row(
        name="malformed",
        about="not HTTP, not SSE, not JSON",
        codes=frozenset({"upstream_malformed"}),
        step="next_channel",
        blame="channel",
        is_sudden=False,
        fallback="outage",
    ),
    Row(
        name="reset",
        about="the connection broke before the first byte of an answer",
        phases=frozenset({"send", "head"}),
        step="next_channel",
        blame="channel",
        is_sudden=False,
        again="yes",
        fallback="outage",
    ),
    Row(
        name="empty",
        about="200 with nothing in it",
        codes=frozenset({"upstream_empty"}),
        step="next_channel",
        blame="model",
        is_sudden=False,
        fallback="outage",
    ),
    Row(
        name="cut",
        about="an answer that broke off: a reset, an end without its terminator",
        codes=frozenset({"upstream_truncated", "upstream_reset"}),
        step="next_channel",
        blame="channel",
        is_sudden=False,
        fallback="outage",
    ),
    Row(
        name="error_in_stream",
        about="any other error after a 200",
        step="next_channel",
        blame="model",
        is_sudden=False,
        fallback="outage",
    ),
)


def verdict_on(error: UpstreamError) -> Row:
    """`upstream_status` is 0 where no answer came, and below 400 where an answer broke off or turned out an error."""
    return next(row for row in TABLE if row.fits(error))


def may_repeat(row: Row, error: UpstreamError, *, is_alone: bool) -> bool:
    """May the candidate be asked the same again? Never if it has begun to answer, or has kept silent: it may be at it
    still, at a price."""
    has_begun = 0 < error.upstream_status < 400
    return not has_begun and (row.again == "yes" or (row.again == "alone" and is_alone))


def exhausted(last: UpstreamError) -> UpstreamError:
    """What the caller is told when every candidate has failed: 429 with its `Retry-After` and 504 stay what they are,
    what is the request's fault too, and everything else is 502. The upstream's own words are kept; they never name
    credentials or addresses of ours."""
    row = verdict_on(last)
    if row.step is None or row.name == "kept_elsewhere":
        return last
    is_kept = last.kind in ("rate_limit", "timeout")
    told = UpstreamError(
        f"The service is temporarily unavailable: {last.message}",
        phase=last.phase,
        upstream_status=last.upstream_status,
        kind=last.kind if is_kept else "upstream_fault",
        type=None if is_kept else "upstream_unavailable",
        code=last.code if is_kept else None,
        retry_after_s=last.retry_after_s,
    )
    told.is_terminal = row.is_terminal
    return told
