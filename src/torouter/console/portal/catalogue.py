"""The models that an account can call, with what is known of each: where it is served and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final

import msgspec

from torouter.accounts.office.fields import multiplier_ppm
from torouter.accounts.office.views import GroupView
from torouter.console.portal.modalities import Sort, operations_of, sees_images, sort_of, vendor_of
from torouter.ledger.prices import PriceBook
from torouter.ledger.rates import Flat, Price
from torouter.routing.snapshot import Candidate, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["ENDPOINTS", "ChatModel", "Endpoint", "Entry", "chat_models", "entries", "names_for"]

ENDPOINTS: Final[tuple[tuple[str, Dialect, Operation], ...]] = (
    ("/v1/chat/completions", "openai-chat", "chat"),
    ("/v1/responses", "openai-responses", "chat"),
    ("/v1/messages", "anthropic", "chat"),
    ("/v1beta/models/{model}:generateContent", "gemini", "chat"),
    ("/v1/embeddings", "openai-chat", "embeddings"),
    ("/v1/images/generations", "openai-chat", "images"),
    ("/v1/images/edits", "openai-chat", "image_edits"),
    ("/v1/audio/transcriptions", "openai-chat", "transcriptions"),
    ("/v1/audio/speech", "openai-chat", "speech"),
    ("/v1/rerank", "openai-chat", "rerank"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`is_translated`: no upstream of it speaks the client's dialect itself."""

    path: str
    operation: Operation
    is_translated: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """`rates` are the upstream's, without the group's multiplier: of the first candidate, whom most requests go to;
    `None`: nobody has told a price. `groups` have it, the cheapest first, with their multipliers in millionths.
    `endpoints` are those that a model of its sort is called at. `thinks`: does `-thinking` behind its name do
    something? `sees`: does it take images? Of limits and of that, `None` is unknown."""

    name: str
    vendor: str
    sort: Sort
    groups: tuple[tuple[str, int], ...]
    endpoints: tuple[Endpoint, ...]
    thinks: bool
    sees: bool | None
    context_tokens: int | None
    max_output_tokens: int | None
    rates: Flat | None
    price_version: str
    tiers: tuple[tuple[int, Flat], ...]

    def paid(self, field: str, multiplier_ppm: int | None = None) -> int | None:
        """A rate in nano-dollars per million, with that multiplier, or the least of its groups; half up, as in bills.
        `None`: nobody has told a price."""
        if self.rates is None:
            return None
        rate: int = getattr(self.rates, field)
        return (rate * (self.groups[0][1] if multiplier_ppm is None else multiplier_ppm) + 500_000) // 1_000_000


class ChatModel(msgspec.Struct, frozen=True):
    """`thinks_by_budget`: is it told to think by a number of tokens (older Claudes, Gemini 2.5), or by a word?"""

    name: str
    thinks_by_budget: bool


def names_for(snapshot: Snapshot, groups: Iterable[GroupView]) -> list[str]:
    """Sorted; of channels that pass any name on, only what they have said they have."""
    return sorted({name for group in groups for name in _names_of(snapshot, group)})


def entries(snapshot: Snapshot, prices: PriceBook, groups: Sequence[GroupView], now_ms: int) -> list[Entry]:
    by_name: dict[str, list[tuple[str, int]]] = {}
    for group in sorted(groups, key=lambda each: Decimal(each.multiplier)):
        for name in _names_of(snapshot, group):
            by_name.setdefault(name, []).append((group.name, multiplier_ppm(group.multiplier)))
    return [_entry(snapshot, prices, name, tuple(by_name[name]), now_ms) for name in sorted(by_name)]


def chat_models(snapshot: Snapshot, group: GroupView, *, search: str = "", most: int) -> list[ChatModel]:
    """At most so many of the group's models that answer a chat, in whatever dialect, and have `search` in their names,
    however it is written: the one that is called just so first, then those that begin with it, each by name."""
    wanted = search.lower()
    named = [name for name in _names_of(snapshot, group) if wanted in name.lower()]
    named.sort(key=lambda name: (name != search, not name.lower().startswith(wanted), name))
    found = (_chat_model(snapshot, group, name) for name in named)
    return list(islice((model for model in found if model is not None), most))


def _chat_model(snapshot: Snapshot, group: GroupView, name: str) -> ChatModel | None:
    route = snapshot.route(group.name, "openai-chat", "chat", name)
    return None if route is None else ChatModel(name, route.buckets[0].candidates[0].facts.reasoning == "budget")


def _names_of(snapshot: Snapshot, group: GroupView) -> set[str]:
    """The group's catalog narrows what its channels have."""
    names = {name for channel in snapshot.channels_of(group.name) for name in snapshot.names_of(channel)}
    if not group.models:
        return names
    return {name for name in group.models if name in names or snapshot.has_model(group.name, name)}


def _entry(snapshot: Snapshot, prices: PriceBook, name: str, groups: tuple[tuple[str, int], ...], now_ms: int) -> Entry:
    first: Candidate | None = None
    endpoints, sort = [], sort_of(name)
    for path, dialect, operation in ENDPOINTS:
        if operation not in operations_of(name):
            continue
        route = snapshot.route(groups[0][0], dialect, operation, name)
        if route is not None:
            first = first or route.buckets[0].candidates[0]
            endpoints.append(Endpoint(path, operation, route.is_translated))
    found = None if first is None else _price(prices, first, name, now_ms)
    sheet = None if found is None else found.sheets[""]
    return Entry(
        name=name,
        vendor=vendor_of(name),
        sort=sort,
        groups=groups,
        endpoints=tuple(endpoints),
        thinks=sort == "chat" and first is not None and first.facts.reasoning != "none",
        sees=sees_images(name if first is None else first.upstream_model) or sees_images(name),
        context_tokens=_context(prices, first),
        max_output_tokens=None if first is None else first.facts.max_output_tokens,
        rates=None if sheet is None else sheet.flat,
        price_version="" if found is None else found.version,
        tiers=() if sheet is None else sheet.tiers,
    )


def _context(prices: PriceBook, first: Candidate | None) -> int | None:
    return None if first is None else prices.context_tokens(first.channel.kind.name, first.upstream_model)


def _price(prices: PriceBook, candidate: Candidate, name: str, now_ms: int) -> Price | None:
    channel = candidate.channel
    return prices.find(channel.kind.name, channel.name, candidate.upstream_model, name, now_ms)
