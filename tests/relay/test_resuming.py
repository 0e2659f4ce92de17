"""`resume-if-identical`: a stream that broke, gone on with by a second answer, in every pair of dialects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from tests.recorded import Exchange as Exchanged
from tests.recorded import exchanges
from tests.relay.answers import DIALECTS, WORDS, frames_of, last_mark, streamed
from torouter.canon.capsule import Tenant
from torouter.canon.events import Fault
from torouter.canon.fold import Answer, fold
from torouter.canon.sealing import Sealer
from torouter.codecs import CODECS, AnswerOptions
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.translate import Reopen, Reopened, Sent, Translated, translation_of
from torouter.units import Dialect
from torouter.wire.exchange import Exchange
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.upstream import Deadlines, Origin, Request, Response

ASKED = Request(Origin("memory", "up", 0), b"POST", b"/", b"", b"", Deadlines())
RESET = UpstreamError("reset", phase="stream", code="upstream_reset")


class Client:
    """What an exchange is to a delivery: it keeps what is written."""

    request_id = b"req_1"
    is_paused = False

    def __init__(self) -> None:
        self.body = b""
        self.has_begun = self.has_ended = False

    def begin(self, status: int, headers: bytes, length_bytes: int | None = None) -> None:
        self.has_begun = True

    def write(self, data: bytes) -> None:
        self.body += data

    def last(self) -> None:
        """Nobody settles here."""

    def end(self) -> None:
        self.has_ended = True


async def response(reply: Reply) -> Response:
    return await MemoryUpstream(lambda _: reply).send(ASKED)


def sent(client: Dialect, reopen: Reopen | None = None) -> Sent:
    options = AnswerOptions(framing="sse", model="m", seed="1", created_s=1, ask_usage=True)
    return Sent(
        options=options, losses=(), names={}, stops=(), sealer=Sealer(Tenant(bytes(32)), b"", has_text=True), keep=None,
        go_on=lambda _: None, reopen=reopen,
    )  # fmt: skip


async def delivered(
    client: Dialect, first: tuple[Dialect, Reply], second: tuple[Dialect, Reply] | None
) -> tuple[Client, Translated, list[UpstreamError]]:
    asked: list[UpstreamError] = []

    async def reopen(error: UpstreamError) -> Reopened | None:
        asked.append(error)
        if second is None:
            return None
        return Reopened(response=await response(second[1]), codec=CODECS[second[0]], sent=sent(client))

    seen = Client()
    call = Call(codec=CODECS[client], operation="chat", framing="sse", content_type=b"")
    loop = asyncio.get_running_loop()
    delivery = Translated(
        cast(Exchange, seen), await response(first[1]), call, CODECS[first[0]], sent(client, reopen), loop.time
    )
    await delivery.deliver()
    assert seen.has_ended
    return seen, delivery, asked


def read(dialect: Dialect, body: bytes) -> Answer:
    decoder = translation_of(CODECS[dialect]).decoder("sse")
    return fold([*decoder.feed(body), *decoder.close()], dialect)


def text_of(answer: Answer) -> str:
    return "".join(getattr(block, "text", "") for block in answer.blocks)


def cut(dialect: Dialect, count: int = 20) -> Reply:
    return streamed(*frames_of(dialect)[:count], fault=RESET)


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_the_same_answer_goes_on(client: Dialect, upstream: Dialect) -> None:
    """From an upstream of the client's dialect as well, and to one of another."""
    for first, second in ((upstream, upstream), (client, upstream), (upstream, client)):
        seen, delivery, asked = await delivered(client, (first, cut(first)), (second, streamed(*frames_of(second))))
        answer = read(client, seen.body)
        assert text_of(answer) == "".join(WORDS)
        assert answer.finish is not None
        assert answer.finish.reason == "stop"
        assert last_mark(client) in seen.body
        assert (delivery.outcome, delivery.failure, delivery.usage().quality) == ("ok", None, "reported")
        assert asked == [RESET]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "change",
    [
        lambda frames: [frame.replace(WORDS[3].encode(), b"other words ") for frame in frames],
        lambda frames: [],
        lambda frames: frames[:6],
        lambda frames: [b"data: {\n\n"],
    ],
    ids=["another", "empty", "cut as well", "garbage"],
)
async def test_anything_else_is_the_error_that_it_was(
    dialect: Dialect, change: Callable[[list[bytes]], Sequence[bytes]]
) -> None:
    second = streamed(*change(frames_of(dialect)), fault=UpstreamError("again", phase="stream", code="upstream_reset"))
    seen, delivery, asked = await delivered(dialect, (dialect, cut(dialect)), (dialect, second))
    answer = read(dialect, seen.body)
    assert isinstance(answer.fault, Fault)
    assert "".join(WORDS).startswith(text_of(answer))
    assert text_of(answer)
    assert not last_mark(dialect) or last_mark(dialect) not in seen.body
    assert delivery.outcome == "truncated"
    assert delivery.failure is not None
    assert len(asked) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_where_none_can_be_had_the_error_is_told(dialect: Dialect) -> None:
    seen, delivery, _ = await delivered(dialect, (dialect, cut(dialect)), None)
    assert isinstance(read(dialect, seen.body).fault, Fault)
    assert delivery.failure is not None
    assert delivery.failure.code == "upstream_reset"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_is_asked_again_before_anything_was_given(dialect: Dialect) -> None:
    said = next(number for number, frame in enumerate(frames_of(dialect)) if b"word number" in frame)
    with pytest.raises(UpstreamError):
        await delivered(dialect, (dialect, cut(dialect, said)), (dialect, streamed(*frames_of(dialect))))


PROTOCOLS: dict[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
}
STREAMS = [
    (dialect, exchange)
    for protocol, dialect in PROTOCOLS.items()
    for exchange in exchanges(protocol)
    if exchange.is_stream and exchange.status == 200
]


def _plain(answer: Answer) -> list[tuple[str, str, str, str]]:
    """What was said, in order: kind, text, name and arguments. What a provider's own tools did is not carried through
    canon, and texts that stood around it stand together; state may have a block of its own."""
    said: list[tuple[str, str, str, str]] = []
    for block in answer.blocks:
        kind = type(block).__name__
        if kind in ("ServerToolBlock", "OpaqueBlock"):
            continue
        text, name, arguments = (getattr(block, field, "") for field in ("text", "name", "arguments"))
        if said and kind == said[-1][0] == "TextBlock":
            text = said.pop()[1] + text
        if text or name:
            said.append((kind, text, name, arguments))
    return said


@pytest.mark.parametrize(("dialect", "exchange"), STREAMS, ids=lambda each: getattr(each, "label", ""))
async def test_recorded_streams_of_the_clients_own_dialect(dialect: Dialect, exchange: Exchanged) -> None:
    """What goes by way of canon to a client of the same dialect says the same, cut and gone on with too."""
    body = exchange.response_body
    was = read(dialect, body)
    if was.fault is not None:
        return
    whole, _, _ = await delivered(dialect, (dialect, streamed(body)), None)
    assert _plain(read(dialect, whole.body)) == _plain(was)
    half = streamed(body[: len(body) // 2], b"", fault=RESET)
    try:
        seen, _, asked = await delivered(dialect, (dialect, half), (dialect, streamed(body)))
    except UpstreamError:
        return  # nothing was said in the first half
    answer = read(dialect, seen.body)
    assert (len(asked), _plain(answer)) == (1, _plain(was))
    assert answer.finish is not None
    assert was.finish is not None
    assert answer.finish.reason == was.finish.reason
