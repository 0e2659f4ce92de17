"""What this process knows of its channels, for people who ask: who would be asked, and how everybody fares.

Endpoints run in threads, and what they ask for here changes with every request: so it is looked at on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, TypeVar

from torouter.access.admission import Doorkeeper
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.routing import record_tryout
from torouter.accounts.office.views import View
from torouter.errors import StoreError, TorouterError
from torouter.routing.explain import Considered, Explanation, explain
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.health import HealthReport, Note
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Snapshot
from torouter.routing.tryouts import Tryout, Wanted
from torouter.units import Dialect, Operation

__all__ = [
    "ChannelHealth",
    "ConsideredView",
    "ExplanationView",
    "HealthView",
    "RoutingView",
    "explanation",
    "explanation_view",
    "tryout",
]

T = TypeVar("T")


_ANSWER_S: Final = 5.0
_TRYOUT_S: Final = 40.0
"""Longer than a tryout may take."""


class ConsideredView(View, frozen=True, kw_only=True):
    """As `routing.explain` has it; `why` is a sentence, empty for a candidate."""

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


class ExplanationView(View, frozen=True, kw_only=True):
    """`refused` says why the model is not for this group or key at all, whatever the channels have. `candidates` are in
    the order of their priority; each of `others` says in `why` why it is none. `answered_by`: the process whose view
    of health this is; empty where nobody serves."""

    answered_by: str
    group: str
    model: str
    dialect: str
    operation: str
    refused: str
    candidates: list[ConsideredView]
    others: list[ConsideredView]
    fallbacks: Fallbacks


class ChannelHealth(View, frozen=True, kw_only=True):
    """`held` is what keeps requests from it now, by how wide the reason is; `models` how each fares at each credential.
    `concurrency` is the cap of all processes together, 0 for none; `in_flight` is of this process."""

    channel: str
    in_flight: int
    concurrency: int
    held: list[Note]
    models: list[HealthReport]


class HealthView(View, frozen=True, kw_only=True):
    answered_by: str
    processes: int
    channels: list[ChannelHealth]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingView:
    """`held` and `reset` are of a channel, by name; `place` is for people. All methods block, and are called from
    threads. `clock` is the one that health goes by. `try_out` asks one channel, and raises `StoreError` where there is
    none."""

    doorkeeper: Doorkeeper
    planner: Planner
    held: Callable[[str], Sequence[Note]]
    reset_channel: Callable[[str], None]
    try_out: Callable[[Wanted], Awaitable[Tryout]]
    place: str
    clock: Callable[[], float]
    loop: asyncio.AbstractEventLoop

    def explain(
        self, group_id: int, key_models: Sequence[str], dialect: Dialect, operation: Operation, model: str
    ) -> Explanation:
        """Raises `StoreError` (`not_found`)."""
        return self._on_loop(
            lambda: explanation(
                self.doorkeeper,
                self.planner,
                group_id=group_id,
                key_models=key_models,
                dialect=dialect,
                operation=operation,
                model=model,
                now_s=self.clock(),
            )
        )

    def health(self) -> HealthView:
        return self._on_loop(self._health)

    def reset(self, channel: str) -> HealthView:
        """Of that channel, afterwards. Raises `StoreError` (`not_found`)."""
        return self._on_loop(lambda: self._reset(channel))

    def test(self, wanted: Wanted) -> Tryout:
        """A real request, which takes as long as its upstream does, and half a minute at most. Raises `StoreError`
        (`not_found`)."""

        async def run() -> Tryout:
            return await self.try_out(wanted)

        return self._result(run(), _TRYOUT_S)

    def _on_loop(self, call: Callable[[], T]) -> T:
        async def run() -> T:
            return call()

        return self._result(run(), _ANSWER_S)

    def _result(self, running: Coroutine[None, None, T], within_s: float) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(running, self.loop).result(within_s)
        except TimeoutError:
            raise TorouterError("The gateway is too busy to say. Try again.", kind="overloaded") from None

    def _health(self, only: str | None = None) -> HealthView:
        snapshot: Snapshot = self.doorkeeper.snapshot
        reports = self.planner.health.reports(self.clock())
        return HealthView(
            answered_by=self.place,
            processes=self.planner.processes,
            channels=[
                ChannelHealth(
                    channel=channel.name,
                    in_flight=self.planner.in_flight(channel.name),
                    concurrency=channel.policy.concurrency,
                    held=list(self.held(channel.name)),
                    models=[report for report in reports if report.channel == channel.name],
                )
                for channel in snapshot.channels
                if only is None or channel.name == only
            ],
        )

    def _reset(self, name: str) -> HealthView:
        if all(channel.name != name for channel in self.doorkeeper.snapshot.channels):
            raise StoreError(f"There is no channel {name}.", kind="not_found")
        self.reset_channel(name)
        return self._health(name)


def explanation(
    doorkeeper: Doorkeeper,
    planner: Planner,
    *,
    group_id: int,
    key_models: Sequence[str],
    dialect: Dialect,
    operation: Operation,
    model: str,
    now_s: float,
) -> Explanation:
    """Of the channels, groups and health that are handed in. Raises `StoreError` (`not_found`)."""
    group = doorkeeper.keyring.group(group_id)
    if group is None:
        raise StoreError(f"There is no group {group_id}.", kind="not_found")
    found = explain(
        doorkeeper.snapshot,
        planner,
        group=group.name,
        dialect=dialect,
        operation=operation,
        model=model,
        now_s=now_s,
        catalog=group.models,
        listed=key_models,
    )
    return replace(found, fallbacks=group.fallbacks.get(model, found.fallbacks))


def explanation_view(found: Explanation, answered_by: str) -> ExplanationView:
    return ExplanationView(
        answered_by=answered_by,
        group=found.group,
        model=found.model,
        dialect=found.dialect,
        operation=found.operation,
        refused=str(found.refused or ""),
        candidates=[_considered(each) for each in found.candidates],
        others=[_considered(each) for each in found.others],
        fallbacks=found.fallbacks,
    )


def _considered(found: Considered) -> ConsideredView:
    said: dict[str, Any] = asdict(found) | {"why": str(found.why or "")}
    return ConsideredView(**said)


def tryout(desk: Desk, routing: RoutingView, wanted: Wanted) -> Tryout:
    """Blocks for as long as its upstream does, and writes it down. Raises `StoreError` (`not_found`)."""
    found = routing.test(wanted)
    record_tryout(desk, wanted.channel_id, found.on_record)
    return found
