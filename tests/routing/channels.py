"""Channels for tests of routing: small, declared, on addresses that are never asked."""

from __future__ import annotations

from collections.abc import Mapping

from torouter.channels import KINDS, Channel, Credential, Policy
from torouter.routing.snapshot import Candidate, Route, Snapshot
from torouter.units import Dialect, Secret

__all__ = ["candidates_of", "channel", "route_of"]


def channel(
    name: str,
    *models: str,
    dialects: tuple[Dialect, ...] = ("openai-chat",),
    priority: int = 10,
    weight: int = 1,
    groups: tuple[str, ...] = (),
    labels: tuple[str, ...] = ("",),
    concurrency: int = 0,
    kind: str = "openai",
) -> Channel:
    return Channel(
        name=name,
        kind=KINDS[kind],
        base_url="http://127.0.0.1:9/v1",
        credentials=tuple(Credential(label, Secret(f"key-{label}-of-{name}")) for label in labels),
        dialects=dialects,
        models={model: f"up-{model}" for model in models},
        priority=priority,
        weight=weight,
        groups=frozenset(groups),
        policy=Policy(concurrency=concurrency),
    )


def route_of(*channels: Channel, model: str = "m") -> Route:
    route = Snapshot(channels=channels).route("default", "openai-chat", "chat", model)
    assert route is not None
    return route


def candidates_of(route: Route) -> Mapping[str, Candidate]:
    """By the channel's name, and a slash and the credential's label where it has one."""
    return {f"{each.channel.name}/{each.credential.label}".rstrip("/"): each for each in route.candidates}
