"""The demo in Gemini: whole, SSE without names or end marker, or a JSON array that grows; embeddings; token counts.

Clients mix camelCase and snake_case, even in one body (google-genai does), so keys are brought to camelCase first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from torouter.channels.demo.conversation import ANY_JSON, Question, Said, Tool, fragments, say
from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import event, json_bytes, json_reply, stream_reply
from torouter.channels.demo.vectors import unit_vector
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["count_tokens", "embed", "generate"]

T = TypeVar("T")

_Object = dict[str, object]
_DIMENSIONS: Final = 3072
_OPAQUE: Final = frozenset(
    {"parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "args", "response"}
)
"""Fields whose inside is the client's own vocabulary."""


class _FunctionResponse(msgspec.Struct):
    name: str
    response: object = None


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    function_response: _FunctionResponse | None = None


class _Content(msgspec.Struct):
    role: Literal["user", "model", "function"] | None = None
    parts: list[_Part] = []


class _Function(msgspec.Struct, rename="camel"):
    name: str
    parameters: object = None
    parameters_json_schema: object = None


class _Tool(msgspec.Struct, rename="camel"):
    function_declarations: list[_Function] | None = None


class _Calling(msgspec.Struct, rename="camel"):
    mode: str = "AUTO"
    allowed_function_names: list[str] | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _Calling | None = None


class _Generation(msgspec.Struct, rename="camel"):
    candidate_count: Annotated[int, msgspec.Meta(ge=1, le=1)] | None = None
    response_mime_type: str | None = None
    response_schema: object = None
    response_json_schema: object = None


class _Generate(msgspec.Struct, rename="camel"):
    contents: Annotated[list[_Content], msgspec.Meta(min_length=1)]
    tools: list[_Tool] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _Generation | None = None


class _Counted(msgspec.Struct, rename="camel"):
    contents: list[_Content] | None = None
    generate_content_request: _Generate | None = None


class _Embed(msgspec.Struct, rename="camel"):
    content: _Content
    output_dimensionality: Annotated[int, msgspec.Meta(ge=1, le=_DIMENSIONS)] | None = None


class _EmbedBatch(msgspec.Struct):
    requests: Annotated[list[_Embed], msgspec.Meta(min_length=1)]


_ANY: Final[msgspec.json.Decoder[object]] = msgspec.json.Decoder(object)


def generate(incoming: Incoming) -> Reply:
    asked = _read(incoming.body, _Generate)
    answer = _Answer(incoming, say(_question(asked)))
    if incoming.verb == "generateContent":
        return json_reply(answer.chunk(answer.whole_parts(), True))
    if incoming.is_sse:
        return stream_reply([event(chunk) for chunk in answer.chunks()])
    return stream_reply(_array(answer.chunks()), b"application/json")


def count_tokens(incoming: Incoming) -> Reply:
    asked = _read(incoming.body, _Counted)
    if asked.contents is None and asked.generate_content_request is None:
        raise RequestError("contents is not specified", param="contents")
    total = tokens(len(incoming.body))
    return json_reply({"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]})


def embed(incoming: Incoming) -> Reply:
    if incoming.verb == "embedContent":
        return json_reply({"embedding": _embedding(_read(incoming.body, _Embed))})
    batch = _read(incoming.body, _EmbedBatch)
    return json_reply({"embeddings": [_embedding(request) for request in batch.requests]})


def _embedding(asked: _Embed) -> _Object:
    return {"values": unit_vector(_text(asked.content), asked.output_dimensionality or _DIMENSIONS)}


def _read(body: bytes, form: type[T]) -> T:
    try:
        return msgspec.convert(_camel(decode(_ANY, body)), form)
    except msgspec.ValidationError as err:
        raise RequestError(f"The demo cannot read this request: {err}") from None


def _camel(value: object) -> object:
    if isinstance(value, list):
        return [_camel(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    renamed = {_camel_name(name): entry for name, entry in value.items()}
    return {name: entry if name in _OPAQUE else _camel(entry) for name, entry in renamed.items()}


def _camel_name(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _question(asked: _Generate) -> Question:
    last = asked.contents[-1]
    results = [part.function_response for part in last.parts if part.function_response is not None]
    return Question(
        text=next((_text(turn) for turn in reversed(asked.contents) if turn.role != "model"), ""),
        tool_result=_result(results[-1].response) if results else None,
        tools=_tools(asked),
        schema=_schema(asked.generation_config),
    )


def _text(content: _Content) -> str:
    return " ".join(part.text for part in content.parts if part.text)


def _result(response: object) -> str:
    """The text of a function's response: what it wraps alone (`{"result": "…"}`), or its JSON."""
    if isinstance(response, dict) and len(response) == 1 and isinstance(only := next(iter(response.values())), str):
        return only
    return json_bytes(response).decode()


def _tools(asked: _Generate) -> tuple[Tool, ...]:
    declared = [
        Tool(function.name, function.parameters_json_schema or function.parameters)
        for tool in asked.tools or []
        for function in tool.function_declarations or []
    ]
    calling = (asked.tool_config and asked.tool_config.function_calling_config) or _Calling()
    if calling.mode.upper() == "NONE":
        return ()
    allowed = calling.allowed_function_names
    return tuple(tool for tool in declared if not allowed or tool.name in allowed)


def _schema(config: _Generation | None) -> object | None:
    if config is None or config.response_mime_type not in ("application/json", "text/x.enum"):
        return None
    return config.response_json_schema or config.response_schema or ANY_JSON


def _array(chunks: Iterator[_Object]) -> list[bytes]:
    """Google's own way: an element at a time, the comma before the next, the bracket at the end."""
    pieces = [b",\r\n" + json_bytes(chunk) for chunk in chunks]
    pieces[0] = b"[" + pieces[0].removeprefix(b",\r\n")
    pieces[-1] += b"]\n"
    return pieces


class _Answer:
    """One candidate, whole or as chunks whose parts are increments."""

    def __init__(self, incoming: Incoming, said: Said) -> None:
        self._said = said
        self._model = incoming.model
        self._seed = incoming.seed
        self._prompt_tokens = tokens(len(incoming.body))
        self._answer_tokens = tokens(said.size_bytes)

    def whole_parts(self) -> list[_Object]:
        if (call := self._said.call) is None:
            return [{"text": self._said.text}]
        return [{"functionCall": {"id": f"call_{self._seed}", "name": call.name, "args": call.arguments}}]

    def chunks(self) -> Iterator[_Object]:
        """A call comes whole in one part; a text in several, the last of which carries the end."""
        texts = fragments(self._said.text)
        parts: list[_Object] = [{"text": text} for text in texts] or self.whole_parts()
        for index, part in enumerate(parts):
            yield self.chunk([part], index == len(parts) - 1)

    def chunk(self, parts: list[_Object], is_last: bool) -> _Object:
        candidate: _Object = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if is_last:
            candidate["finishReason"] = "STOP"
        return {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": self._prompt_tokens,
                "candidatesTokenCount": self._answer_tokens,
                "totalTokenCount": self._prompt_tokens + self._answer_tokens,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self._prompt_tokens}],
            },
            "modelVersion": self._model,
            "responseId": self._seed,
        }
