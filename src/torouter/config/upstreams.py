"""What can be set of upstreams: of all together, and of each channel. Frozen and picklable; `_s` are seconds."""

from __future__ import annotations

import msgspec
from msgspec.structs import asdict, replace

from torouter.channels import KINDS, NO_CREDENTIAL, Channel, Credential, OnCut, Policy
from torouter.channels.facts import reasons
from torouter.units import Dialect
from torouter.wire.upstream import Deadlines

__all__ = ["ChannelSettings", "DeadlineSettings", "UpstreamSettings"]


_PAUSES_PER_THOUGHT = 3


class UpstreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every channel that says nothing itself."""

    connect_s: float = 10.0
    head_s: float = 300.0
    """To the first byte of an answer that is not streamed: it comes when all of it is written."""
    first_token_s: float = 40.0
    """To the first meaningful event of a stream."""
    thinking_s: float = 300.0
    """In its place for models that are known to reason."""
    idle_s: float = 40.0
    total_s: float = 1800.0
    max_switches: int = 3
    """How many other channels may be asked after the first one failed."""
    max_attempts: int = 6
    """How often upstreams may be asked for one request, all in all."""
    retry_s: float = 10.0
    """How long a request may wait between attempts, in sum."""

    @property
    def deadlines(self) -> Deadlines:
        return Deadlines(
            connect_s=self.connect_s,
            head_s=self.head_s,
            idle_s=self.idle_s,
            first_token_s=self.first_token_s,
            total_s=self.total_s,
        )

    @property
    def thinking_deadlines(self) -> Deadlines:
        """Of models that are known to reason: never less than others have. 0 is none. They think between two blocks of
        an answer as well, for less long."""
        first_token_s, idle_s, thinking_s = self.first_token_s, self.idle_s, self.thinking_s
        return replace(
            self.deadlines,
            first_token_s=max(thinking_s, first_token_s) if thinking_s > 0 and first_token_s > 0 else 0.0,
            idle_s=max(thinking_s / _PAUSES_PER_THOUGHT, idle_s) if idle_s > 0 else 0.0,
        )


class DeadlineSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one channel, or of one model of it; `None` where it says nothing."""

    connect_s: float | None = None
    head_s: float | None = None
    first_token_s: float | None = None
    idle_s: float | None = None
    total_s: float | None = None

    def over(self, others: Deadlines) -> Deadlines:
        return replace(others, **{name: value for name, value in asdict(self).items() if value is not None})


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as it was declared; what is left out is the kind's own. `source` says where, for people."""

    name: str
    kind: str
    source: str
    is_enabled: bool = True
    base_url: str | None = None
    credentials: tuple[Credential, ...] = ()
    dialects: tuple[Dialect, ...] = ()
    models: dict[str, str] | None = None
    """Name that clients use → name upstream."""
    deadlines: DeadlineSettings = DeadlineSettings()
    model_deadlines: dict[str, DeadlineSettings] = {}
    """By the name upstream."""
    priority: int = 10
    weight: int = 1
    groups: tuple[str, ...] = ()
    concurrency: int = 0
    queue_s: float = 5.0
    on_cut: OnCut | None = None
    hedge: bool = False
    probe_s: float = 0.0

    def open(self, upstream: UpstreamSettings) -> Channel:
        """Raises `ConfigError` where the declaration cannot become a channel."""
        return Channel(
            name=self.name,
            kind=KINDS[self.kind],
            base_url=self.base_url,
            credentials=self.credentials or (NO_CREDENTIAL,),
            dialects=self.dialects,
            models=self.models,
            priority=self.priority,
            weight=self.weight,
            groups=frozenset(self.groups),
            policy=self._policy(upstream),
        )

    @property
    def summary(self) -> str:
        """One line for people, without secrets."""
        kind = KINDS[self.kind]
        models = kind.models if self.models is None else tuple(self.models)
        parts = [
            f"{self.name} ({self.kind})",
            self.base_url or kind.base_url or "",
            ", ".join(self.dialects or kind.dialects),
            f"models: {_few(models)}" if models else "models: whatever it serves",
            f"groups: {', '.join(self.groups)}" if self.groups else "",
            f"credentials: {_few(tuple(each.label for each in self.credentials))}" if len(self.credentials) > 1 else "",
            *self._policy_words(),
            f"from {self.source}",
        ]
        return " · ".join(part for part in parts if part)

    def _policy(self, upstream: UpstreamSettings) -> Policy:
        plain, thinking = self.deadlines.over(upstream.deadlines), self.deadlines.over(upstream.thinking_deadlines)
        kind = KINDS[self.kind]
        return Policy(
            deadlines=plain,
            thinking=thinking,
            model_deadlines={
                model: said.over(thinking if reasons(kind, model) else plain)
                for model, said in self.model_deadlines.items()
            },
            concurrency=self.concurrency,
            queue_s=self.queue_s,
            on_cut=self.on_cut,
            hedges=self.hedge,
            probe_s=self.probe_s,
        )

    def _policy_words(self) -> list[str]:
        return [
            f"at most {self.concurrency} at once" if self.concurrency else "",
            f"a cut: {self.on_cut}" if self.on_cut else "",
            "hedged" if self.hedge else "",
            f"probed every {self.probe_s:g} s" if self.probe_s else "",
        ]


def _few(names: tuple[str, ...], most: int = 4) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
