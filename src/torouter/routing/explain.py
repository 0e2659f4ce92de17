"""Where a request would go, and why not elsewhere: the same rules, asked without a request."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from torouter.channels import Channel
from torouter.routing.fallbacks import NO_FALLBACKS, Fallbacks
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Candidate, Route, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["Considered", "Explanation", "explain"]


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A credential of a channel. `model` is the upstream's name; `why` is empty for a candidate, and else says why it
    is none."""

    channel: str
    credential: str
    kind: str
    model: str
    dialect: str
    priority: int
    weight: int
    state: str
    in_flight: int
    why: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`candidates` by rising priority number: who may be asked now."""

    group: str
    model: str
    dialect: str
    operation: str
    candidates: list[Considered]
    others: list[Considered]
    fallbacks: Fallbacks


def explain(
    snapshot: Snapshot,
    planner: Planner,
    *,
    group: str,
    dialect: Dialect,
    operation: Operation,
    model: str,
    now_s: float,
) -> Explanation:
    route = snapshot.route(group, dialect, operation, model)
    able = [] if route is None else [_candidate(each, planner, now_s) for each in _all(route)]
    names = {each.channel for each in able}
    name = model if route is None else route.model
    return Explanation(
        group=group,
        model=model,
        dialect=dialect,
        operation=operation,
        candidates=[each for each in able if not each.why],
        others=[each for each in able if each.why]
        + [
            _unable(channel, _why_unable(snapshot, channel, group, name))
            for channel in snapshot.channels
            if channel.name not in names
        ],
        fallbacks=snapshot.fallbacks.get(model, NO_FALLBACKS),
    )


def _all(route: Route) -> Iterator[Candidate]:
    return (candidate for bucket in route.buckets for candidate in bucket.candidates)


def _candidate(candidate: Candidate, planner: Planner, now_s: float) -> Considered:
    channel = candidate.channel
    is_cooling = planner.health.is_cooling(candidate, now_s)
    return Considered(
        channel=channel.name,
        credential=candidate.credential.label,
        kind=channel.kind.name,
        model=candidate.upstream_model,
        dialect=candidate.dialect,
        priority=channel.priority,
        weight=channel.weight,
        state="cooling" if is_cooling else "closed",
        in_flight=planner.in_flight(channel.name),
        why="cooling" if is_cooling else "",
    )


def _unable(channel: Channel, why: str) -> Considered:
    return Considered(
        channel=channel.name,
        credential="",
        kind=channel.kind.name,
        model="",
        dialect="",
        priority=channel.priority,
        weight=channel.weight,
        state="",
        in_flight=0,
        why=why,
    )


def _why_unable(snapshot: Snapshot, channel: Channel, group: str, name: str) -> str:
    if channel.groups and group not in channel.groups:
        return f"not of group {group}"
    if channel not in snapshot.channels_of(group):
        return f"not of the group's platform, {snapshot.platforms[group]}"
    if channel.upstream_model(name) is None:
        return f"has no model {name}"
    return "does not speak this dialect, or offer this operation"
