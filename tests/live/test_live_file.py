"""The file of a gateway that serves is changed: the next request goes where it says, and a bad file changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from openai import OpenAI

from tests.live.conftest import Launch
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import UPSTREAM_KEY
from tests.live.upstream import Upstream, recorded_answer

CHAT = recorded_answer("openai-chat/json/017")
WITHIN_S = 2.0


def write(gateway: Gateway, upstream: Upstream, upstream_model: str, **more: object) -> Path:
    """One channel for the model `live`. Written beside the file and renamed, as tools do."""
    channel = {
        "name": f"to-{upstream_model}",
        "kind": "openai",
        "base_url": f"{upstream.origin}/v1",
        "api_key": UPSTREAM_KEY,
        "models": {"live": upstream_model},
    }
    file = gateway.folder / "torouter.yaml"
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"channels": [channel | more]}, indent=1))
    draft.replace(file)
    return file


def until(holds: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)


def test_the_next_request_goes_where_the_file_says_and_a_bad_file_changes_nothing(
    launch: Launch, upstream: Upstream
) -> None:
    for model in ("live-before", "live-after"):
        upstream.script(model, *[CHAT] * 100)
    gateway = launch(models={"openai-chat": {"live": "live-before"}})
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0)

    def asked() -> None:
        client.chat.completions.create(model="live", messages=[{"role": "user", "content": "hi"}])

    def arrives(model: str) -> bool:
        before = len(upstream.visits(model))
        asked()
        return len(upstream.visits(model)) > before

    with client:
        assert arrives("live-before")
        write(gateway, upstream, "live-after")
        until(lambda: arrives("live-after"), WITHIN_S)

        file = write(gateway, upstream, "live-before", weight=0)
        until(lambda: "configuration refused" in gateway.log_text(), WITHIN_S)
        line = json.loads(file.read_text()) and 1 + file.read_text().split("\n").index('   "weight": 0')
        assert f"{file}:{line}: channels[0].weight: expected a whole number from 1" in gateway.log_text()
        assert arrives("live-after")
        assert UPSTREAM_KEY not in gateway.log_text()
