"""Which other models may serve where one cannot: only those that an operator, or the request itself, named."""

from __future__ import annotations

import msgspec

__all__ = ["NO_FALLBACKS", "Fallbacks"]


class Fallbacks(msgspec.Struct, frozen=True, kw_only=True):
    """Names that clients use, in the order in which they are tried. `context_length`: where the request is too long for
    the model; `outage`: where nobody can serve it right now."""

    context_length: tuple[str, ...] = ()
    outage: tuple[str, ...] = ()


NO_FALLBACKS = Fallbacks()
