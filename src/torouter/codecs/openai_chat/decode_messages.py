"""The messages of a Chat Completions request into canon.

`tool` and legacy `function` messages become tool results in user messages. Parts of an unknown type stay raw, and are
refused by every foreign encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Raw

from torouter.canon.blocks import (
    Block,
    CacheHint,
    CallKind,
    Carried,
    Fate,
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    MediaSource,
    OpaqueBlock,
    Origin,
    ReasoningBlock,
    RefusalBlock,
    StoredMedia,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.request import Message, Role
from torouter.codecs.data_urls import parse_data_url, plain_base64
from torouter.codecs.fields import STR, Fields
from torouter.codecs.openai_chat.state import decode_beside_call, decode_details
from torouter.errors import RequestError

__all__ = ["decode_messages"]

_HOME: Final = Origin(dialect="openai-chat")
_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
    "function": "user",
}
_CALL_FATES: Final[Mapping[str, tuple[Fate, str]]] = {"index": ("hint", "the order says the same")}
_CACHE_HINT: Final[tuple[Fate, str]] = ("hint", "a cache hint changes the price only")
_PART_FATES: Final[Mapping[str, tuple[Fate, str]]] = {"cache_control": _CACHE_HINT}
"""Anthropic's cache hints in OpenAI's parts: OpenRouter takes them, so clients send them."""
_MESSAGE_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "cache_control": _CACHE_HINT,
    "audio": ("refuse", "it refers to audio that OpenAI keeps"),
    "annotations": ("report", "citations of earlier answers have no place in a request"),
}
_Placed = list[tuple[str, Block]]


def decode_messages(top: Fields) -> tuple[Message, ...]:
    calls = _Calls()
    return tuple(_message(said, calls) for said in top.need_objects("messages", "message"))


class _Calls:
    """What results do not say of the calls that they answer: which were of custom tools; and for legacy `function`
    messages, which have no ids, which call is meant: the last one."""

    def __init__(self) -> None:
        self._legacy_count = 0
        self.custom_ids: set[str] = set()

    def open_legacy(self) -> str:
        self._legacy_count += 1
        return f"call_legacy_{self._legacy_count}"

    def last_legacy(self, path: str) -> str:
        if not self._legacy_count:
            raise RequestError("a `function` message needs a `function_call` before it", param=path)
        return f"call_legacy_{self._legacy_count}"


def _message(said: Fields, calls: _Calls) -> Message:
    word, role = said.need_word("role", _ROLES)
    if word == "assistant":
        placed = _assistant(said, calls)
    elif word in ("tool", "function"):
        placed = [("", _result(said, word, calls))]
    else:
        placed = _content(said)
    name = said.get("name", STR)
    return Message(
        role=role,
        path=said.path,
        blocks=tuple(block for _, block in placed),
        places=tuple(place for place, _ in placed),
        name=None if word in ("tool", "function") else name,
        carried=(
            *_details(said),
            *said.rest("openai-chat", _MESSAGE_FATES),
        ),
    )


def _assistant(said: Fields, calls: _Calls) -> _Placed:
    """In the order in which such an answer is made: reasoning, text, refusal, calls."""
    states = decode_details(said)
    placed = _reasoning(said)
    placed += [("reasoning_details", block) for call_id, block in states if not call_id]
    placed += _content(said)
    refusal = said.get("refusal", STR)
    if refusal is not None:
        placed.append(("refusal", RefusalBlock(text=refusal)))
    for index, raw in enumerate(said.list("tool_calls")):
        call = _call(Fields(raw, said.at(f"tool_calls.{index}")), raw, calls)
        own = call.id if isinstance(call, ToolCallBlock) else ""
        placed += [("reasoning_details", block) for call_id, block in states if call_id and call_id == own]
        placed.append((f"tool_calls.{index}", call))
    called = said.object("function_call")
    if called is not None:
        placed.append(("function_call", _function_call(called, calls.open_legacy(), is_legacy=True)))
    return placed


def _details(said: Fields) -> tuple[Carried, ...]:
    """For home as they came. What of them is state goes on elsewhere; entries of anything else say nothing there."""
    is_typed = bool(decode_details(said)) or said.raw("reasoning_details") in (None, b"[]")
    why = "" if is_typed else "there is no state in it that could be given back"
    return said.carry("reasoning_details", "openai-chat", "typed" if is_typed else "report", why)


def _reasoning(said: Fields) -> _Placed:
    """Servers that write both names say the same thing twice."""
    found = {name: text for name in ("reasoning_content", "reasoning") if (text := said.get(name, STR))}
    if not found:
        return []
    carried = tuple(item for name in found for item in said.carry(name, "openai-chat", "typed"))
    name, text = next(iter(found.items()))
    return [(name, ReasoningBlock(text=text, carried=carried))]


def _call(said: Fields, raw: Raw, calls: _Calls) -> Block:
    word = said.get("type", STR) or "function"
    call_id = said.need("id", STR)
    function, custom = said.object("function"), said.object("custom")
    if word == "function" and function is not None:
        return _function_call(function, call_id, said)
    if word == "custom" and custom is not None:
        calls.custom_ids.add(call_id)
        return ToolCallBlock(
            id=call_id,
            name=custom.need("name", STR),
            arguments=custom.get("input", STR) or "",
            kind="custom",
            carried=(*custom.rest("openai-chat", within="custom"), *said.rest("openai-chat", _CALL_FATES)),
        )
    return OpaqueBlock(origin=_HOME, kind=word, raw=bytes(raw))


def _function_call(
    said: Fields, call_id: str, beside: Fields | None = None, *, is_legacy: bool = False
) -> ToolCallBlock:
    """Arguments are text; some clients send the object itself. `beside` is the object that holds the function's."""
    arguments = said.get("arguments", STR) if said.is_text("arguments") else (said.raw("arguments") or b"").decode()
    return ToolCallBlock(
        id=call_id,
        name=said.need("name", STR),
        arguments=arguments or "",
        is_id_synthesised=is_legacy,
        blobs=() if beside is None else decode_beside_call(beside),
        carried=(*_beside(beside), *said.rest("openai-chat", within="" if is_legacy else "function")),
    )


def _beside(said: Fields | None) -> tuple[Carried, ...]:
    if said is None:
        return ()
    return (*said.carry("extra_content", "openai-chat", "typed"), *said.rest("openai-chat", _CALL_FATES))


def _result(said: Fields, word: str, calls: _Calls) -> ToolResultBlock:
    name = said.get("name", STR)
    call_id = calls.last_legacy(said.path) if word == "function" else said.need("tool_call_id", STR)
    content = tuple(block for _, block in _content(said) if isinstance(block, TextBlock | MediaBlock | OpaqueBlock))
    kind: CallKind = "custom" if call_id in calls.custom_ids else "function"
    return ToolResultBlock(call_id=call_id, name=name, content=content, kind=kind)


def _content(said: Fields) -> _Placed:
    if said.is_text("content"):
        return [("content", TextBlock(text=said.need("content", STR)))]
    return [
        (f"content.{index}", _part(Fields(raw, said.at(f"content.{index}")), raw))
        for index, raw in enumerate(said.list("content"))
    ]


def _part(said: Fields, raw: Raw) -> Block:
    word = said.need("type", STR)
    read = _PARTS.get(word)
    return OpaqueBlock(origin=_HOME, kind=word, raw=bytes(raw)) if read is None else read(said, bytes(raw))


def _text(said: Fields, raw: bytes) -> Block:
    text = said.need("text", STR)
    return TextBlock(text=text, cache=_cache(said), carried=said.rest("openai-chat", _PART_FATES))


def _refusal(said: Fields, raw: bytes) -> Block:
    return RefusalBlock(text=said.need("refusal", STR), carried=said.rest("openai-chat", _PART_FATES))


def _image(said: Fields, raw: bytes) -> Block:
    """`image_url` is an object; older clients and servers also knew a bare string."""
    rest: tuple[Carried, ...] = ()
    if said.is_text("image_url"):
        url, detail = said.need("image_url", STR), None
    else:
        image = said.need_object("image_url")
        url, detail = image.need("url", STR), image.get("detail", STR)
        rest = image.rest("openai-chat", within="image_url")
    return MediaBlock(
        kind="image",
        source=parse_data_url(url) or LinkedMedia(url=url),
        detail=detail,
        raw=raw,
        place="image_url",
        detail_place="image_url.detail",
        cache=_cache(said),
        carried=(*rest, *said.rest("openai-chat", _PART_FATES)),
    )


def _audio(said: Fields, raw: bytes) -> Block:
    audio = said.need_object("input_audio")
    source = InlineMedia(media_type=f"audio/{audio.get('format', STR) or ''}", data=audio.need("data", STR))
    return MediaBlock(
        kind="audio",
        source=source,
        raw=raw,
        place="input_audio",
        cache=_cache(said),
        carried=(*audio.rest("openai-chat", within="input_audio"), *said.rest("openai-chat", _PART_FATES)),
    )


def _file(said: Fields, raw: bytes) -> Block:
    file = said.need_object("file")
    return MediaBlock(
        kind="document",
        source=_file_source(file),
        filename=file.get("filename", STR),
        raw=raw,
        place="file",
        name_place="file.filename",
        cache=_cache(said),
        carried=(*file.rest("openai-chat", within="file"), *said.rest("openai-chat", _PART_FATES)),
    )


def _file_source(file: Fields) -> MediaSource:
    """`file_data` is a data URL; some clients send bare base64, or (to OpenRouter) a link."""
    data, file_id = file.get("file_data", STR), file.get("file_id", STR)
    if data is not None:
        if data.startswith(("https://", "http://")):
            return LinkedMedia(url=data)
        return parse_data_url(data) or InlineMedia(media_type="", data=plain_base64(data))
    if file_id is not None:
        return StoredMedia(file_id=file_id, origin=_HOME)
    raise RequestError(f"`{file.path}` needs `file_data` or `file_id`", param=file.path)


def _cache(said: Fields) -> CacheHint | None:
    raw = said.raw("prompt_cache_breakpoint")
    return None if raw is None else CacheHint(origin="openai-chat", raw=raw)


_PARTS: Final[Mapping[str, Callable[[Fields, bytes], Block]]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}
