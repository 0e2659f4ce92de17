"""Why an attempt failed, and why a model could not serve a request: what its caller is told of it."""

from __future__ import annotations

from typing import NamedTuple

from torouter.errors import LimitError, RequestError, RoutingError, TorouterError, UpstreamError
from torouter.relay.verdict import Fallback, Row, exhausted, verdict_on
from torouter.routing.planner import Plan

__all__ = ["Failure", "Unserved", "why_unserved"]

_BUSY_S = 1.0
"""Nobody knows when there will be room."""


class Failure(NamedTuple):
    """Of one attempt."""

    error: UpstreamError
    row: Row

    @classmethod
    def of(cls, error: UpstreamError) -> Failure:
        return cls(error, verdict_on(error))


class Unserved(NamedTuple):
    """A model that nobody could serve. `fallback` says which other models may follow, if any are named."""

    error: TorouterError
    fallback: Fallback | None


def why_unserved(failure: Failure | None, refusal: RequestError | None, plan: Plan) -> Unserved:
    """What failed last says more than what could not be sent, and that more than that nobody was to be asked."""
    if failure is not None:
        return Unserved(exhausted(failure.error), failure.row.fallback)
    if refusal is not None:
        return Unserved(refusal, None)
    return Unserved(_nobody(plan), "outage")


def _nobody(plan: Plan) -> TorouterError:
    if plan.full:
        return LimitError(
            "All channels that serve this model are busy. Try again.",
            kind="overloaded",
            type="upstream_unavailable",
            code="channel_busy",
            retry_after_s=_BUSY_S,
        )
    if plan.wait_s is not None:
        return LimitError(
            "The upstreams that serve this model are at their rate limits.",
            code="upstream_rate_limited",
            retry_after_s=plan.wait_s,
        )
    return RoutingError("No channel can serve this model right now.", type="upstream_unavailable")
