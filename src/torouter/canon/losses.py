"""What a translation could not carry: a record for each thing reported away, an exception for what must not be.

Every field of a request ends as mapped, as a no-op (dropping it provably changes nothing), reported (a `Loss`: the
answer may differ in quality, cost or decoration, not in kind) or refused (`RequestError`: it would change what was
asked or what comes back). Silence is a defect; the one exception are hints, which only ever change a price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from torouter.canon.blocks import Carried
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = ["FAMILIES", "Loss", "LossLog", "What", "strict_refusal"]

What = Literal["dropped", "approximated", "moved", "added"]

FAMILIES: dict[Dialect, str] = {
    "openai-chat": "OpenAI Chat Completions",
    "openai-responses": "OpenAI Responses",
    "anthropic": "Anthropic Messages",
    "gemini": "Google Gemini",
}
"""How messages to callers call the dialect that an upstream speaks."""

_STRICT_ADVICE: Final = (
    "leave it out, use a model whose upstream speaks the request's own dialect, or ask without strict mode"
)
_ADVICE: Final = "remove it, or use a model whose upstream speaks the request's own dialect"


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """One reported loss. `field` is the path in the caller's own request (`messages.2.content.0`)."""

    field: str
    what: What
    reason: str


class LossLog:
    """Collects the losses of one encoding towards one dialect. Each field is recorded once for each kind of loss."""

    __slots__ = ("_losses", "_once", "_target")

    def __init__(self, target: Dialect) -> None:
        self._target: Dialect = target
        self._losses: dict[tuple[str, What], Loss] = {}
        self._once: set[str] = set()

    def report(self, field: str, what: What, reason: str) -> None:
        self._losses.setdefault((field, what), Loss(field=field, what=what, reason=reason))

    def report_once(self, field: str, what: What, reason: str) -> None:
        """For what happens again with each turn: the first field stands for all, however long the history is."""
        if reason not in self._once:
            self._once.add(reason)
            self.report(field, what, reason)

    def refusal(self, field: str, problem: str, advice: str) -> RequestError:
        """The 400 to raise: names the field, the upstream's family, why not (`problem`), and what to do (`advice`)."""
        return RequestError(
            f"`{field}` cannot be sent to this model's upstream, which speaks {FAMILIES[self._target]}: {problem}. "
            f"What to do: {advice}.",
            code="unsupported_parameter",
            param=field,
        )

    def settle(self, carried: Iterable[Carried], path: str = "") -> None:
        """Gives each field that the caller's dialect knows and the target does not the fate its decoder chose."""
        for item in carried:
            field = ".".join(step for step in (path, item.within, item.name) if step)
            if item.fate == "report":
                self.report(field, "dropped", item.why or f"{FAMILIES[self._target]} has no such field")
            elif item.fate == "refuse":
                raise self.refusal(field, item.why, _ADVICE)

    def losses(self) -> tuple[Loss, ...]:
        return tuple(self._losses.values())


def strict_refusal(losses: Sequence[Loss], target: Dialect) -> RequestError:
    """The 400 for a caller that wants no losses: it names the first, and says how many there are besides."""
    first, *others = losses
    more = f" ({len(others)} more besides)" if others else ""
    return LossLog(target).refusal(
        first.field, f"strict mode takes no losses, and {first.reason}{more}", _STRICT_ADVICE
    )
