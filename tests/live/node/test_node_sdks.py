"""The official Node SDKs, unmodified: every call style over the demo, every cell of dialects, and their retries.

A script runs its checks and reports each by name. The names are listed here too, so that a check cannot go missing
without a test that says so.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.upstream import ScriptedUpstream
from tests.live.crossing import UPSTREAMS
from tests.live.gateway import Gateway
from tests.live.node.conftest import RunScript
from tests.live.node.flaky import CALLERS, FlakyScript, models

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the packages

CHECKS = {
    "openai_demo": {
        "chat_whole",
        "chat_streamed",
        "chat_stream_without_usage",
        "chat_stream_helper",
        "chat_tools_round_trip",
        "chat_tool_runner_streamed",
        "chat_structured_output",
        "chat_over_other_vendors_models",
        "responses_create",
        "responses_streamed",
        "responses_stream_helper",
        "responses_tools_round_trip",
        "embeddings_as_base64",
        "embeddings_as_floats",
        "images_generate",
        "images_edit",
        "audio_speech_and_transcription",
        "models_list",
        "wrong_key",
        "unknown_model",
        "bad_requests",
    },
    "anthropic_demo": {
        "messages_create",
        "messages_streamed",
        "messages_stream_helper",
        "tools_round_trip",
        "tools_round_trip_streamed",
        "forced_tool",
        "beta_messages",
        "over_other_vendors_models",
        "count_tokens",
        "models_list",
        "key_as_x_api_key",
        "wrong_key",
        "unknown_model",
        "bad_requests",
    },
    "genai_demo": {
        "generate_content",
        "generate_content_stream",
        "chat_session",
        "function_calling",
        "function_calling_streamed",
        "structured_output",
        "over_other_vendors_models",
        "count_tokens",
        "embed_content",
        "models_list_and_get",
        "stable_version",
        "base_url_that_ends_in_a_version",
        "wrong_key",
        "unknown_model",
        "bad_request",
    },
}

CELLS = {
    f"{client}_{way}_over_{dialect}"
    for client in ("chat", "responses", "messages", "gemini")
    for way in ("whole", "streamed")
    for dialect in UPSTREAMS
}

RETRIES = {f"{caller}_{fault}_once" for caller in CALLERS for fault in ("throttled", "broken")} | {
    f"{caller}_{fault}_always"
    for caller in ("chat", "responses", "messages", "gemini")
    for fault in ("throttled", "broken")
}

MAX_ATTEMPTS = 3
"""openai and @anthropic-ai/sdk try three times by themselves; @google/genai was told to."""


def assert_all_ok(report: dict[str, str], expected: set[str]) -> None:
    failures = {name: told for name, told in report.items() if told != "ok"}
    assert not failures, "\n\n".join(f"{name}: {told}" for name, told in failures.items())
    assert set(report) == expected


@pytest.mark.parametrize("mount", ["", "/api"], ids=["root", "api"])
@pytest.mark.parametrize("script", CHECKS)
async def test_over_the_demo(run_script: RunScript, demo: Gateway, script: str, mount: str) -> None:
    report = await run_script(script, url=demo.url + mount, key=demo.key)
    assert_all_ok(report, CHECKS[script])


async def test_every_cell(run_script: RunScript, crossing: Gateway) -> None:
    report = await run_script("cells", url=crossing.url, key=crossing.key, upstreams=UPSTREAMS)
    assert_all_ok(report, CELLS)


async def test_embeddings_over_gemini(run_script: RunScript, demo: Gateway, tmp_path: Path) -> None:
    channel = _channel("gemini", "gemini", demo.url, {"over-gemini": "gemini-embedding-001"})
    with Gateway(tmp_path / "gateway", channels=[channel | {"api_key": demo.key}]) as gateway:
        report = await run_script("embeddings", url=gateway.url, key=gateway.key)
    assert_all_ok(report, {"base64_is_what_floats_say", "tokens_are_refused"})


@pytest.mark.parametrize("mount", ["", "/api"], ids=["root", "api"])
async def test_retries(run_script: RunScript, tmp_path: Path, mount: str) -> None:
    flaky = FlakyScript()
    async with ScriptedUpstream(flaky, error=flaky.error) as upstream:
        channels = [
            _channel("openai", "openai-chat", upstream.url + "/v1", models("chat")),
            _channel("openai", "openai-responses", upstream.url + "/v1", models("responses")),
            _channel("anthropic", "anthropic", upstream.url, models("messages")),
            _channel("gemini", "gemini", upstream.url + "/v1beta", models("gemini")),
        ]
        # The SDKs are to try again, and not the gateway.
        with Gateway(tmp_path / "gateway", channels=channels, upstream={"retry_s": 0}) as gateway:
            report = await run_script("retries", url=gateway.url + mount, key=gateway.key)
    assert upstream.objections == []
    assert_all_ok(report, RETRIES)
    expected = {name: 2 if name.endswith("-once") else MAX_ATTEMPTS for name in flaky.attempts}
    assert flaky.attempts == expected


def _channel(kind: str, dialect: str, base_url: str, names: dict[str, str]) -> dict[str, object]:
    return {
        "name": f"flaky-{dialect}",
        "kind": kind,
        "base_url": base_url,
        "api_key": "upstream-key",
        "dialects": [dialect],
        "models": names,
    }
