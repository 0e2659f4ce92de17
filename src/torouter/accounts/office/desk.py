"""Where a change is made: the store, who makes it, and the audit row that stands beside it in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from torouter.accounts.office.channel_views import ChannelView, KindView
from torouter.accounts.office.views import View
from torouter.errors import InternalError
from torouter.store import Store
from torouter.units import Secret, wall_ms

__all__ = ["NO_CHANNELS", "Actor", "ChannelRules", "Desk", "Keys"]

Keys: TypeAlias = Sequence[tuple[str, Secret]]
"""Of credentials, the names and the keys."""


@dataclass(frozen=True, slots=True)
class Actor:
    """`token 3 (ci)`, `cli root@host`; `address` is the client's, and `account_id` the account in whose name it is,
    where there is one."""

    name: str
    address: str = ""
    account_id: int | None = None


class ChannelRules(Protocol):
    """What is known of channels beside the store."""

    def check(self, name: str, kind: str, spec: Mapping[str, Any], credentials: Keys, /) -> None:
        """Raises `RequestError`, naming the field, where this cannot become a channel."""

    def declared(self) -> Sequence[ChannelView]:
        """Those of the server's own configuration, as far as it is known here."""
        ...

    def kinds(self) -> Sequence[KindView]:
        """Of which sort a channel may be."""
        ...


class _NoChannels:
    """Where nobody said what a channel may be, there can be none."""

    def check(self, name: str, kind: str, spec: Mapping[str, Any], credentials: Keys, /) -> None:
        raise InternalError(f"This desk does not look after channels, so not after {name}.")

    def declared(self) -> Sequence[ChannelView]:
        return ()

    def kinds(self) -> Sequence[KindView]:
        return ()


NO_CHANNELS: Final = _NoChannels()


@dataclass(frozen=True, slots=True)
class Desk:
    """All of it blocks: calls are made from a thread."""

    store: Store
    pepper: bytes = field(repr=False)
    actor: Actor
    now_ms: Callable[[], int] = wall_ms
    rules: ChannelRules = NO_CHANNELS

    def changing(self) -> AbstractContextManager[None]:
        """Joins what is read, changed and recorded. One after the other: what a change was decided by stays true."""
        return self.store.transaction(is_change=True)

    def record(self, action: str, object_id: int, before: View | None, after: View | None) -> None:
        """One row of what changed; `action` begins with the kind of object. None where an edit changed nothing."""
        old, new = _difference(before, after)
        if old is not None and new is not None and not old and not new:
            return
        self.store.write_audit(
            actor=self.actor.name,
            address=self.actor.address,
            action=action,
            object_kind=action.partition(".")[0],
            object_id=object_id,
            before=old,
            after=new,
        )


def _difference(before: View | None, after: View | None) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    old, new = _fields(before), _fields(after)
    if old is None or new is None:
        return old, new
    changed = [name for name in new if old[name] != new[name]]
    return {name: old[name] for name in changed}, {name: new[name] for name in changed}


def _fields(view: View | None) -> dict[str, Any] | None:
    if view is None:
        return None
    found: dict[str, Any] = msgspec.to_builtins(view)
    return found
