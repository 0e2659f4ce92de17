"""Model names of the live tests: one per recording, and a pool of free ones ("slots") per dialect.

A client's name and the upstream's name always differ, so every request shows whether the model was renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.live.upstream import Answer, Upstream, Visit
from tests.recorded import Exchange, exchanges

__all__ = [
    "DIALECTS",
    "UPSTREAM_KEY",
    "Slot",
    "channels_to",
    "dialect_of",
    "native_exchanges",
    "recorded_models",
    "slot_models",
]

UPSTREAM_KEY = "the-upstreams-own-key"

DIALECTS = ("openai-chat", "openai-responses", "anthropic", "gemini")
SLOTS_PER_DIALECT = 48

_DIALECT_OF = {
    "openai-chat": "openai-chat",
    "openai-embeddings": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "anthropic-count-tokens": "anthropic",
    "gemini": "gemini",
    "gemini-count-tokens": "gemini",
    "gemini-embed": "gemini",
}
"""Which dialect's channel plays a folder of recordings. `models` is not here: the gateway answers those itself."""

_KINDS = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}
_BASES = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "", "gemini": "/v1beta"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A model by the name clients use and by the name its upstream uses."""

    model: str
    upstream_model: str
    _upstream: Upstream

    def script(self, *answers: Answer) -> Slot:
        self._upstream.script(self.upstream_model, *answers)
        return self

    @property
    def visits(self) -> list[Visit]:
        return self._upstream.visits(self.upstream_model)

    @property
    def visit(self) -> Visit:
        return self._upstream.visit(self.upstream_model)


def dialect_of(exchange: Exchange) -> str:
    return _DIALECT_OF[exchange.protocol]


def native_exchanges() -> list[Exchange]:
    """Every recorded exchange that the gateway passes to an upstream of its own dialect."""
    return [exchange for protocol in _DIALECT_OF for exchange in exchanges(protocol)]


def channels_to(upstream: Upstream, models: Mapping[str, Mapping[str, str]]) -> list[dict[str, object]]:
    """One channel per dialect, each with its own models (client's name to upstream's name)."""
    return [
        {
            "name": f"up-{dialect}",
            "kind": _KINDS[dialect],
            "base_url": upstream.origin + _BASES[dialect],
            "api_key": UPSTREAM_KEY,
            "dialects": [dialect],
            "models": dict(models[dialect]),
        }
        for dialect in DIALECTS
        if models.get(dialect)
    ]


def slot_models(dialect: str) -> dict[str, str]:
    return {f"{dialect}-slot-{n}": f"up.{dialect}.{n}" for n in range(SLOTS_PER_DIALECT)}


def recorded_models(dialect: str) -> dict[str, str]:
    return {
        f"client.{exchange.label}": f"vendor.{exchange.label}"
        for exchange in native_exchanges()
        if dialect_of(exchange) == dialect
    }
