"""Names, ids, time and secrets that every room may use.

Standard library only; nothing in here knows HTTP, JSON or a vendor.
"""

from __future__ import annotations

import os
import secrets
import string
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, Literal, get_args

__all__ = [
    "DIALECTS",
    "OPERATIONS",
    "OUTCOMES",
    "Dialect",
    "Operation",
    "Outcome",
    "RequestIds",
    "Secret",
    "dollars",
    "moment",
    "new_api_key",
    "wall_ms",
]

Dialect = Literal["openai-chat", "openai-responses", "anthropic", "gemini"]
"""One of the four wire dialects. The words are those of the configuration file."""
DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)

Operation = Literal[
    "chat",
    "count_tokens",
    "embeddings",
    "images",
    "image_edits",
    "transcriptions",
    "speech",
    "rerank",
]
"""What a request asks for. The first three are translated; the others are opaque bytes with a tap."""
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

Outcome = Literal["ok", "client_left", "upstream_error", "truncated", "refused", "fault"]
"""How a request ended: answered; the caller hung up; an upstream's error was the answer; the answer broke off after it
had begun; refused by us; a fault of our own."""
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

_KEY_ALPHABET: Final = string.ascii_letters + string.digits
_KEY_LENGTH: Final = 48
_NANO: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Secret:
    """A string that prints as stars. `reveal()` is the only way to the text, so uses can be found by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and secrets.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)


class RequestIds:
    """Request ids `req_<16 hex of the process><8 hex counter>`: unique across processes, one format call each."""

    __slots__ = ("_next", "_prefix")

    def __init__(self) -> None:
        self._prefix = b"req_" + os.urandom(8).hex().encode()
        self._next = count(1).__next__

    def __call__(self) -> bytes:
        return b"%b%08x" % (self._prefix, self._next())


def new_api_key() -> str:
    """A fresh API key: `sk-` and 48 letters and digits (285 bits)."""
    return "sk-" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(_KEY_LENGTH))


def moment(at_ms: int) -> datetime:
    """UTC; exact, as no fraction of seconds is."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def wall_ms() -> int:
    """Milliseconds since the epoch, UTC: how times are stored."""
    return time.time_ns() // 1_000_000


def dollars(amount_nusd: int) -> str:
    """The shortest form with at least two decimals: `12.50`, `0.000000001`, `-3.00`."""
    whole, rest = divmod(abs(amount_nusd), _NANO)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount_nusd < 0 else ''}{whole}.{decimals}"
