"""Answers of Gemini clients whose schema is no object's: wrapped for everybody else, and taken out again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codecs.translation.gemini_roads import GEMINI, gemini
from tests.codecs.translation.roads import CHAT, MESSAGES, chat_chunk, chat_sse, events_of, options, payloads
from torouter.canon.fold import fold
from torouter.canon.reasoning import ModelFacts
from torouter.canon.valued import object_schema
from torouter.codecs.codec import AnswerOptions, Framing, Translation
from torouter.codecs.gemini.wrapping import Unwrapping
from torouter.codecs.openai_responses.translation import TRANSLATION as RESPONSES
from torouter.errors import RequestError

Json = dict[str, Any]

WORDS = {"type": "STRING", "enum": ["Percussion", "String"]}
ENUM: Json = {"responseMimeType": "text/x.enum", "responseSchema": WORDS}
LIST: Json = {"responseMimeType": "application/json", "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}}}


def asked(upstream: Translation, config: Json) -> Json:
    request = GEMINI.decode_request(json.dumps(gemini("x", generationConfig=config)).encode())
    encoded = upstream.encode_request(request, "up", ModelFacts(max_output_tokens=32000))
    assert not [loss for loss in encoded.losses if loss.field.startswith("generationConfig")]
    body = json.loads(encoded.body)
    if upstream is CHAT:
        return body["response_format"]["json_schema"]["schema"]  # type: ignore[no-any-return]
    return body["text"]["format"]["schema"] if upstream is RESPONSES else body["output_config"]["format"]["schema"]


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, MESSAGES])
def test_the_schema_becomes_a_property(upstream: Translation) -> None:
    closed = {"required": ["value"], "additionalProperties": False}
    word = {"type": "string", "enum": ["Percussion", "String"]}
    assert asked(upstream, ENUM) == {"type": "object", "properties": {"value": word}, **closed}
    items = {"type": "array", "items": {"type": "string"}}
    assert asked(upstream, LIST) == {"type": "object", "properties": {"value": items}, **closed}


def test_references_still_find_what_they_refer_to() -> None:
    schema = {"type": "array", "items": {"$ref": "#/$defs/one"}, "$defs": {"one": {"type": "string"}}}
    wrapped = json.loads(object_schema(json.dumps(schema).encode()) or b"")
    assert wrapped["$defs"] == {"one": {"type": "string"}}
    assert wrapped["properties"] == {"value": {"type": "array", "items": {"$ref": "#/$defs/one"}}}


@pytest.mark.parametrize("schema", [{"type": "object"}, {"properties": {}}, {"anyOf": []}, {"$ref": "#/x"}, True])
def test_what_may_be_an_object_stays(schema: object) -> None:
    assert object_schema(json.dumps(schema).encode()) is None


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"responseMimeType": "text/x.enum"}, "generationConfig.responseMimeType"),
        ({**ENUM, "responseSchema": {"type": "OBJECT"}}, "generationConfig.responseSchema"),
    ],
)
def test_an_enum_needs_its_words(config: Json, field: str) -> None:
    with pytest.raises(RequestError) as caught:
        GEMINI.decode_request(json.dumps(gemini("x", generationConfig=config)).encode())
    assert caught.value.param == field


def heard(config: Json, *texts: str, framing: Framing = "sse") -> str:
    """What a client hears of an upstream that says these texts."""
    request = GEMINI.decode_request(json.dumps(gemini("x", generationConfig=config)).encode())
    events = events_of(CHAT, chat_sse(*(chat_chunk({"content": text}) for text in texts), chat_chunk({}, "stop")))
    said: AnswerOptions = options(request=request, framing=framing)
    if framing == "whole":
        answers = [json.loads(GEMINI.encode_answer(fold(events, "openai-chat"), said))]
    else:
        answers = payloads(b"".join(map(GEMINI.encoder(said).feed, events)))
    parts = [part for each in answers for part in each["candidates"][0]["content"]["parts"]]
    return "".join(part["text"] for part in parts)


@pytest.mark.parametrize("framing", ["sse", "whole"])
@pytest.mark.parametrize(
    ("config", "said", "expected"),
    [
        (ENUM, '{"value":"Percussion"}', "Percussion"),
        (ENUM, ' { "value" : "St\\u0072ing" }\n', "String"),
        (ENUM, '{"value":"Perc', '"Perc'),
        (ENUM, "Percussion", "Percussion"),
        (LIST, '{"value": ["a", "b}"]}', '["a", "b}"]'),
        (LIST, '{"value":[{"a":{}}]} ', '[{"a":{}}]'),
        (LIST, '{"value":[{"a":', '[{"a":'),
        (LIST, '["a"]', '["a"]'),
        (LIST, '{"val', '{"val'),
        ({"responseSchema": {"type": "OBJECT"}}, '{"value":1}', '{"value":1}'),
    ],
)
def test_the_answer_is_taken_out(config: Json, said: str, expected: str, framing: Framing) -> None:
    assert heard(config, said, framing=framing) == expected
    assert heard(config, *said, framing=framing) == expected


def test_a_list_is_heard_while_it_grows() -> None:
    unwrap = Unwrapping("json")
    assert [unwrap.feed(piece) for piece in ('{"value":["a"', ',"b"', "]}")] == ['["a"', ',"b"', "]"]
    assert unwrap.close() == ""


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)),
    st.data(),
)
def test_any_value_cut_anywhere(value: Any, data: st.DataObject) -> None:
    text = json.dumps({"value": value}, ensure_ascii=False)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    unwrap = Unwrapping("json")
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert json.loads("".join(map(unwrap.feed, pieces)) + unwrap.close()) == value
