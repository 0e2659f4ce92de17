"""What health says of itself: to people, and to the other processes."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Blame", "HealthReport", "Note", "State"]

Blame = Literal["nobody", "credential", "model", "channel"]
"""What a failed attempt speaks against: a credential at any model; a model at one credential; the whole channel."""

State = Literal["closed", "open", "half-open"]
"""Asked as usual; left alone; asked by one request at a time, to see whether it has recovered."""


class Note(msgspec.Struct, frozen=True):
    """Something opened, or closed again (`left_s` 0). `credential` and `model` are empty where the blame is wider.
    `why` is the verdict's word on what opened it; empty where that is not known. `is_midway`: only the end of an answer
    shows that it has recovered."""

    channel: str
    credential: str
    model: str
    blame: Blame
    failures: int
    left_s: float
    is_told: bool
    why: str = ""
    is_midway: bool = False


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a model fares at a credential of a channel; `model` and `credential` are empty for what only another process
    has asked. `requests` and `failure_ratio` are of the last 60 s; `left_s` is until it may be asked; `is_told`: the
    upstream itself said when. `last_failure` is the verdict's word on what last spoke against it, `last_failure_s` how
    long ago that was."""

    channel: str
    credential: str
    model: str
    state: State
    left_s: float
    is_told: bool
    failures_in_row: int
    failure_ratio: float
    requests: int
    first_token_p50_s: float | None
    first_token_p95_s: float | None
    last_failure: str
    last_failure_s: float | None
