"""Losses as callers and usage rows are told of them: `field;what`, separated by commas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from torouter.canon.losses import Loss
from torouter.errors import TorouterError

__all__ = ["ANSWER", "losses_block", "refused_field", "told", "told_text"]

ANSWER: Final = "answer."
"""Before the fields of an answer, which are the upstream's; all others are the caller's own."""
_LIMIT_BYTES: Final = 4096
_FIELD_LIMIT_BYTES: Final = 200
_MORE: Final = "..."
_NOT_PLAIN: Final = re.compile(r"[^!#-+\--:<-\[\]-~]")
"""All but visible ASCII, and in that the separators, quotes and the backslash. Names of fields come from bodies."""


def told(losses: Iterable[Loss], before: str = "") -> tuple[str, ...]:
    return tuple(f"{before}{_plain(loss.field)};{loss.what}" for loss in losses)


def refused_field(error: TorouterError) -> tuple[str, ...]:
    """Which field a refusal is for, if for one."""
    return (f"{_plain(error.param)};refused",) if error.param else ()


def told_text(entries: Iterable[str]) -> str:
    """As many as there is room for; dots say that there were more."""
    text = ", ".join(entries)
    if len(text) <= _LIMIT_BYTES:
        return text
    room = text.rfind(", ", 0, _LIMIT_BYTES - len(_MORE))
    return f"{text[: room + 2]}{_MORE}"


def losses_block(entries: Iterable[str]) -> bytes:
    """The header line, or nothing."""
    text = told_text(entries)
    return b"x-torouter-losses: %b\r\n" % text.encode("ascii") if text else b""


def _plain(field: str) -> str:
    plain = _NOT_PLAIN.sub(lambda found: f"%{ord(found[0]):02X}", field)
    return plain if len(plain) <= _FIELD_LIMIT_BYTES else f"{plain[: _FIELD_LIMIT_BYTES - len(_MORE)]}{_MORE}"
