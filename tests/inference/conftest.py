"""One inference server and one gateway for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.inference.server import serving
from tests.live.gateway import Gateway

__all__ = ["UPSTREAMS"]

UPSTREAMS: Final = {
    "openai-chat": ("openai-compatible", "/v1"),
    "openai-responses": ("openai-compatible", "/v1"),
    "anthropic": ("anthropic-compatible", ""),
}
"""The dialects that the server speaks; `over-<dialect>` is the model behind each."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("inference")) as url:
        yield url


@pytest.fixture(scope="session")
def gateway(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    channels = [
        {
            "name": dialect,
            "kind": kind,
            "base_url": server + base,
            "api_key": "none",
            "dialects": [dialect],
            "models": {f"over-{dialect}": "tiny"},
        }
        for dialect, (kind, base) in UPSTREAMS.items()
    ]
    with Gateway(tmp_path_factory.mktemp("gateway"), channels=channels) as running:
        yield running
