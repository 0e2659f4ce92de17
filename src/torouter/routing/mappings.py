"""What the names mean that clients use: by which channels each is served, and under which name upstream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torouter.channels import Channel
from torouter.routing.names import split_thinking
from torouter.routing.snapshot import Snapshot

__all__ = ["Meaning", "mappings", "meanings", "open_channels"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A name at one channel. `groups` empty: all. `is_passed`: the channel has said nothing of the name, and takes it
    by its look."""

    name: str
    channel: str
    kind: str
    upstream_model: str
    priority: int
    weight: int
    groups: tuple[str, ...]
    is_passed: bool = False


def mappings(snapshot: Snapshot, search: str = "") -> list[Meaning]:
    """Every name that a channel says it has, by name and priority. With `search`: those whose name here or upstream
    holds it, and the channels that would take exactly that name without having said so."""
    wanted = search.lower()
    found = [each for each in _said(snapshot) if wanted in each.name.lower() or wanted in each.upstream_model.lower()]
    if search:
        found += [each for each in meanings(snapshot, search) if each.is_passed]
    return sorted(found, key=lambda each: (each.name, *_order(each)))


def meanings(snapshot: Snapshot, name: str, group: str | None = None) -> list[Meaning]:
    """Of one name, at all channels or those that a group reaches, by rising priority number. A name that ends in
    `-thinking` and is nobody's is the one before that."""
    channels = snapshot.channels if group is None else tuple(snapshot.channels_of(group))
    found = _at(snapshot, channels, name)
    if not found and (split := split_thinking(name)) is not None:
        found = _at(snapshot, channels, split[0])
    return sorted(found, key=_order)


def open_channels(snapshot: Snapshot) -> list[str]:
    """Those that take names of which they have said nothing."""
    return [channel.name for channel in snapshot.channels if channel.models is None]


def _said(snapshot: Snapshot) -> Iterable[Meaning]:
    for channel in snapshot.channels:
        for name in snapshot.names_of(channel):
            if (upstream := channel.upstream_model(name)) is not None:
                yield _meaning(channel, name, upstream)


def _at(snapshot: Snapshot, channels: Iterable[Channel], name: str) -> list[Meaning]:
    return [
        _meaning(channel, name, upstream, is_passed=name not in snapshot.names_of(channel))
        for channel in channels
        if (upstream := channel.upstream_model(name)) is not None
    ]


def _meaning(channel: Channel, name: str, upstream_model: str, *, is_passed: bool = False) -> Meaning:
    return Meaning(
        name=name,
        channel=channel.name,
        kind=channel.kind.name,
        upstream_model=upstream_model,
        priority=channel.priority,
        weight=channel.weight,
        groups=tuple(sorted(channel.groups)),
        is_passed=is_passed,
    )


def _order(meaning: Meaning) -> tuple[int, int, str]:
    return meaning.priority, -meaning.weight, meaning.channel
