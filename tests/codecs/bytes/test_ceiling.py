"""How much a request lets its answer write: of what is doubtful the largest, and never an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.codecs import CODECS, Ceiling
from torouter.units import DIALECTS, OPERATIONS, Dialect, Operation

CASES: list[tuple[Dialect, str, int | None, int]] = [
    ("openai-chat", "{}", None, 1),
    ("openai-chat", '{"max_tokens":5}', 5, 1),
    ("openai-chat", '{"max_completion_tokens":7,"n":3}', 7, 3),
    ("openai-chat", '{"max_tokens":5,"max_completion_tokens":70}', 70, 1),
    ("openai-chat", '{"max_tokens":5,"messages":[{"max_tokens":9}],"max_tokens":6}', 6, 1),
    ("openai-chat", '{"max_tokens":900,"max_tokens":6}', 900, 1),
    ("openai-chat", '{"max\\u005ftokens":5,"MAX_TOKENS":8}', 8, 1),
    ("openai-chat", '{"max_tokens":null,"n":null}', None, 1),
    ("openai-chat", '{"max_tokens":-1}', None, 1),
    ("openai-chat", '{"max_tokens":0,"max_completion_tokens":9}', None, 1),
    ("openai-chat", '{"max_tokens":"64","n":2.0}', 64, 2),
    ("openai-chat", '{"max_tokens":{"a":1},"n":[]}', None, 1),
    ("openai-chat", '{"n":0}', None, 1),
    ("openai-responses", '{"max_output_tokens":11,"max_tokens":99,"n":4}', 11, 1),
    ("anthropic", '{"max_tokens":12}', 12, 1),
    ("gemini", '{"contents":[]}', None, 1),
    ("gemini", '{"generationConfig":{"maxOutputTokens":13,"candidateCount":2}}', 13, 2),
    ("gemini", '{"generation_config":{"max_output_tokens":14,"candidate_count":3}}', 14, 3),
    ("gemini", '{"generationConfig":{"maxOutputTokens":13,"max_output_tokens":15}}', 15, 1),
    ("gemini", '{"generationConfig":{"maxOutputTokens":13},"generation_config":{"candidateCount":5}}', 13, 5),
    ("gemini", '{"maxOutputTokens":13,"generationConfig":null}', None, 1),
]


@pytest.mark.parametrize(("dialect", "body", "tokens", "choices"), CASES)
def test_what_a_request_allows(dialect: Dialect, body: str, tokens: int | None, choices: int) -> None:
    assert CODECS[dialect].ceiling("chat", body.encode()) == Ceiling(output_tokens=tokens, choices=choices)


FORM = (
    b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\ngpt-image-1\r\n'
    b'--x\r\ncontent-disposition: form-data; name="n"\r\n\r\n4\r\n--x--\r\n'
)


def test_pictures_are_choices() -> None:
    ceiling = CODECS["openai-chat"].ceiling
    assert ceiling("images", b'{"prompt":"a cat","n":3}').choices == 3
    assert ceiling("image_edits", FORM).choices == 4
    assert ceiling("image_edits", b'{"n":2}').choices == 2
    assert ceiling("image_edits", FORM[:-10]) == Ceiling()


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    operation=st.sampled_from(OPERATIONS),
    body=st.binary()
    | st.dictionaries(
        st.sampled_from(["max_tokens", "n", "generationConfig", "max_output_tokens", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dictionaries(st.text(), st.integers()),
    ).map(lambda told: json.dumps(told).encode()),
)
def test_nothing_makes_it_raise(dialect: Dialect, operation: Operation, body: bytes) -> None:
    found = CODECS[dialect].ceiling(operation, body)
    assert found.choices >= 1
    assert found.output_tokens is None or found.output_tokens > 0
