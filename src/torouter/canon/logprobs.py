"""How likely the tokens of a text were, each beside others that might have stood in its place."""

from __future__ import annotations

import msgspec

__all__ = ["TokenLogprob"]


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """`logprob` is a natural logarithm. `utf8` are the token's bytes, which alone may be no whole character; `None`
    where they are not told. `top` are the likeliest tokens of this place, with none of their own."""

    token: str
    logprob: float
    utf8: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()

    @property
    def size_bytes(self) -> int:
        return len(self.token.encode("utf-8", "surrogatepass")) if self.utf8 is None else len(self.utf8)
