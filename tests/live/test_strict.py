"""Strict translation, as an operator configures it and as a caller asks for it, by OpenAI's SDK."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.live.gateway import Gateway


@pytest.fixture(scope="module")
def strict(demo: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    channel = {
        "name": "claude",
        "kind": "anthropic",
        "base_url": demo.url,
        "api_key": demo.key,
        "models": {"m": "claude-opus-4-7"},
    }
    folder = tmp_path_factory.mktemp("strict")
    with Gateway(folder, channels=[channel], translation={"strict": True}) as running:
        yield running


def test_a_loss_is_refused_unless_the_caller_takes_it(strict: Gateway) -> None:
    with openai.OpenAI(base_url=f"{strict.url}/v1", api_key=strict.key, max_retries=0) as client:
        ask = client.chat.completions.with_raw_response.create
        plain = ask(model="m", messages=[{"role": "user", "content": "hi"}])
        assert "x-torouter-losses" not in plain.headers
        with pytest.raises(openai.BadRequestError) as caught:
            ask(model="m", messages=[{"role": "user", "content": "hi"}], seed=7)
        assert caught.value.param == "seed"
        assert "strict mode" in caught.value.message
        lax = ask(
            model="m",
            messages=[{"role": "user", "content": "hi"}],
            seed=7,
            extra_headers={"x-torouter-strict": "0"},
        )
        assert lax.headers["x-torouter-losses"] == "seed;dropped"
