"""The channels and what they have, at one moment: frozen, and swapped whole when anything changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.channels import Channel, Credential, Target, facts_of
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.names import split_thinking
from torouter.units import Dialect, Operation
from torouter.wire.upstream import Deadlines

__all__ = ["Bucket", "Candidate", "Route", "Snapshot", "Translations", "places_of"]

Translations = Mapping[Dialect, tuple[Dialect, ...]]
"""Client dialect → the upstream dialects that its requests can be translated to, best first."""

_TRANSLATED: Final[frozenset[Operation]] = frozenset({"chat", "count_tokens", "embeddings"})

_ROUTE_CACHE_LIMIT = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One way to serve a model: a channel and one of its credentials, the dialect to speak to it, and its own name for
    the model.

    The same object for every request of a snapshot, and equal to no other. `scope` is where opaque state is valid that
    this candidate issues. `deadlines` are those of streams: a whole answer (`whole_deadlines`) says nothing before its
    end. `places` name what may fail: the channel, the credential, the model at this credential; they
    are the same in every snapshot.
    """

    channel: Channel
    credential: Credential
    dialect: Dialect
    target: Target
    upstream_model: str
    facts: ModelFacts
    scope: bytes
    deadlines: Deadlines
    whole_deadlines: Deadlines = field(init=False, repr=False)
    places: tuple[str, str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole_deadlines", self.deadlines.of_whole)
        places = places_of(self.channel.name, self.credential.label, self.upstream_model)
        object.__setattr__(self, "places", places)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Candidates of one priority; those of a channel stand together."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Route:
    """`model` is the base name (without a `-thinking` suffix); `buckets` stand by rising priority number.
    `is_translated`: none of the candidates speaks the client's own dialect. The same object for every request of a
    snapshot."""

    model: str
    reasoning: Reasoning | None
    buckets: tuple[Bucket, ...]
    is_translated: bool
    only: Candidate | None = field(init=False)
    """Where there is no choice."""
    _spoken: dict[Dialect, Route | None] = field(init=False, default_factory=dict, repr=False)
    _issuing: dict[bytes, list[Candidate]] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        first = self.buckets[0].candidates
        object.__setattr__(self, "only", first[0] if len(self.buckets) == len(first) == 1 else None)

    @property
    def has_choice(self) -> bool:
        return self.only is None

    @property
    def candidates(self) -> Iterator[Candidate]:
        return (candidate for bucket in self.buckets for candidate in bucket.candidates)

    def issuing(self, scope: bytes) -> Iterable[Candidate]:
        """Those whose opaque state is valid there."""
        if not self._issuing:
            for candidate in self.candidates:
                self._issuing.setdefault(candidate.scope, []).append(candidate)
        return self._issuing.get(scope, ())

    def speaking(self, dialect: Dialect) -> Route | None:
        """The same over those candidates alone that speak a dialect; `None` where none does."""
        if dialect not in self._spoken:
            self._spoken[dialect] = self._speaking(dialect)
        return self._spoken[dialect]

    def _speaking(self, dialect: Dialect) -> Route | None:
        spoken = (tuple(each for each in bucket.candidates if each.dialect == dialect) for bucket in self.buckets)
        buckets = tuple(Bucket(candidates) for candidates in spoken if candidates)
        return Route(self.model, self.reasoning, buckets, is_translated=False) if buckets else None


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
            tuple(Bucket(tuple(buckets[priority])) for priority in sorted(buckets)),
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


def places_of(channel: str, credential: str, model: str) -> tuple[str, str, str]:
    """See `Candidate.places`."""
    return channel, f"{channel}\0{credential}", f"{channel}\0{credential}\0{model}"


def _candidates(channel: Channel, targets: Iterable[Target], upstream_model: str) -> Iterable[Candidate]:
    facts, deadlines = facts_of(channel.kind, upstream_model), channel.deadlines_for(upstream_model)
    for credential, target in zip(channel.credentials, targets, strict=True):
        scope = channel.scope(target.dialect, upstream_model, credential)
        yield Candidate(channel, credential, target.dialect, target, upstream_model, facts, scope, deadlines)
