"""A small request to one channel that an operator chooses: what is sent, what is found, and what it leaves alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest

from torouter.channels import KINDS, Channel, Credential
from torouter.channels.demo import answer as demo_answer
from torouter.console.portal.words import LANGUAGES, Words
from torouter.errors import UpstreamError
from torouter.house import translations
from torouter.relay.continuity import Continuity
from torouter.relay.findings import BY_VERDICT, finding_on
from torouter.relay.tryout import Tryouts
from torouter.relay.verdict import TABLE, verdict_on
from torouter.routing.tryouts import Finding, Tryout, Wanted
from torouter.units import DIALECTS, Secret
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.upstream import Request

KEY = "sk-the-key-of-this-channel"
CHANNEL = Channel(
    name="main",
    kind=KINDS["openai"],
    dialects=("openai-chat",),
    credentials=(Credential("a", Secret("sk-another-key")), Credential("b", Secret(KEY))),
    models={"fast": "gpt-5-mini", "good": "gpt-5"},
    groups=frozenset({"research"}),
)
DEMO = Channel(name="demo", kind=KINDS["demo"])


def tryouts(
    answer: Callable[[Request], Reply] = demo_answer, known: Sequence[str] = (), limit_s: float = 5.0
) -> Tryouts:
    upstream = MemoryUpstream(answer)
    return Tryouts(
        upstreams=dict.fromkeys(("memory", "http", "https"), upstream),
        continuity=Continuity(b"k" * 32, None),
        fetcher=None,
        translations=translations(),
        known=lambda _: known,
        clock=time.monotonic,
        limit_s=limit_s,
    )


def said(status: int, body: object, *headers: tuple[bytes, bytes]) -> Reply:
    written = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(status, [(b"content-type", b"application/json"), *headers], [written])


async def ask(reply: Reply | Exception, wanted: Wanted | None = None, **options: Any) -> tuple[Tryout, list[Request]]:
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return await tryouts(answer, **options).ask(CHANNEL, wanted or Wanted()), asked


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_every_pair_of_dialects(client: Any, upstream: Any) -> None:
    channel = replace(DEMO, dialects=(upstream,))
    found = await tryouts().ask(channel, Wanted(model="gpt-5", dialect=client))
    assert (found.finding, found.status) == ("ok", 200)
    assert (found.dialect, found.upstream_dialect) == (client, upstream)
    assert "Reply with one word" in found.text
    assert found.output_tokens > 0
    assert found.first_token_ms is not None
    assert found.first_token_ms <= found.took_ms


async def test_what_is_not_said_is_chosen() -> None:
    found = await tryouts().ask(DEMO, Wanted())
    assert (found.finding, found.model, found.dialect) == ("ok", "gpt-5", "openai-chat")
    embedded = await tryouts().ask(DEMO, Wanted(operation="embeddings"))
    assert (embedded.finding, embedded.model) == ("ok", "text-embedding-3-small")
    gemini = replace(DEMO, dialects=("gemini",))
    assert (await tryouts().ask(gemini, Wanted(operation="embeddings"))).finding == "ok"


async def test_what_is_sent_is_small_and_of_the_chosen_credential() -> None:
    found, [request] = await ask(said(401, {"error": {"message": "no"}}), Wanted(credential="b", model="fast"))
    body = msgspec.json.decode(request.body)
    assert (body["model"], body["stream"], body["max_completion_tokens"]) == ("gpt-5-mini", True, 32)
    assert f"authorization: Bearer {KEY}".encode() in request.head
    assert (found.credential, found.upstream_model) == ("b", "gpt-5-mini")
    assert found.url == "POST https://api.openai.com:443/v1/chat/completions"


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        (said(401, {"error": {"message": "Incorrect API key"}}), "bad_credential"),
        (said(402, {"error": {"message": "pay"}}), "no_credit"),
        (said(403, {"error": {"message": "no"}}), "forbidden"),
        (said(404, b"<html>nothing here</html>"), "not_found"),
        (said(404, {"detail": "Not Found"}), "not_found"),
        (said(405, b""), "not_found"),
        (said(404, {"error": {"message": "The model `gpt-5-mini` does not exist"}}), "model_not_found"),
        (said(404, {"error": {"message": "none", "code": "model_not_found"}}), "model_not_found"),
        (said(400, {"error": {"message": "Unknown field"}}), "bad_request"),
        (said(422, {"detail": []}), "bad_request"),
        (said(413, b""), "too_large"),
        (said(429, {"error": {"message": "slow down"}}), "rate_limited"),
        (said(500, b"oops"), "server_error"),
        (said(503, b""), "overloaded"),
        (said(504, b""), "server_error"),
        (said(301, b"", (b"location", b"https://elsewhere.example/")), "redirect"),
        (said(308, b"moved"), "redirect"),
        (said(200, b""), "empty"),
        (said(200, b"<html>Welcome to the web site</html>"), "malformed"),
        (said(200, {"error": {"message": "broken", "type": "server_error"}}), "error_in_answer"),
        (UpstreamError("x: unknown", phase="connect", code="upstream_connect_unknown"), "name_unknown"),
        (UpstreamError("x: refused", phase="connect", code="upstream_connect_refused"), "refused"),
        (UpstreamError("x: no route", phase="connect", code="upstream_connect_failed"), "unreachable"),
        (UpstreamError("x: tls", phase="connect", code="upstream_tls"), "tls"),
        (UpstreamError("x: late", phase="connect", kind="timeout", code="upstream_connect_timeout"), "connect_timeout"),
        (UpstreamError("x: silent", phase="head", kind="timeout", code="upstream_no_answer"), "no_answer"),
        (UpstreamError("x: reset", phase="head", code="upstream_reset"), "reset"),
        (UpstreamError("x: no HTTP", phase="head", code="upstream_malformed"), "malformed"),
    ],
)
async def test_what_is_found(reply: Reply | Exception, finding: str) -> None:
    found, asked = await ask(reply)
    assert (found.finding, len(asked)) == (finding, 1), found
    assert not found.is_good
    assert found.verdict in {row.name for row in TABLE}


async def test_a_stream_that_breaks_off() -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"O"}}]}\n\n'
    stream = Reply(200, [(b"content-type", b"text/event-stream")], [chunk, b""])
    found, _ = await ask(stream)
    assert (found.finding, found.verdict, found.status) == ("cut", "cut", 200)
    assert found.first_token_ms is not None


async def test_an_answer_without_text_is_one() -> None:
    chunks = [
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},'
        b'"finish_reason":"length"}]}\n\n',
        b"data: [DONE]\n\n",
    ]
    found, _ = await ask(Reply(200, [(b"content-type", b"text/event-stream")], chunks))
    assert (found.finding, found.text, found.is_good) == ("ok_silent", "", True)


async def test_a_server_that_streams_nothing_works_too() -> None:
    message = {"role": "assistant", "content": "OK"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    found, _ = await ask(said(200, {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}))
    assert (found.finding, found.text) == ("ok", "OK")


async def test_a_fault_of_our_own_is_no_fault_of_the_upstream(caplog: pytest.LogCaptureFixture) -> None:
    found, _ = await ask(ZeroDivisionError())
    assert (found.finding, found.message) == ("fault", "")
    assert "tryout failed channel=main" in caplog.text


async def test_nothing_waits_longer_than_it_may() -> None:
    def silent(request: Request) -> Reply:
        raise AssertionError

    class Never(MemoryUpstream):
        async def send(self, request: Request) -> Any:
            await asyncio.sleep(60)

    trial = tryouts(silent, limit_s=0.02)
    trial.upstreams = {"https": Never(silent)}
    found = await trial.ask(CHANNEL, Wanted())
    assert (found.finding, found.status) == ("no_answer", 0)
    assert found.took_ms < 5000


@pytest.mark.parametrize(
    ("wanted", "finding"),
    [
        (Wanted(credential="c"), "no_such_credential"),
        (Wanted(model="o3"), "model_not_served"),
        (Wanted(model="fast\nx"), "model_not_served"),
    ],
)
async def test_nobody_is_asked_in_vain(wanted: Wanted, finding: str) -> None:
    found, asked = await ask(said(200, {}), wanted)
    assert (found.finding, asked, found.url) == (finding, [], "")


async def test_what_no_dialect_of_it_has() -> None:
    anthropic = Channel(name="c", kind=KINDS["anthropic"], models={"m": "m"})
    found = await tryouts().ask(anthropic, Wanted(model="m", operation="embeddings"))
    assert found.finding == "not_offered"
    azure = Channel(name="z", kind=KINDS["azure"], base_url="https://x.example/openai/v1")
    assert (await tryouts().ask(azure, Wanted())).finding == "no_model", "its list says nothing of what may be asked"


async def test_a_server_that_declares_nothing_is_asked_what_it_has() -> None:
    names = ["dall-e-3", "text-embedding-3-small", "gpt-5", "gpt-5-mini"]
    asked: list[bytes] = []

    def answer(request: Request) -> Reply:
        asked.append(request.target)
        if request.method == b"GET":
            return said(200, {"data": [{"id": name} for name in names]})
        return said(401, {"error": {"message": "no"}})

    channel = replace(CHANNEL, models=None)
    found = await tryouts(answer).ask(channel, Wanted())
    assert (found.model, asked) == ("gpt-5-mini", [b"/v1/models", b"/v1/chat/completions"])
    asked.clear()
    known = await tryouts(answer, known=names).ask(channel, Wanted())
    assert (known.model, asked) == ("gpt-5-mini", [b"/v1/chat/completions"])
    refused = await tryouts(lambda _: said(401, {"error": {"message": "no"}})).ask(channel, Wanted())
    assert (refused.finding, refused.url) == ("bad_credential", "GET https://api.openai.com:443/v1/models")
    assert (await tryouts(lambda _: said(200, {"data": []})).ask(channel, Wanted())).finding == "no_model"


async def test_what_strangers_say_is_shown_without_secrets_and_tricks() -> None:
    hostile = f"key {KEY} and sk-another-key <script>\x1b[31m\u202e" + "x" * 5000
    found, _ = await ask(said(401, {"error": {"message": hostile}}))
    assert KEY not in found.message
    assert "sk-another-key" not in found.message
    assert "***" in found.message
    assert "\x1b" not in found.message
    assert "\u202e" not in found.message
    assert len(found.message) <= 500


async def test_an_answer_without_end_is_not_kept() -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 65536 + b'"}}]}\n\n'
    found, _ = await ask(Reply(200, [(b"content-type", b"text/event-stream")], [chunk] * 40))
    assert not found.is_good
    assert len(found.text) <= 500


async def test_few_are_asked_at_once() -> None:
    release = asyncio.Event()

    class Slow(MemoryUpstream):
        async def send(self, request: Request) -> Any:
            await release.wait()
            return await super().send(request)

    trial = tryouts()
    trial.upstreams = {"memory": Slow(demo_answer)}
    running = [asyncio.create_task(trial.ask(DEMO, Wanted())) for _ in range(4)]
    await asyncio.sleep(0)
    assert (await trial.ask(DEMO, Wanted())).finding == "too_many"
    release.set()
    assert {each.finding for each in await asyncio.gather(*running)} == {"ok"}
    assert (await trial.ask(DEMO, Wanted())).finding == "ok"


def test_every_verdict_has_an_explanation() -> None:
    assert BY_VERDICT.keys() == {row.name for row in TABLE}
    assert set(BY_VERDICT.values()) <= set(get_args(Finding))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_and_verdict_has_words(language: str) -> None:
    texts = Words.read(language).texts
    findings = {key.split(".")[1] for key in texts if key.startswith("finding.")}
    assert findings == set(get_args(Finding))
    assert {key.split(".")[1] for key in texts if key.startswith("verdicts.")} == {row.name for row in TABLE}


def test_what_is_no_http_error_has_a_finding_too() -> None:
    error = UpstreamError("late", phase="stream", upstream_status=200, kind="timeout", code="upstream_idle_timeout")
    assert finding_on(error, verdict_on(error), "m") == "too_slow"
