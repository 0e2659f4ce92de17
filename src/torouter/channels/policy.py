"""How a channel may be used: its deadlines, how much at once, and what becomes of answers that break off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from torouter.wire.upstream import Deadlines

__all__ = ["OnCut", "Policy"]

OnCut = Literal["error", "resume-if-identical"]
"""What follows a cut after the commit point: the caller's dialect's error; or the request is made again elsewhere, and
goes on from there if the same text comes."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`model_deadlines` are by the upstream's name of a model; `thinking` are those of other models that are known to
    reason, where they differ. `concurrency` 0: no cap; `queue_s` is how long a request
    may wait for room under it. `on_cut` `None`: as the group says. `hedges`: a second attempt may be made after the
    model's own p95 first-token time. `probe_s` 0: no active probes."""

    deadlines: Deadlines = Deadlines()
    thinking: Deadlines | None = None
    model_deadlines: Mapping[str, Deadlines] = {}
    concurrency: int = 0
    queue_s: float = 5.0
    on_cut: OnCut | None = None
    hedges: bool = False
    probe_s: float = 0.0

    def deadlines_for(self, upstream_model: str, *, reasons: bool = False) -> Deadlines:
        general = self.thinking if reasons and self.thinking is not None else self.deadlines
        return self.model_deadlines.get(upstream_model, general)
