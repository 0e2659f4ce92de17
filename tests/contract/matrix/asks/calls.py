"""Conversations in which tools were called."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.contract.matrix.asks.ask import A, Ask, C, G, R, Reported, content, text, towards, user
from tests.contract.matrix.asks.tools import with_tool

__all__ = ["CALLS"]

Json = dict[str, Any]

ARGUMENTS = ({"city": "Oslo"}, {"city": "Rome"})


def _history(
    *results: str, order: tuple[int, ...] = (0,), is_error: bool = False, arguments: tuple[Json, ...] = ARGUMENTS
) -> dict[str, list[Json]]:
    """A question, as many calls as there are results, and the results in an order of their own. Gemini's have no order
    but that of the calls."""
    count = range(len(results))
    ids, names = [f"call_{index}" for index in count], ["weather"] * len(results)
    texts = [json.dumps(arguments[index]) for index in count]
    failed = {"is_error": True} if is_error else {}
    return {
        C: [
            user("hi"),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": ids[n], "type": "function", "function": {"name": names[n], "arguments": texts[n]}}
                    for n in count
                ],
            },
            *({"role": "tool", "tool_call_id": ids[n], "content": results[n]} for n in order),
        ],
        R: [
            user("hi"),
            *({"type": "function_call", "call_id": ids[n], "name": names[n], "arguments": texts[n]} for n in count),
            *({"type": "function_call_output", "call_id": ids[n], "output": results[n]} for n in order),
        ],
        A: [
            user("hi"),
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": ids[n], "name": names[n], "input": arguments[n]} for n in count],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": ids[n], "content": results[n], **failed} for n in order
                ],
            },
        ],
        G: [
            content("user", {"text": "hi"}),
            content(
                "model", *({"functionCall": {"id": ids[n], "name": names[n], "args": arguments[n]}} for n in count)
            ),
            content(
                "user",
                *(
                    {
                        "functionResponse": {
                            "id": ids[n],
                            "name": names[n],
                            "response": {"error" if is_error else "output": results[n]},
                        }
                    }
                    for n in count
                ),
            ),
        ],
    }


_FIELDS = {C: "messages", R: "input", A: "messages", G: "contents"}


def _said(history: dict[str, list[Json]], *clients: str) -> dict[str, Json]:
    bodies = with_tool(fields={client: {} for client in clients or history})
    return {client: {**body, _FIELDS[client]: history[client]} for client, body in bodies.items()}


def _same_json(wanted: Json) -> Any:
    return lambda value: isinstance(value, str) and json.loads(value) == wanted


def _wanted(
    *results: Any, arguments: tuple[Json, ...] = ARGUMENTS, failed: Json | None = None, key: str = "output"
) -> dict[str, Json]:
    count = range(len(results))
    return {
        C: {
            "messages": [
                {"role": "user"},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": f"call_{n}", "function": {"name": "weather", "arguments": _same_json(arguments[n])}}
                        for n in count
                    ],
                },
                *({"role": "tool", "tool_call_id": f"call_{n}", "content": text(results[n])} for n in count),
            ]
        },
        R: {
            "input": [
                {"role": "user"},
                *(
                    {
                        "type": "function_call",
                        "call_id": f"call_{n}",
                        "name": "weather",
                        "arguments": _same_json(arguments[n]),
                    }
                    for n in count
                ),
                *({"type": "function_call_output", "call_id": f"call_{n}", "output": text(results[n])} for n in count),
            ]
        },
        A: {
            "messages": [
                {"role": "user"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": f"call_{n}", "name": "weather", "input": arguments[n]} for n in count
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": f"call_{n}",
                            "content": text(results[n]),
                            **(failed or {}),
                        }
                        for n in count
                    ],
                },
            ]
        },
        G: {
            "contents": [
                {"role": "user"},
                content("model", *({"functionCall": {"name": "weather", "args": arguments[n]}} for n in count)),
                content(
                    "user", *({"functionResponse": {"name": "weather", "response": {key: results[n]}}} for n in count)
                ),
            ]
        },
    }


CALLS: Final = (
    Ask(name="a call and its result", said=_said(_history("sunny")), wanted=_wanted("sunny")),
    Ask(
        name="two calls at once, results out of order",
        said=_said(_history("sunny", "rainy", order=(1, 0)), C, R, A),
        wanted=_wanted("sunny", "rainy") | {upstream: {} for upstream in (C, R)},  # where an id is enough
    ),
    Ask(
        name="a call without arguments",
        said=_said(_history("noon", arguments=({},))),
        wanted=_wanted("noon", arguments=({},)),
    ),
    Ask(
        name="a result that is an error",
        said=_said(_history("no such city", is_error=True), A, G),
        wanted=_wanted("no such city", failed={"is_error": True}, key="error")
        | {upstream: _wanted("[tool error] no such city")[upstream] for upstream in (C, R)},
        fates=towards(C, Reported(("messages.2.content.0.is_error",)), A)
        | towards(R, Reported(("messages.2.content.0.is_error",)), A)
        | towards(C, Reported(("contents.2.parts.0.functionResponse.response",)), G)
        | towards(R, Reported(("contents.2.parts.0.functionResponse.response",)), G),
    ),
)
