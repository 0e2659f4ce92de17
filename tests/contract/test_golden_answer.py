"""One answer in two grammars, written out: reasoning, text, a call without arguments and a call with some."""

from __future__ import annotations

from tests.codecs.translation.roads import CHAT, MESSAGES, encoded_stream, events_of, options
from tests.contract.sdk import accumulated_chat, accumulated_messages

CHAT_HEAD = '{"id":"chatcmpl-s1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":['
CHAT_DELTAS = (
    '{"role":"assistant","content":""}',
    '{"reasoning_content":"hm"}',
    '{"content":"Hi"}',
    '{"tool_calls":[{"index":0,"id":"c_a","type":"function","function":{"name":"a","arguments":""}}]}',
    '{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}',
    '{"tool_calls":[{"index":1,"id":"c_b","type":"function","function":{"name":"b","arguments":""}}]}',
    '{"tool_calls":[{"index":1,"function":{"arguments":"{\\"x\\":1}"}}]}',
)
CHAT_USAGE = (
    '{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42,'
    '"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":0},'
    '"completion_tokens_details":{"reasoning_tokens":4}}'
)
CHAT_STREAM = "".join(
    [
        *(
            f'data: {CHAT_HEAD}{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}]}}\n\n'
            for delta in CHAT_DELTAS
        ),
        f'data: {CHAT_HEAD}{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"tool_calls"}}]}}\n\n',
        f'data: {CHAT_HEAD}],"usage":{CHAT_USAGE}}}\n\n',
        "data: [DONE]\n\n",
    ]
).encode()


def _event(data: str) -> str:
    return f"event: {data.split(chr(34))[3]}\ndata: {data}\n\n"


def _delta(index: int, delta: str) -> str:
    return _event(f'{{"type":"content_block_delta","index":{index},"delta":{delta}}}')


def _block(index: int, head: str, *deltas: str) -> str:
    start = _event(f'{{"type":"content_block_start","index":{index},"content_block":{head}}}')
    stop = _event(f'{{"type":"content_block_stop","index":{index}}}')
    return "".join([start, *(_delta(index, delta) for delta in deltas), stop])


MESSAGES_STREAM = "".join(
    [
        _event(
            '{"type":"message_start","message":{"id":"msg_s1","type":"message","role":"assistant","model":"m","content":[],'
            '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,'
            '"cache_read_input_tokens":0,"output_tokens":0}}}'
        ),
        _block(
            0,
            '{"type":"thinking","thinking":"","signature":""}',
            '{"type":"thinking_delta","thinking":"hm"}',
        ),
        _block(1, '{"type":"text","text":""}', '{"type":"text_delta","text":"Hi"}'),
        _block(
            2,
            '{"type":"tool_use","id":"c_a","name":"a","input":{}}',
            '{"type":"input_json_delta","partial_json":"{}"}',
        ),
        _block(
            3,
            '{"type":"tool_use","id":"c_b","name":"b","input":{}}',
            '{"type":"input_json_delta","partial_json":"{\\"x\\":1}"}',
        ),
        _event(
            '{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":20,'
            '"cache_creation_input_tokens":0,"cache_read_input_tokens":10,"output_tokens":12}}'
        ),
        _event('{"type":"message_stop"}'),
    ]
).encode()


def test_chat_for_a_messages_client_to_the_byte() -> None:
    assert encoded_stream(MESSAGES, events_of(CHAT, CHAT_STREAM)) == MESSAGES_STREAM


def test_messages_for_a_chat_client_to_the_byte() -> None:
    """Claude's own figures do not tell the reasoning's tokens apart, unless it says so."""
    told = MESSAGES_STREAM.replace(
        b'"output_tokens":12}', b'"output_tokens":12,"output_tokens_details":{"thinking_tokens":4}}'
    )
    assert encoded_stream(CHAT, events_of(MESSAGES, told)) == CHAT_STREAM


def test_at_home_to_the_byte() -> None:
    assert encoded_stream(CHAT, events_of(CHAT, CHAT_STREAM)) == CHAT_STREAM
    assert encoded_stream(MESSAGES, events_of(MESSAGES, MESSAGES_STREAM)) == MESSAGES_STREAM


def test_both_accumulating_helpers_make_it_whole() -> None:
    message = accumulated_chat(CHAT_STREAM).choices[0].message
    assert message.content == "Hi"
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()] == [  # type: ignore[union-attr]
        ("c_a", "a", "{}"),
        ("c_b", "b", '{"x":1}'),
    ]
    blocks = accumulated_messages(MESSAGES_STREAM).content
    assert [block.type for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in blocks if block.type == "tool_use"] == [{}, {"x": 1}]


def test_the_same_seed_gives_the_same_bytes() -> None:
    events = events_of(CHAT, CHAT_STREAM)
    assert encoded_stream(MESSAGES, events, options()) == encoded_stream(MESSAGES, events, options())
    assert encoded_stream(MESSAGES, events, options(seed="s2")) != encoded_stream(MESSAGES, events, options())
