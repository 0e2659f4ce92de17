"""Which price holds for a model at a time: the operator's own, else none to pay, else the catalogue's, else unknown.

A book of prices never changes; another one takes its place when the operator's prices do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from torouter.ledger.listed import Catalogue, Listed
from torouter.ledger.rates import Price, Rates

__all__ = ["OwnPrice", "Price", "PriceBook", "UnknownPrice", "own_version"]

UnknownPrice = Literal["refuse-if-limited", "refuse", "flag"]
"""What becomes of models without a price: refused to whoever has a limit on money, refused to all, or served as if they
cost nothing."""

_REMEMBERED_NAMES: Final = 4096
"""Model names come from clients where a channel takes any, so what is remembered of them has an end."""
_FREE: Final = Rates()
_GLOB: Final = frozenset("*?[")

_Ms = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's price, from one time (ms since the epoch) until another. `model` is a name or a glob (`gpt-5*`),
    compared with the client's name and the upstream's; `channel` empty is any."""

    id: int
    model: str
    channel: str = ""
    from_ms: _Ms = 0
    until_ms: _Ms | None = None
    rates: Rates


def own_version(price_id: int) -> str:
    """What bills call an operator's price."""
    return f"own {price_id}"


class PriceBook:
    """`free_kinds` are kinds of channel that cost nothing; `providers` says whose prices another kind has. A kind in
    neither has only the operator's."""

    def __init__(
        self,
        catalogue: Catalogue,
        own: Iterable[OwnPrice] = (),
        *,
        free_kinds: Collection[str] = (),
        providers: Mapping[str, str] | None = None,
    ) -> None:
        self.own = tuple(own)
        self._catalogue = catalogue
        self._providers = dict(providers or {})
        self._free = {kind: Price(f"free {kind}", _FREE) for kind in free_kinds}
        self._own = tuple(_Own(price) for price in sorted(self.own, key=_precedence, reverse=True))
        self._own_of = lru_cache(_REMEMBERED_NAMES)(self._matching)
        self._listed = lru_cache(_REMEMBERED_NAMES)(self._look_up)

    def find(self, kind: str, channel: str, upstream_model: str, model: str, at_ms: int) -> Price | None:
        """`model` is the client's name for it. `None`: nobody has told a price."""
        if self._own:
            for own in self._own_of(channel, upstream_model, model):
                if own.from_ms <= at_ms and (own.until_ms is None or at_ms < own.until_ms):
                    return own.price
        free = self._free.get(kind)
        if free is not None:
            return free
        listed = self._listed(kind, upstream_model)
        return None if listed is None else listed.price_at(at_ms)

    def changed(self, own: Iterable[OwnPrice]) -> PriceBook:
        """The same, had the operator these prices."""
        return PriceBook(self._catalogue, own, free_kinds=self._free, providers=self._providers)

    def context_tokens(self, kind: str, upstream_model: str) -> int | None:
        """How much goes into a request of the model with its answer; `None`: the catalogue does not say."""
        listed = self._listed(kind, upstream_model)
        return None if listed is None else listed.context_tokens

    def _matching(self, channel: str, upstream_model: str, model: str) -> tuple[_Own, ...]:
        return tuple(
            own
            for own in self._own
            if own.channel in ("", channel) and (own.name.fullmatch(model) or own.name.fullmatch(upstream_model))
        )

    def _look_up(self, kind: str, upstream_model: str) -> Listed | None:
        provider = self._providers.get(kind)
        return None if provider is None else self._catalogue.find(provider, upstream_model)


class _Own:
    __slots__ = ("channel", "from_ms", "name", "price", "until_ms")

    def __init__(self, own: OwnPrice) -> None:
        self.channel = own.channel
        self.name: re.Pattern[str] = re.compile(translate(own.model))
        self.from_ms = own.from_ms
        self.until_ms = own.until_ms
        self.price = Price(own_version(own.id), own.rates)


def _precedence(own: OwnPrice) -> tuple[bool, bool, int, int, int]:
    """The most specific wins: with a channel before without, a name before a glob, a longer glob before a shorter; of
    these the latest that has begun, and the newest of two from the same moment."""
    is_exact = _GLOB.isdisjoint(own.model)
    literal = 0 if is_exact else sum(letter not in _GLOB for letter in own.model)
    return bool(own.channel), is_exact, literal, own.from_ms, own.id
