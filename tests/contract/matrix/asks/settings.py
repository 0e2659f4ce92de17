"""Limits, sampling, form of the answer, depth of thought."""

from __future__ import annotations

from typing import Any, Final

from tests.contract.matrix.asks.ask import (
    A,
    Ask,
    C,
    G,
    R,
    Refused,
    Reported,
    chat,
    gemini,
    messages,
    responses,
    towards,
)
from tests.contract.matrix.asks.tools import SCHEMA
from tests.contract.matrix.matching import ABSENT

__all__ = ["SETTINGS"]

Json = dict[str, Any]


def _asked(
    c: Json | None = None, r: Json | None = None, a: Json | None = None, g: Json | None = None
) -> dict[str, Json]:
    """Each client's fields on a plain question; Gemini's are of its `generationConfig`."""
    asked: dict[str, Json] = {}
    if c is not None:
        asked[C] = chat("hi", **c)
    if r is not None:
        asked[R] = responses("hi", **r)
    if a is not None:
        asked[A] = messages("hi", **a)
    if g is not None:
        asked[G] = gemini("hi", generationConfig=g)
    return asked


JSON_SCHEMA = {"name": "place", "schema": SCHEMA, "strict": True}
WORDS = {"type": "string", "enum": ["yes", "no"]}
ONE_WORD = {"type": "object", "properties": {"value": WORDS}, "required": ["value"], "additionalProperties": False}
"""Elsewhere answers are objects."""

SETTINGS: Final = (
    Ask(
        name="a limit of tokens",
        said=_asked(
            {"max_completion_tokens": 99}, {"max_output_tokens": 99}, {"max_tokens": 99}, {"maxOutputTokens": 99}
        ),
        wanted={
            C: {"max_completion_tokens": 99},
            R: {"max_output_tokens": 99},
            A: {"max_tokens": 99},
            G: {"generationConfig": {"maxOutputTokens": 99}},
        },
    ),
    Ask(
        name="a temperature",
        said=_asked({"temperature": 0.5}, {"temperature": 0.5}, {"temperature": 0.5}, {"temperature": 0.5}),
        wanted={
            C: {"temperature": ABSENT},  # gpt-5 takes none
            R: {"temperature": ABSENT},
            A: {"temperature": 0.5},
            G: {"generationConfig": {"temperature": 0.5}},
        },
        fates=towards(C, Reported(("temperature",)), R, A)
        | towards(R, Reported(("temperature",)), C, A)
        | towards(C, Reported(("generationConfig.temperature",)), G)
        | towards(R, Reported(("generationConfig.temperature",)), G),
    ),
    Ask(
        name="a stop sequence",
        said=_asked({"stop": "END"}, None, {"stop_sequences": ["END"]}, {"stopSequences": ["END"]}),
        wanted={
            C: {"stop": ["END"]},
            R: {"stop": ABSENT},  # the gateway finds it itself
            A: {"stop_sequences": ["END"]},
            G: {"generationConfig": {"stopSequences": ["END"]}},
        },
        fates=towards(R, Reported(("stop",)), C)
        | towards(R, Reported(("stop_sequences",)), A)
        | towards(R, Reported(("generationConfig.stopSequences",)), G),
    ),
    Ask(
        name="a seed",
        said=_asked({"seed": 7}, None, None, {"seed": 7}),
        wanted={C: {"seed": 7}, R: {"seed": ABSENT}, A: {"seed": ABSENT}, G: {"generationConfig": {"seed": 7}}},
        fates=towards(A, Reported(("seed",)), C)
        | towards(R, Reported(("seed",)), C)
        | towards(A, Reported(("generationConfig.seed",)), G)
        | towards(R, Reported(("generationConfig.seed",)), G),
    ),
    Ask(
        name="log probabilities",
        said=_asked(
            {"logprobs": True, "top_logprobs": 2},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
            None,
            {"responseLogprobs": True, "logprobs": 2},
        ),
        wanted={
            C: {"logprobs": True, "top_logprobs": 2},
            R: {"include": ["reasoning.encrypted_content", "message.output_text.logprobs"], "top_logprobs": 2},
            G: {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
        },
        fates=towards(G, Reported(("logprobs",)), C)
        | towards(G, Reported(("include",)), R)
        | {(G, upstream): Reported(("generationConfig.responseLogprobs",)) for upstream in (C, R)}
        | towards(A, Refused("logprobs"), C)
        | towards(A, Refused("include"), R)
        | towards(A, Refused("generationConfig.responseLogprobs"), G),
    ),
    Ask(
        name="an answer in JSON of a schema",
        said=_asked(
            {"response_format": {"type": "json_schema", "json_schema": JSON_SCHEMA}},
            {"text": {"format": {"type": "json_schema", **JSON_SCHEMA}}},
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
        wanted={
            C: {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA, "strict": True}}},
            R: {"text": {"format": {"type": "json_schema", "schema": SCHEMA, "strict": True}}},
            A: {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            G: {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
        },
    ),
    Ask(
        name="one word of several",
        said=_asked(None, None, None, {"responseMimeType": "text/x.enum", "responseJsonSchema": WORDS}),
        wanted={
            C: {"response_format": {"type": "json_schema", "json_schema": {"schema": ONE_WORD, "strict": True}}},
            R: {"text": {"format": {"type": "json_schema", "schema": ONE_WORD, "strict": True}}},
            A: {"output_config": {"format": {"type": "json_schema", "schema": ONE_WORD}}},
        },
    ),
    Ask(
        name="an answer in any JSON",
        said=_asked(
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
            None,
            {"responseMimeType": "application/json"},
        ),
        wanted={
            C: {"response_format": {"type": "json_object"}},
            R: {"text": {"format": {"type": "json_object"}}},
            A: {"output_config": ABSENT},
            G: {"generationConfig": {"responseMimeType": "application/json"}},
        },
        fates=towards(A, Reported(("response_format",)), C)
        | towards(A, Reported(("text.format",)), R)
        | towards(A, Reported(("generationConfig.responseMimeType",)), G),
    ),
    Ask(
        name="much thought",
        said=_asked(
            {"reasoning_effort": "high"},
            {"reasoning": {"effort": "high"}},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            {"thinkingConfig": {"thinkingLevel": "HIGH"}},
        ),
        wanted={
            C: {"reasoning_effort": "high"},
            R: {"reasoning": {"effort": "high"}},
            A: {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            G: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}},
        },
    ),
    Ask(
        name="several answers at once",
        said=_asked({"n": 2}, None, None, {"candidateCount": 2}),
        wanted={C: {"n": 2}, G: {"generationConfig": {"candidateCount": 2}}},
        fates=towards(A, Refused("n"), C)
        | towards(R, Refused("n"), C)
        | towards(G, Refused("n"), C)
        | {(G, upstream): Refused("generationConfig.candidateCount") for upstream in (C, R, A)},
    ),
)
