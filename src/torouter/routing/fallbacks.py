"""Which models are asked in place of one, where an operator or the request itself has named them."""

from __future__ import annotations

import msgspec

__all__ = ["Fallbacks"]


class Fallbacks(msgspec.Struct, frozen=True, kw_only=True):
    """Names that clients use, in the order in which they are asked."""

    context_length: tuple[str, ...] = ()
    """Where the conversation is longer than the model's window."""
    outage: tuple[str, ...] = ()
    """Where nobody who serves the model can be asked, or everybody has failed."""
