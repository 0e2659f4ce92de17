"""Blocks: what messages are made of, in requests and in answers. Order is meaning.

Whatever no typed field stands for is kept raw with its origin (`Carried`, `OpaqueBlock`, `Blob`) and goes back to that
origin only. A codec gives each carried field its fate towards everybody else, because its own dialect knows best what
the field means.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from torouter.canon.logprobs import TokenLogprob
from torouter.units import Dialect

__all__ = [
    "Blob",
    "BlobKind",
    "Block",
    "CacheHint",
    "CallKind",
    "Carried",
    "Citation",
    "Fate",
    "InlineMedia",
    "LinkedMedia",
    "MediaBlock",
    "MediaKind",
    "MediaSource",
    "OpaqueBlock",
    "Origin",
    "PlainText",
    "ReasoningBlock",
    "RefusalBlock",
    "ServerToolBlock",
    "StoredMedia",
    "TextBlock",
    "ToolCallBlock",
    "ToolResultBlock",
]

Fate = Literal["typed", "hint", "report", "refuse"]
"""What becomes of a carried field towards a foreign upstream. `typed`: a typed field beside it says the same (the raw
one is for home). `hint`: dropped without a record, since it changes at most a price."""

BlobKind = Literal["signature", "redacted", "encrypted", "thought_signature", "details", "phase", "mark"]
"""`details` is a list of objects, JSON; `phase` a word for what a text is to its turn, which its issuer wants back.
`mark` is no state at all: it says that the reasoning beside it passed here."""
MediaKind = Literal["image", "document", "audio", "video"]
CallKind = Literal["function", "custom", "search"]
"""`custom` calls take free text where functions take JSON. A `search` is a function that finds more tools."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who issued something opaque. `scope` is the platform and account within the dialect's family, "" if unknown."""

    dialect: Dialect
    scope: str = ""
    model: str = ""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A field kept verbatim: `value` is JSON. `within` is the path of the object that it stood in, where that is not
    the one that carries it. `why` is the reason that a report or a refusal gives."""

    name: str
    value: bytes
    origin: Dialect
    fate: Fate = "report"
    why: str = ""
    within: str = ""


class CacheHint(msgspec.Struct, frozen=True, kw_only=True):
    """ "The prompt up to here is worth caching." `raw` is the vendor's object, JSON."""

    origin: Dialect
    raw: bytes
    ttl_s: int | None = None


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """Opaque state of a provider (a signature, encrypted reasoning), attached to the block that it came on. `sealed` is
    the capsule in which it may travel through a client of another dialect."""

    kind: BlobKind
    data: str
    origin: Origin
    sealed: str = ""

    def token(self, dialect: Dialect) -> str:
        """What a client of this dialect is given of it; empty where there is nothing that it may be given."""
        return self.sealed or (self.data if self.origin.dialect == dialect else "")


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A source of a text block. `start`/`end` count `unit` within that block; without them the block itself is cited.
    `raw` is the vendor's object, JSON; a citation without a URL is one of a document that the caller sent."""

    origin: Dialect
    raw: bytes
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    unit: Literal["chars", "bytes"] = "chars"


class TextBlock(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """`logprobs` are of an answer's text only."""

    text: str
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    blobs: tuple[Blob, ...] = ()
    cache: CacheHint | None = None
    carried: tuple[Carried, ...] = ()


class InlineMedia(msgspec.Struct, frozen=True, kw_only=True, tag="inline"):
    """`data` is base64 as it came; `media_type` in lower case without parameters, "" if it was not said."""

    media_type: str
    data: str


class LinkedMedia(msgspec.Struct, frozen=True, kw_only=True, tag="linked"):
    url: str
    media_type: str = ""


class StoredMedia(msgspec.Struct, frozen=True, kw_only=True, tag="stored"):
    """A file that lies at the origin's account."""

    file_id: str
    origin: Origin


class PlainText(msgspec.Struct, frozen=True, kw_only=True, tag="plain"):
    """A document that is text already."""

    text: str


MediaSource = InlineMedia | LinkedMedia | StoredMedia | PlainText


class MediaBlock(msgspec.Struct, frozen=True, kw_only=True, tag="media"):
    """`detail` is OpenAI's word for the resolution; `is_cited` asks for citations of a document; `raw` is the vendor's
    block, JSON, for home. `place` is where in it the medium stands; `detail_place`, `name_place` where those do."""

    kind: MediaKind
    source: MediaSource
    detail: str | None = None
    filename: str | None = None
    title: str | None = None
    context: str | None = None
    is_cited: bool = False
    raw: bytes = b""
    place: str = "source"
    detail_place: str = "detail"
    name_place: str = "title"
    blobs: tuple[Blob, ...] = ()
    cache: CacheHint | None = None
    carried: tuple[Carried, ...] = ()


class ReasoningBlock(msgspec.Struct, frozen=True, kw_only=True, tag="reasoning"):
    """Visible reasoning (`text`), its summary in segments, the opaque state beside them: each may be empty."""

    text: str = ""
    summary: tuple[str, ...] = ()
    blobs: tuple[Blob, ...] = ()
    id: str | None = None
    carried: tuple[Carried, ...] = ()


class ToolCallBlock(msgspec.Struct, frozen=True, kw_only=True, tag="tool_call"):
    """`arguments` is JSON text as it came, or free text for a custom tool; it may be empty or cut short by a limit."""

    id: str
    name: str
    arguments: str
    kind: CallKind = "function"
    namespace: str | None = None
    is_id_synthesised: bool = False
    blobs: tuple[Blob, ...] = ()
    cache: CacheHint | None = None
    carried: tuple[Carried, ...] = ()


class OpaqueBlock(msgspec.Struct, frozen=True, kw_only=True, tag="opaque"):
    """A block of a kind that only its origin knows. `raw` is JSON."""

    origin: Origin
    kind: str
    raw: bytes
    fate: Fate = "refuse"


class ToolResultBlock(msgspec.Struct, frozen=True, kw_only=True, tag="tool_result"):
    """`name` is the tool's, where the dialect repeats it. `is_error` is `None` where the caller did not say. `places`
    is where each part of the content stood below the block, `error_place` where the flag did."""

    call_id: str
    content: tuple[TextBlock | MediaBlock | OpaqueBlock, ...] = ()
    is_error: bool | None = None
    name: str | None = None
    kind: CallKind = "function"
    places: tuple[str, ...] = ()
    error_place: str = "is_error"
    cache: CacheHint | None = None
    carried: tuple[Carried, ...] = ()

    def place(self, index: int) -> str:
        return self.places[index] if index < len(self.places) else f"content.{index}"


class ServerToolBlock(msgspec.Struct, frozen=True, kw_only=True, tag="server_tool"):
    """A call that the provider itself ran, or the result of one. `raw` is the vendor's block, JSON."""

    stage: Literal["call", "result"]
    origin: Origin
    kind: str
    raw: bytes
    call_id: str = ""
    name: str = ""


class RefusalBlock(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """What the model said in place of an answer."""

    text: str
    carried: tuple[Carried, ...] = ()


Block = (
    TextBlock
    | MediaBlock
    | ReasoningBlock
    | ToolCallBlock
    | ToolResultBlock
    | ServerToolBlock
    | RefusalBlock
    | OpaqueBlock
)
