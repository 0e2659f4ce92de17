"""What the demo says, whatever the dialect: the question it reads out of a request, and its answer to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torouter.channels.demo.outgoing import json_bytes
from torouter.channels.demo.synthesis import instance
from torouter.errors import RequestError

__all__ = ["ANY_JSON", "NOTICE", "Call", "Question", "Said", "Tool", "called", "fragments", "say"]

NOTICE: Final = "This is ToRouter's built-in demo: no provider was asked."
ANY_JSON: Final[dict[str, object]] = {
    "type": "object",
    "properties": {"demo": {"const": NOTICE}},
    "required": ["demo"],
}
"""What JSON without a schema looks like here."""

_SNIPPET_CHARS: Final = 80
_FRAGMENT_CHARS: Final = 16
_FRAGMENT_LIMIT: Final = 24


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    schema: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`text` is the user's last; `tool_result` is set where the last turn is one; `tools` are those that may be called
    now, the preferred first; `schema` is that of a structured output."""

    text: str
    tool_result: str | None
    tools: tuple[Tool, ...]
    schema: object | None


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: dict[str, object]

    @property
    def json(self) -> str:
        return json_bytes(self.arguments).decode()


@dataclass(frozen=True, slots=True)
class Said:
    """A text or a call, never both."""

    text: str
    call: Call | None = None

    @property
    def size_bytes(self) -> int:
        return len((self.call.json if self.call else self.text).encode())


def say(question: Question) -> Said:
    """Calls a tool if it may and none has just answered; else fills a schema if there is one; else talks."""
    if question.tools and question.tool_result is None:
        tool = question.tools[0]
        arguments = instance(tool.schema)
        return Said("", Call(tool.name, arguments if isinstance(arguments, dict) else {}))
    if question.schema is not None:
        return Said(json_bytes(instance(question.schema)).decode())
    if question.tool_result is not None:
        return Said(f"{NOTICE} The tool answered: “{_snippet(question.tool_result)}”")
    return Said(f"{NOTICE} You said: “{_snippet(question.text)}”" if question.text.strip() else NOTICE)


def called(tools: list[Tool], forced: str | None) -> tuple[Tool, ...]:
    """The tools with the forced one alone. Raises `RequestError` if that was not declared."""
    if forced is None:
        return tuple(tools)
    chosen = tuple(tool for tool in tools if tool.name == forced)
    if not chosen:
        raise RequestError(f"The tool {forced!r} is to be called but is not among the demo's callable tools")
    return chosen


def fragments(text: str) -> list[str]:
    """The text in pieces for a stream, short enough to be several and few enough to be soon done."""
    step = max(_FRAGMENT_CHARS, -(-len(text) // _FRAGMENT_LIMIT))
    return [text[start : start + step] for start in range(0, len(text), step)]


def _snippet(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SNIPPET_CHARS else words[: _SNIPPET_CHARS - 1] + "…"
