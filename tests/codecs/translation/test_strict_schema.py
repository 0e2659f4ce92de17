"""May a schema be asked for strictly? Whatever a caller sends, the answer is yes or no, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codecs.translation.responses import RESPONSES
from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES
from tests.properties.strategies import json_values
from torouter.codecs.strict_schema import is_strict
from torouter.errors import RequestError

CLOSED: dict[str, Any] = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({**CLOSED, "properties": {"a": {"type": "string"}}, "required": ["a"]}, True),
        ({**CLOSED, "properties": {"a": {"type": "string"}}, "required": []}, False),
        ({**CLOSED, "properties": {}, "required": ["a"]}, False),
        (
            {**CLOSED, "properties": {"properties": {"type": "array", "items": CLOSED}}, "required": ["properties"]},
            True,
        ),
        ({"type": "object", "properties": {}}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [{"type": "string"}, CLOSED]}, True),
        ({"oneOf": [{"type": "string"}]}, False),
        ({**CLOSED, "required": 5}, False),
        ({**CLOSED, "required": [{}]}, False),
        ({"anyOf": 7}, False),
        ({"$defs": []}, False),
        ({"properties": [1]}, False),
        (None, False),
        (True, False),
        (3, False),
    ],
)
def test_strict_or_not(schema: Any, answer: bool) -> None:
    assert is_strict(json.dumps(schema).encode()) is answer


def test_no_schema_at_all_holds_nothing_that_is_open() -> None:
    assert is_strict(None)


@pytest.mark.parametrize("depth", [100, 450, 900])
def test_nesting_beyond_reason_is_not_strict(depth: int) -> None:
    """Responses asks this of each tool while it reads the request: an exception would be a fault of ours."""
    schema = '{"type":"array","items":' * depth + '{"type":"object"}' + "}" * depth
    assert is_strict(schema.encode()) is False
    tool = f'{{"type":"function","name":"f","parameters":{schema}}}'
    request = RESPONSES.decode_request(f'{{"model":"m","input":"x","tools":[{tool}]}}'.encode())
    assert [each.name for each in request.tools] == ["f"]
    for upstream in (CHAT, MESSAGES):
        status = 200
        try:
            upstream.encode_request(request, "up", FACTS)
        except RequestError as error:
            status = error.status
        assert status in (200, 400)


_WORDS = st.sampled_from(["type", "properties", "required", "additionalProperties", "anyOf", "$defs", "items"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_WORDS, st.one_of(json_values, st.sampled_from([False, "object", {"a": {}}, ["a"]]))))
def test_nonsense_never_raises(schema: dict[str, Any]) -> None:
    assert is_strict(json.dumps(schema).encode()) in (True, False)
