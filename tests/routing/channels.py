"""Channels for tests of routing: small, declared, on addresses that are never asked."""

from __future__ import annotations

from torouter.channels import KINDS, Channel, Credential
from torouter.units import Dialect, Secret

__all__ = ["channel"]


def channel(
    name: str,
    *models: str,
    dialects: tuple[Dialect, ...] = ("openai-chat",),
    priority: int = 10,
    weight: int = 1,
    groups: tuple[str, ...] = (),
) -> Channel:
    return Channel(
        name=name,
        kind=KINDS["openai"],
        base_url="http://127.0.0.1:9/v1",
        credentials=(Credential(secret=Secret(f"key-of-{name}")),),
        dialects=dialects,
        models={model: f"up-{model}" for model in models},
        priority=priority,
        weight=weight,
        groups=frozenset(groups),
    )
