"""The channels and what they have, at one moment: frozen, and swapped whole when anything changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.channels import Channel, Credential, Target, facts_of
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.names import split_thinking
from torouter.units import Dialect, Operation
from torouter.wire.upstream import Deadlines

__all__ = ["Bucket", "Candidate", "Route", "Snapshot", "Translations"]

Translations = Mapping[Dialect, tuple[Dialect, ...]]
"""Client dialect → the upstream dialects that its requests can be translated to, best first."""

_TRANSLATED: Final[frozenset[Operation]] = frozenset({"chat", "count_tokens", "embeddings"})

_ROUTE_CACHE_LIMIT = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One way to serve a model: a channel and one of its credentials, the dialect to speak to it, and its own name for
    the model.

    The same object for every request of a snapshot, and equal to no other. `scope` is where opaque state is valid that
    this candidate issues.
    """

    channel: Channel
    credential: Credential
    dialect: Dialect
    target: Target
    upstream_model: str
    facts: ModelFacts
    scope: bytes
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class Bucket:
    """Candidates of one priority. `bounds` are their weights, added up: a draw below `bounds[n]` falls on the nth."""

    candidates: tuple[Candidate, ...]
    bounds: tuple[int, ...]

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> Bucket:
        return cls(tuple(candidates), tuple(accumulate(candidate.channel.weight for candidate in candidates)))


@dataclass(frozen=True, slots=True)
class Route:
    """`model` is the base name (without a `-thinking` suffix); `buckets` stand by rising priority number. `has_choice`:
    they hold more than one candidate. `is_translated`: none of them speaks the client's own dialect."""

    model: str
    reasoning: Reasoning | None
    buckets: tuple[Bucket, ...]
    has_choice: bool
    is_translated: bool

    def speaking(self, dialect: Dialect) -> Route | None:
        """The same over those candidates alone that speak a dialect; `None` where none does."""
        spoken = ([each for each in bucket.candidates if each.dialect == dialect] for bucket in self.buckets)
        buckets = tuple(Bucket.of(candidates) for candidates in spoken if candidates)
        if not buckets:
            return None
        count = sum(len(bucket.candidates) for bucket in buckets)
        return Route(self.model, self.reasoning, buckets, has_choice=count > 1, is_translated=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    channels: tuple[Channel, ...]
    translations: Translations = field(default_factory=dict)
    discovered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By channel: what an upstream without declared models said it has."""
    fallbacks: Mapping[str, Fallbacks] = field(default_factory=dict)
    """By the name that clients use for a model."""
    platforms: Mapping[str, str] = field(default_factory=dict)
    """By group: the one kind of channel that it reaches. Groups that are not in it reach all kinds."""
    _routes: dict[tuple[str, Dialect, Operation, str], Route] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def route(self, group: str, dialect: Dialect, operation: Operation, name: str) -> Route | None:
        """How a group's request in a dialect for a model is served; `None` if no channel of the group can.

        An exact name wins over a suffix: real models end in `-thinking` too (kimi-k2-thinking).
        """
        cached = self._routes.get((group, dialect, operation, name))
        if cached is not None:
            return cached
        route = self._find(group, dialect, operation, name, None)
        if route is None and (split := split_thinking(name)) is not None:
            route = self._find(group, dialect, operation, split[0], split[1])
        if route is not None and len(self._routes) < _ROUTE_CACHE_LIMIT:
            self._routes[group, dialect, operation, name] = route
        return route

    def has_model(self, group: str, name: str, catalog: frozenset[str] = frozenset()) -> bool:
        """Does any channel of the group serve this name, in whatever dialect? Of a catalog, if it is not empty."""
        names = [name, *([split[0]] if (split := split_thinking(name)) else [])]
        if catalog and catalog.isdisjoint(names):
            return False
        return any(
            channel.upstream_model(candidate) is not None for channel in self.channels_of(group) for candidate in names
        )

    def names_of(self, channel: Channel) -> Iterable[str]:
        """The names under which clients find a channel's models, as far as they are known."""
        return channel.models if channel.models is not None else self.discovered.get(channel.name, ())

    def channels_of(self, group: str) -> Iterable[Channel]:
        """Those that a group reaches: they are its own or everybody's, and of its platform."""
        platform = self.platforms.get(group)
        return (
            channel
            for channel in self.channels
            if (not channel.groups or group in channel.groups) and (not platform or channel.kind.name == platform)
        )

    def _find(
        self, group: str, dialect: Dialect, operation: Operation, name: str, reasoning: Reasoning | None
    ) -> Route | None:
        buckets: dict[int, list[Candidate]] = {}
        for channel in self.channels_of(group):
            upstream_model = channel.upstream_model(name)
            targets = self._targets(channel, dialect, operation)
            if upstream_model is not None and targets:
                buckets.setdefault(channel.priority, []).extend(_candidates(channel, targets, upstream_model))
        if not buckets:
            return None
        able = [candidate for bucket in buckets.values() for candidate in bucket]
        return Route(
            name,
            reasoning,
            tuple(Bucket.of(buckets[priority]) for priority in sorted(buckets)),
            has_choice=len(able) > 1,
            is_translated=all(candidate.dialect != dialect for candidate in able),
        )

    def _targets(self, channel: Channel, dialect: Dialect, operation: Operation) -> tuple[Target, ...]:
        """Where a channel serves a client's operation: in the client's own dialect before any other.

        Tokens are counted in a dialect in which the channel counts, else where the chat itself would go: then nobody is
        asked, and the count is an estimate.
        """
        translated = self.translations.get(dialect, ()) if operation in _TRANSLATED else ()
        found = [channel.targets(spoken, operation) for spoken in (dialect, *translated)]
        if operation == "count_tokens":
            found += [channel.targets(spoken, "chat") for spoken in (dialect, *translated)]
        return next((targets for targets in found if targets), ())


def _candidates(channel: Channel, targets: Iterable[Target], upstream_model: str) -> Iterable[Candidate]:
    facts, deadlines = facts_of(channel.kind, upstream_model), channel.deadlines_for(upstream_model)
    for credential, target in zip(channel.credentials, targets, strict=True):
        scope = channel.scope(target.dialect, upstream_model, credential)
        yield Candidate(channel, credential, target.dialect, target, upstream_model, facts, scope, deadlines)
