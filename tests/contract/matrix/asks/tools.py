"""Tools that callers declare, and which of them the model may or must call."""

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
from tests.contract.matrix.matching import ABSENT

__all__ = ["CHAT_TOOL", "GEMINI_TOOL", "MESSAGES_TOOL", "RESPONSES_TOOL", "SCHEMA", "TOOLS", "with_tool"]

Json = dict[str, Any]

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": SCHEMA}}
RESPONSES_TOOL = {
    "type": "function",
    "name": "weather",
    "description": "of a city",
    "parameters": SCHEMA,
    "strict": False,
}
MESSAGES_TOOL = {"name": "weather", "description": "of a city", "input_schema": SCHEMA}
GEMINI_TOOL = {
    "functionDeclarations": [{"name": "weather", "description": "of a city", "parametersJsonSchema": SCHEMA}]
}
DECLARED: dict[str, Json] = {
    C: {"tools": [CHAT_TOOL]},
    R: {"tools": [RESPONSES_TOOL]},
    A: {"tools": [MESSAGES_TOOL]},
    G: {"tools": [GEMINI_TOOL]},
}


def with_tool(*said: str, fields: dict[str, Json]) -> dict[str, Json]:
    """Each client declares the tool, and says what only it says."""
    ways = {C: chat, R: responses, A: messages, G: gemini}
    return {client: ways[client](*(said or ("hi",)), **DECLARED[client], **more) for client, more in fields.items()}


def mode(word: str, *names: str) -> Json:
    allowed = {"allowedFunctionNames": list(names)} if names else {}
    return {"toolConfig": {"functionCallingConfig": {"mode": word, **allowed}}}


def _choice(name: str, choices: dict[str, Json]) -> Ask:
    return Ask(name=name, said=with_tool(fields=choices), wanted=choices)


def _browsing() -> Ask:
    return Ask(
        name="the vendor's own web search",
        said={
            R: responses("hi", tools=[{"type": "web_search"}]),
            A: messages("hi", tools=[{"type": "web_search_20250305", "name": "web_search"}]),
            G: gemini("hi", tools=[{"googleSearch": {}}]),
        },
        wanted={upstream: {"tools": ABSENT} for upstream in (C, A, G)},
        # Codex declares it always; Claude Code and Gemini CLI only where it is wanted.
        fates={(R, upstream): Reported(("tools.0",)) for upstream in (C, A, G)}
        | {(A, upstream): Refused("tools.0") for upstream in (C, R, G)}
        | {(G, upstream): Refused("tools.0.googleSearch") for upstream in (C, R, A)},
    )


TOOLS: Final = (
    Ask(name="a tool", said=with_tool(fields={C: {}, R: {}, A: {}, G: {}}), wanted=DECLARED),
    Ask(
        name="a tool without parameters",
        said={
            C: chat("hi", tools=[{"type": "function", "function": {"name": "now"}}]),
            R: responses("hi", tools=[{"type": "function", "name": "now", "parameters": None, "strict": False}]),
            A: messages("hi", tools=[{"name": "now", "input_schema": {"type": "object", "properties": {}}}]),
            G: gemini("hi", tools=[{"functionDeclarations": [{"name": "now"}]}]),
        },
        wanted={
            C: {"tools": [{"type": "function", "function": {"name": "now"}}]},
            R: {"tools": [{"type": "function", "name": "now", "strict": False}]},
            A: {"tools": [{"name": "now", "input_schema": {"type": "object"}}]},
            G: {"tools": [{"functionDeclarations": [{"name": "now"}]}]},
        },
    ),
    _choice(
        "some tool must be called",
        {
            C: {"tool_choice": "required"},
            R: {"tool_choice": "required"},
            A: {"tool_choice": {"type": "any"}},
            G: mode("ANY"),
        },
    ),
    _choice(
        "this tool must be called",
        {
            C: {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            R: {"tool_choice": {"type": "function", "name": "weather"}},
            A: {"tool_choice": {"type": "tool", "name": "weather"}},
            G: mode("ANY", "weather"),
        },
    ),
    _choice(
        "no tool may be called",
        {C: {"tool_choice": "none"}, R: {"tool_choice": "none"}, A: {"tool_choice": {"type": "none"}}, G: mode("NONE")},
    ),
    Ask(
        name="one call at a time",
        said=with_tool(
            fields={
                C: {"parallel_tool_calls": False},
                R: {"parallel_tool_calls": False},
                A: {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            }
        ),
        wanted={
            C: {"parallel_tool_calls": False},
            R: {"parallel_tool_calls": False},
            A: {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            G: DECLARED[G],
        },
        fates=towards(G, Reported(("parallel_tool_calls",)), C, R)
        | towards(G, Reported(("tool_choice.disable_parallel_tool_use",)), A),
    ),
    _browsing(),
)
