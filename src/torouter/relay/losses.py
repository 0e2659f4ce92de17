"""How a caller is told what a translation could not carry: one header line, and the same words in the usage row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from torouter.canon.losses import Loss

__all__ = ["losses_block", "losses_told"]

_LIMIT_BYTES: Final = 4096


def losses_told(losses: Iterable[Loss]) -> tuple[str, ...]:
    """`field;what` of each loss, printable ASCII only: field paths come from the caller's body."""
    return tuple(f"{loss.field.encode('ascii', 'backslashreplace').decode()};{loss.what}" for loss in losses)


def losses_block(told: tuple[str, ...]) -> bytes:
    """The header line, or nothing."""
    return b"x-torouter-losses: %b\r\n" % ", ".join(told).encode("ascii")[:_LIMIT_BYTES] if told else b""
