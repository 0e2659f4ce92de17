"""Images and documents behind links that an upstream would not follow: fetched, looked at, put in the links' place."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from torouter.canon.blocks import (
    Block,
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    OpaqueBlock,
    PlainText,
    TextBlock,
    ToolResultBlock,
)
from torouter.canon.request import ChatRequest, Message
from torouter.codecs.data_urls import sniff
from torouter.errors import RequestError
from torouter.wire.fetch import Fetched, Fetcher, FetchError

__all__ = ["with_data"]

_MAX_LINKS: Final = 32
_SCHEMES: Final = ("https://", "http://")
_TEXT_TYPES: Final = frozenset({"text/plain", "text/markdown", "text/csv", "text/html", "application/json"})

_Media = Mapping[str, InlineMedia | PlainText]
"""By link."""


async def with_data(
    chat: ChatRequest, needs_data: Callable[[MediaBlock], bool], fetcher: Fetcher, account_id: int
) -> ChatRequest:
    """The request with data in the place of the links that `needs_data` names; itself if there are none. Each link is
    fetched once. Raises `RequestError` with the path of the link at fault."""
    paths: dict[str, str] = {}
    for block, path in _media_of(chat):
        url = _link_of(block, needs_data)
        if url is not None:
            paths.setdefault(url, f"{path}.{block.place}")
    if not paths:
        return chat
    if len(paths) > _MAX_LINKS:
        last = list(paths.values())[_MAX_LINKS]
        raise _refusal(last, f"at most {_MAX_LINKS} links of a request are followed")
    try:
        found = await fetcher.fetch(tuple(paths), account_id)
    except FetchError as error:
        raise _refusal(paths[error.url], error.why) from error
    media = {url: _understood(each, path) for (url, path), each in zip(paths.items(), found, strict=True)}

    def put(block: MediaBlock) -> MediaBlock:
        url = _link_of(block, needs_data)
        return block if url is None else _replaced(block, media[url], paths[url])

    return replace(chat, messages=tuple(_message(message, put) for message in chat.messages))


def _media_of(chat: ChatRequest) -> Iterator[tuple[MediaBlock, str]]:
    """With their paths; those in results of tools too."""
    for message in chat.messages:
        for block, path in message.placed():
            if isinstance(block, MediaBlock):
                yield block, path
            elif isinstance(block, ToolResultBlock):
                for index, part in enumerate(block.content):
                    if isinstance(part, MediaBlock):
                        yield part, f"{path}.content.{index}"


def _link_of(block: MediaBlock, needs_data: Callable[[MediaBlock], bool]) -> str | None:
    """The link that is ours to follow. Of audio and video, and of other schemes, the encoders know what to say."""
    source = block.source
    if not isinstance(source, LinkedMedia) or block.kind not in ("image", "document"):
        return None
    return source.url if source.url.lower().startswith(_SCHEMES) and needs_data(block) else None


def _understood(fetched: Fetched, path: str) -> InlineMedia | PlainText:
    """What it is shows in its first bytes. Only text shows nothing there: that is believed to be what it was said to
    be, if it can be read."""
    data = base64.b64encode(fetched.data).decode("ascii")
    media_type = sniff(data)
    if media_type:
        return InlineMedia(media_type=media_type, data=data)
    if fetched.media_type in _TEXT_TYPES and b"\0" not in fetched.data:
        try:
            return PlainText(text=fetched.data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            pass
    raise _refusal(path, "it leads to no image, PDF document or text that is known")


def _replaced(block: MediaBlock, source: InlineMedia | PlainText, path: str) -> MediaBlock:
    """Gemini's clients need not say what a link leads to: an image may have been taken for a document."""
    is_image = isinstance(source, InlineMedia) and source.media_type.startswith("image/")
    if block.kind == "image" and not is_image:
        raise _refusal(path, "it leads to no image")
    return replace(block, source=source, kind="image" if is_image else "document")


def _message(message: Message, put: Callable[[MediaBlock], MediaBlock]) -> Message:
    return replace(message, blocks=tuple(_block(block, put) for block in message.blocks))


def _block(block: Block, put: Callable[[MediaBlock], MediaBlock]) -> Block:
    if isinstance(block, MediaBlock):
        return put(block)
    if isinstance(block, ToolResultBlock):
        return replace(block, content=tuple(_part(part, put) for part in block.content))
    return block


def _part(
    part: TextBlock | MediaBlock | OpaqueBlock, put: Callable[[MediaBlock], MediaBlock]
) -> TextBlock | MediaBlock | OpaqueBlock:
    return put(part) if isinstance(part, MediaBlock) else part


def _refusal(path: str, why: str) -> RequestError:
    return RequestError(
        f"The link in `{path}` could not be followed, and this model's upstream does not follow it either: {why}. "
        "What to do: send the data itself, in base64.",
        code="invalid_value",
        param=path,
    )
