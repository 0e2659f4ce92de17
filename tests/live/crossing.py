"""The sixteen cells: a gateway whose four channels speak one dialect each to another gateway's demo.

`over-<dialect>` is the model behind each, for clients of any dialect.
"""

from __future__ import annotations

from typing import Final

from tests.live.gateway import Gateway

__all__ = ["UPSTREAMS", "crossing_channels"]

_KIND_AND_BASE: Final = {
    "openai-chat": ("openai", "/v1"),
    "openai-responses": ("openai", "/v1"),
    "anthropic": ("anthropic", ""),
    "gemini": ("gemini", ""),
}

UPSTREAMS: Final = tuple(_KIND_AND_BASE)


def crossing_channels(demo: Gateway) -> list[dict[str, object]]:
    return [
        {
            "name": dialect,
            "kind": kind,
            "base_url": demo.url + base,
            "api_key": demo.key,
            "dialects": [dialect],
            "models": {f"over-{dialect}": "gpt-5"},
        }
        for dialect, (kind, base) in _KIND_AND_BASE.items()
    ]
