"""Where a request would go, and why not elsewhere: the same rules, asked without a request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from torouter.channels import Channel
from torouter.routing.fallbacks import NO_FALLBACKS, Fallbacks
from torouter.routing.names import split_thinking
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Candidate, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["WHY_NOT", "Considered", "Explanation", "WhyNot", "explain"]

Word = Literal[
    # The model is not for this group or key, whoever has it
    "not_in_catalog",
    "not_in_list",
    # Not this channel
    "other_group",
    "other_kind",
    "no_model",
    "not_offered",
    # Not now
    "told_to_wait",
    "cooling_once",
    "cooling",
    "probed",
    "full",
]

WHY_NOT: Final[Mapping[Word, str]] = {
    "not_in_catalog": "The group's catalog does not have this model.",
    "not_in_list": "The key's own list does not have this model.",
    "other_group": "not for group {group}",
    "other_kind": "of kind {kind}, the group reaches {reached} only",
    "no_model": "has no model {model}",
    "not_offered": "does not offer {operation} in {dialect}, nor anything that it could be translated to",
    "told_to_wait": "its upstream told to wait, {left_s} s are left",
    "cooling_once": "cooling down for {left_s} s after 1 failure",
    "cooling": "cooling down for {left_s} s after {failures} failures",
    "probed": "another request is seeing whether it has recovered",
    "full": "full, with {in_flight} in flight",
}
"""As programs and the command line are told; the portal has it in its languages."""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why somebody is not asked. `values` are what the sentence names."""

    word: Word
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return WHY_NOT[self.word].format_map(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A credential of a channel, or all of them where the channel itself cannot serve. `model` is the upstream's name.
    `state`: `closed` is well, `failing` has failed lately, `half-open` is to be tried, `open` and `told` are left
    alone, `full` has no room; empty where it does not matter. `why`: why it is no candidate; `None` for one."""

    channel: str
    credential: str
    kind: str
    model: str
    dialect: str
    priority: int
    weight: int
    state: str
    in_flight: int
    why: WhyNot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`refused`: why the model is not for this group or key at all, whatever the channels have. `candidates` by rising
    priority number: who may be asked now."""

    group: str
    model: str
    dialect: str
    operation: str
    refused: WhyNot | None
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
    catalog: Collection[str] = (),
    listed: Collection[str] = (),
) -> Explanation:
    """`dialect` is the client's. `catalog` are the group's models and `listed` the key's, none for all. Changes
    nothing."""
    route = snapshot.route(group, dialect, operation, model)
    able = [] if route is None else [_candidate(each, planner, now_s) for each in route.candidates]
    names = {each.channel for each in able}
    asked = (route.model,) if route is not None else _names(model)
    unable = [
        _unable(channel, _why_unable(snapshot, channel, group, asked, dialect, operation))
        for channel in snapshot.channels
        if channel.name not in names
    ]
    return Explanation(
        group=group,
        model=model,
        dialect=dialect,
        operation=operation,
        refused=_refusal({model} if route is None else {model, route.model}, catalog, listed),
        candidates=[each for each in able if each.why is None],
        others=[each for each in able if each.why is not None] + unable,
        fallbacks=snapshot.fallbacks.get(model, NO_FALLBACKS),
    )


def _refusal(names: set[str], catalog: Collection[str], listed: Collection[str]) -> WhyNot | None:
    if catalog and names.isdisjoint(catalog):
        return WhyNot("not_in_catalog")
    if listed and names.isdisjoint(listed):
        return WhyNot("not_in_list")
    return None


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


def _state(candidate: Candidate, planner: Planner, now_s: float) -> tuple[str, WhyNot | None]:
    """A word, and why it may not be asked now."""
    health, failures = planner.health, planner.health.failures(candidate)
    if (told_s := health.told_s(candidate) - now_s) > 0:
        return "told", WhyNot("told_to_wait", {"left_s": f"{told_s:.0f}"})
    if (open_s := health.open_s(candidate) - now_s) > 0:
        word: Word = "cooling_once" if failures == 1 else "cooling"
        return "open", WhyNot(word, {"left_s": f"{open_s:.1f}", "failures": str(failures)})
    if health.is_cooling(candidate, now_s):
        return "half-open", WhyNot("probed")
    if planner.is_full(candidate):
        return "full", WhyNot("full", {"in_flight": str(planner.in_flight(candidate.channel.name))})
    return "closed" if health.is_closed(candidate) else "half-open", None


def _unable(channel: Channel, why: WhyNot) -> Considered:
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


def _why_unable(
    snapshot: Snapshot, channel: Channel, group: str, names: tuple[str, ...], dialect: Dialect, operation: Operation
) -> WhyNot:
    if channel.groups and group not in channel.groups:
        return WhyNot("other_group", {"group": group})
    platform = snapshot.platforms.get(group)
    if platform and channel.kind.name != platform:
        return WhyNot("other_kind", {"kind": channel.kind.name, "reached": platform})
    if all(channel.upstream_model(name) is None for name in names):
        return WhyNot("no_model", {"model": names[0]})
    return WhyNot("not_offered", {"operation": operation, "dialect": dialect})
