"""Every recorded exchange of the Responses API: home without a loss, across as others could have sent it, answers the
same under any cut and whole in the hands of the other vendors' clients."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.codecs.translation.responses import RESPONSES
from tests.codecs.translation.roads import CHAT, MESSAGES, encoded_stream, events_of, options
from tests.contract.sdk import (
    accumulated_chat,
    accumulated_messages,
    accumulated_response,
    parsed_chat,
    parsed_messages,
    parsed_response,
)
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from tests.recorded import RECORDINGS, Exchange, exchanges
from torouter.canon.blocks import ReasoningBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Event, Fault, PartDelta, PartEnd, PartStart
from torouter.canon.fold import Answer, fold
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Framing, Translation
from torouter.codecs.openai_responses import CODEC
from torouter.errors import RequestError

ALL = exchanges("openai-responses")
FACTS = ModelFacts(reasoning="effort", max_output_tokens=64000)
CLAUDE = ModelFacts(reasoning="adaptive", max_output_tokens=64000)
FAULTY = {
    "openai-responses.j008": ("authentication", "invalid_api_key"),
    "openai-responses.j011": ("bad_request", "invalid_request_error"),
    "openai-responses.j012": ("bad_request", "unsupported_file"),
    "openai-responses.j013": ("upstream_fault", "upstream_malformed"),
}
"""Recorded errors, and (the last) an answer that is not there yet, by kind and code."""
GOOD = [each for each in ALL if each.label not in FAULTY]
REFUSED = {
    "openai-responses.s011": "background",
    "openai-responses.s012": "tools.0",
    "openai-responses.s015": "tools.0",
    "openai-responses.j001": "previous_response_id",
    "openai-responses.j002": "tools.0",
    "openai-responses.j003": "tools.0",
    "openai-responses.j013": "background",
    "openai-responses.j014": "previous_response_id",
    "openai-responses.j015": "tools.0",
    "openai-responses.j016": "tools.0",
    "openai-responses.j017": "tools.0",
    "openai-responses.j018": "tools.0",
}
"""Recorded requests that nobody but their own vendor can serve, by the field that says so."""
NOT_FOR_CHAT = {"openai-responses.j012": "input.4.content.0.file_url"}
LOOSE = sorted((RECORDINGS / "responses-only").glob("*/*.chunks.txt"))
LOOSE_STREAMS = [path for path in LOOSE if path.read_bytes().startswith(b'{"type":"response.')]
LOOSE_FAULTS = {"openai-error.1.chunks.txt": "billing"}


def ids(exchange: Exchange) -> str:
    return exchange.label


def framing_of(exchange: Exchange) -> Framing:
    return "sse" if exchange.is_stream else "whole"


def events_in(exchange: Exchange) -> list[Event]:
    return events_of(RESPONSES, exchange.response_body, framing_of(exchange))


def answered(exchange: Exchange) -> Answer:
    return fold(events_in(exchange), "openai-responses")


def texts(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, TextBlock))


def thoughts(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, ReasoningBlock))


def calls(answer: Answer) -> list[tuple[str, str, object]]:
    return [
        (block.id, block.name, json.loads(block.arguments or "{}"))
        for block in answer.blocks
        if isinstance(block, ToolCallBlock)
    ]


@pytest.mark.parametrize("exchange", ALL, ids=ids)
@pytest.mark.pitfall(107)
def test_home_is_home(exchange: Exchange) -> None:
    request = RESPONSES.decode_request(exchange.request_body)
    encoded = RESPONSES.encode_request(request, request.model or "", ModelFacts())
    assert encoded.losses == ()
    assert json.loads(encoded.body) == json.loads(exchange.request_body)


@pytest.mark.parametrize("upstream", ["chat", "messages"])
@pytest.mark.parametrize("exchange", [each for each in ALL if each.label not in REFUSED], ids=ids)
def test_across_is_a_body_that_the_other_package_could_send(exchange: Exchange, upstream: str) -> None:
    if upstream == "chat" and exchange.label in NOT_FOR_CHAT:
        with pytest.raises(RequestError) as caught:
            CHAT.encode_request(RESPONSES.decode_request(exchange.request_body), "up", FACTS)
        assert caught.value.param == NOT_FOR_CHAT[exchange.label]
        return
    target, facts = (CHAT, FACTS) if upstream == "chat" else (MESSAGES, CLAUDE)
    request = RESPONSES.decode_request(exchange.request_body)
    encoded = target.encode_request(request, "up", facts)
    body = json.loads(encoded.body)
    assert body["model"] == "up"
    assert (chat_faults if upstream == "chat" else messages_faults)(body) == []
    assert encoded == target.encode_request(request, "up", facts)
    for loss in encoded.losses:
        assert loss.what == "added" or loss.field.split(".")[0] in json.loads(exchange.request_body)
        assert loss.reason


@pytest.mark.parametrize("upstream", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("exchange", [each for each in ALL if each.label in REFUSED], ids=ids)
def test_what_only_its_vendor_can_serve_is_refused_by_name(exchange: Exchange, upstream: Translation) -> None:
    with pytest.raises(RequestError) as caught:
        upstream.encode_request(RESPONSES.decode_request(exchange.request_body), "up", FACTS)
    assert caught.value.status == 400
    assert caught.value.param == REFUSED[exchange.label]


@pytest.mark.parametrize(
    "exchange", [*exchanges("openai-chat"), *exchanges("anthropic-messages")], ids=lambda each: each.label
)
def test_others_become_responses_requests_or_a_400(exchange: Exchange) -> None:
    client = CHAT if exchange.protocol == "openai-chat" else MESSAGES
    request = client.decode_request(exchange.request_body)
    refused: RequestError | None = None
    try:
        encoded = RESPONSES.encode_request(request, "up", FACTS)
    except RequestError as error:
        refused = error
    if refused is not None:
        assert refused.param
        assert f"`{refused.param}`" in refused.message
        return
    body = json.loads(encoded.body)
    assert body["store"] is False
    assert responses_faults(body) == []
    assert encoded == RESPONSES.encode_request(request, "up", FACTS)


def test_most_of_the_others_are_carried() -> None:
    """The test above would be content with refusals alone."""
    carried = 0
    for exchange in (*exchanges("openai-chat"), *exchanges("anthropic-messages")):
        client = CHAT if exchange.protocol == "openai-chat" else MESSAGES
        try:
            RESPONSES.encode_request(client.decode_request(exchange.request_body), "up", FACTS)
        except RequestError:
            continue
        carried += 1
    assert carried >= 30


@pytest.mark.parametrize("exchange", [each for each in ALL if each.is_stream], ids=ids)
def test_random_cuts_give_the_same_events(exchange: Exchange) -> None:
    body = exchange.response_body
    whole = events_of(RESPONSES, body)
    dice = random.Random(exchange.label)
    for _ in range(3):
        cuts = sorted(dice.sample(range(len(body)), min(len(body), 40)))
        assert events_of(RESPONSES, body, cuts=cuts) == whole


def test_a_cut_at_every_byte_gives_the_same_events() -> None:
    body = next(each for each in ALL if each.label == "openai-responses.s001").response_body
    assert events_of(RESPONSES, body, cuts=range(1, len(body))) == events_of(RESPONSES, body)


@pytest.mark.parametrize("exchange", ALL, ids=ids)
def test_events_have_a_block_life(exchange: Exchange) -> None:
    begun: list[int] = []
    ended: list[int] = []
    events = events_in(exchange)
    for event in events:
        if isinstance(event, PartStart):
            begun.append(event.part)
        elif isinstance(event, PartEnd):
            ended.append(event.part)
        elif isinstance(event, PartDelta):
            assert event.text
            assert event.part in begun
            assert event.part not in ended
    assert begun == list(range(len(begun)))
    assert sorted(ended) == begun
    assert isinstance(events[-1], Fault) == (exchange.label in FAULTY)


@pytest.mark.parametrize("exchange", [each for each in ALL if each.label in FAULTY], ids=ids)
def test_an_error_is_read_as_one(exchange: Exchange) -> None:
    fault = answered(exchange).fault
    assert fault is not None
    assert (fault.kind, fault.code) == FAULTY[exchange.label]
    assert fault.message


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_a_stream_is_its_terminal_response_folded(exchange: Exchange) -> None:
    """The last event of a stream holds a whole answer: read alone, it is the same one."""
    body = exchange.response_body
    if exchange.is_stream:
        last = [line for line in body.split(b"\n") if line.startswith(b"data: ") and b'"response.completed"' in line]
        body = json.dumps(json.loads(last[-1][6:])["response"]).encode()
    whole = fold(events_of(RESPONSES, body, "whole"), "openai-responses")
    streamed = answered(exchange)
    assert texts(whole) == texts(streamed)
    assert thoughts(whole) == thoughts(streamed)
    assert calls(whole) == calls(streamed)
    assert [type(block) for block in whole.blocks] == [type(block) for block in streamed.blocks]
    assert whole.finish == streamed.finish
    assert whole.usage.total_tokens == streamed.usage.total_tokens


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_the_decoder_counts_as_the_tap_counts(exchange: Exchange) -> None:
    tap = CODEC.tap("chat", framing_of(exchange))
    tap.feed(exchange.response_body)
    assert answered(exchange).usage == tap.usage()


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_it_reaches_a_chat_client(exchange: Exchange) -> None:
    answer = answered(exchange)
    streamed = accumulated_chat(encoded_stream(CHAT, events_in(exchange)))
    whole = parsed_chat(CHAT.encode_answer(answer, options(framing="whole")))
    for completion in (streamed, whole):
        message = completion.choices[0].message
        assert (message.content or "") == texts(answer)
        assert [
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or ()
            if call.type == "function"
        ] == calls(answer)
        assert completion.usage is not None
        assert completion.usage.total_tokens == answer.usage.total_tokens
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason
    assert (streamed.choices[0].finish_reason == "tool_calls") == bool(calls(answer))


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_it_reaches_a_messages_client(exchange: Exchange) -> None:
    answer = answered(exchange)
    streamed = accumulated_messages(encoded_stream(MESSAGES, events_in(exchange)))
    whole = parsed_messages(MESSAGES.encode_answer(answer, options(framing="whole")))
    for message in (streamed, whole):
        assert "".join(block.text for block in message.content if block.type == "text") == texts(answer)
        assert [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"] == calls(
            answer
        )
        assert message.stop_reason == ("tool_use" if calls(answer) else "end_turn")
        assert message.usage.output_tokens == answer.usage.total_output_tokens


@pytest.mark.parametrize(
    "exchange",
    [
        each
        for each in (*ALL, *exchanges("openai-chat"), *exchanges("anthropic-messages"))
        if each.status == 200 and each.label not in ("openai-chat.s014", "openai-chat.s015", *FAULTY)
    ],
    ids=ids,
)
def test_everything_reaches_a_responses_client(exchange: Exchange) -> None:
    """Streamed through the SDK's accumulating helper, and whole through its typed model: the same answer."""
    upstream = {"openai-chat": CHAT, "anthropic-messages": MESSAGES}.get(exchange.protocol, RESPONSES)
    events = events_of(upstream, exchange.response_body, framing_of(exchange))
    answer = fold(events, "openai-chat")
    streamed = accumulated_response(encoded_stream(RESPONSES, events))
    whole = parsed_response(RESPONSES.encode_answer(answer, options(framing="whole")))
    for response in (streamed, whole):
        assert response.id == "resp_s1"
        assert response.model == "m"
        assert response.output_text == texts(answer)
        assert [
            (item.call_id, item.name, json.loads(item.arguments))
            for item in response.output
            if item.type == "function_call"
        ] == calls(answer)
        shown = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
        assert "".join(shown) == thoughts(answer)
        usage = response.usage
        assert usage is not None
        assert usage.input_tokens == answer.usage.total_input_tokens
        assert usage.output_tokens == answer.usage.total_output_tokens
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens
        assert usage.input_tokens_details.cached_tokens == answer.usage.cache_read_tokens
        assert response.status in ("completed", "incomplete")
    assert streamed.status == whole.status


@pytest.mark.parametrize("path", LOOSE_STREAMS, ids=lambda path: path.name)
def test_loose_streams_are_read(path: Path) -> None:
    """Answers of other servers, one event's data a line: ids that rotate, free-text calls, a failure."""
    lines = [line for line in path.read_bytes().split(b"\n") if line]
    body = b"".join(b"data: %b\n\n" % line for line in lines)
    answer = fold(events_of(RESPONSES, body), "openai-responses")
    expected = LOOSE_FAULTS.get(path.name)
    if expected is not None:
        assert answer.fault is not None
        assert answer.fault.kind == expected
        return
    assert answer.finish is not None
    assert answer.blocks
    assert answer.usage.quality == "reported"
    told = [json.loads(line) for line in lines]
    whole = [each["item"] for each in told if each["type"] == "response.output_item.done"]
    said = [part["text"] for item in whole if item["type"] == "message" for part in item["content"]]
    assert texts(answer) == "".join(said)
    made = [block for block in answer.blocks if isinstance(block, ToolCallBlock)]
    assert [(each.id, each.name, each.arguments) for each in made] == [
        (item["call_id"], item["name"], item.get("input") or item.get("arguments"))
        for item in whole
        if item["type"] in ("custom_tool_call", "function_call")
    ]


def test_there_are_loose_streams() -> None:
    assert len(LOOSE_STREAMS) >= 8
