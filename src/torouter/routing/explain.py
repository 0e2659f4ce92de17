"""Where a request would go, and why not elsewhere: the same rules, asked without a request."""

from __future__ import annotations

import msgspec

from torouter.channels import Channel
from torouter.routing.fallbacks import NO_FALLBACKS, Fallbacks
from torouter.routing.names import split_thinking
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Candidate, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["Considered", "Explanation", "explain"]


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A credential of a channel, or all of them where the channel itself cannot serve. `model` is the upstream's name.
    `state`: `closed` is well, `failing` has failed lately, `half-open` is to be tried, `open` and `told` are left
    alone, `full` has no room; empty where it does not matter. `why` says why it is no candidate; empty for one."""

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
    """`dialect` is the client's. Changes nothing."""
    route = snapshot.route(group, dialect, operation, model)
    able = [] if route is None else [_candidate(each, planner, now_s) for each in route.candidates]
    names = {each.channel for each in able}
    asked = (route.model,) if route is not None else _names(model)
    unable = [
        _unable(channel, _why_unable(snapshot, channel, group, asked, f"{operation} in {dialect}"))
        for channel in snapshot.channels
        if channel.name not in names
    ]
    return Explanation(
        group=group,
        model=model,
        dialect=dialect,
        operation=operation,
        candidates=[each for each in able if not each.why],
        others=[each for each in able if each.why] + unable,
        fallbacks=snapshot.fallbacks.get(model, NO_FALLBACKS),
    )


def _names(model: str) -> tuple[str, ...]:
    """Those that a channel may serve it by."""
    split = split_thinking(model)
    return (model,) if split is None else (model, split[0])


def _candidate(candidate: Candidate, planner: Planner, now_s: float) -> Considered:
    channel = candidate.channel
    state, why = _state(candidate, planner, now_s)
    return Considered(
        channel=channel.name,
        credential=candidate.credential.label,
        kind=channel.kind.name,
        model=candidate.upstream_model,
        dialect=candidate.dialect,
        priority=channel.priority,
        weight=channel.weight,
        state="failing" if state == "closed" and planner.health.failures(candidate) else state,
        in_flight=planner.in_flight(channel.name),
        why=why,
    )


def _state(candidate: Candidate, planner: Planner, now_s: float) -> tuple[str, str]:
    """A word, and why it may not be asked now."""
    health, failures = planner.health, planner.health.failures(candidate)
    if (told_s := health.told_s(candidate) - now_s) > 0:
        return "told", f"its upstream told to wait, {told_s:.0f} s are left"
    if (open_s := health.open_s(candidate) - now_s) > 0:
        return "open", f"cooling down for {open_s:.1f} s after {failures} failure{'s' * (failures != 1)}"
    if health.is_cooling(candidate, now_s):
        return "half-open", "another request is seeing whether it has recovered"
    if planner.is_full(candidate):
        return "full", f"full, with {planner.in_flight(candidate.channel.name)} in flight"
    return "closed" if health.is_closed(candidate) else "half-open", ""


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


def _why_unable(snapshot: Snapshot, channel: Channel, group: str, names: tuple[str, ...], what: str) -> str:
    if channel.groups and group not in channel.groups:
        return f"not for group {group}"
    platform = snapshot.platforms.get(group)
    if platform and channel.kind.name != platform:
        return f"of kind {channel.kind.name}, the group reaches {platform} only"
    if all(channel.upstream_model(name) is None for name in names):
        return f"has no model {names[0]}"
    return f"does not offer {what}, nor anything that it could be translated to"
