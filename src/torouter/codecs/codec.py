"""What a codec is: one record of functions per dialect. All pure: no sockets, no clock, no randomness.

The verbs `peek ceiling amend tap render_error read_error` serve the byte path (client and upstream speak the same
dialect).
`translation` holds the verbs of the canon path; a dialect without it is served by channels of its own dialect only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from torouter.canon.blocks import MediaBlock
from torouter.canon.embeddings import Embeddings, EmbedRequest
from torouter.canon.events import Event
from torouter.canon.fold import Answer
from torouter.canon.losses import Loss
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.canon.request import ChatRequest
from torouter.canon.usage import Usage
from torouter.codecs.opening import Opens
from torouter.errors import ErrorKind, TorouterError
from torouter.units import Dialect, Operation

__all__ = [
    "Amended",
    "AnswerOptions",
    "BrokenStream",
    "ByteFilter",
    "Ceiling",
    "Codec",
    "Counting",
    "Decoder",
    "Edits",
    "Embedding",
    "Encoded",
    "Encoder",
    "Framing",
    "KeptForm",
    "Peek",
    "References",
    "Resolved",
    "Tap",
    "Translation",
    "UpstreamFault",
]

Framing = Literal["whole", "sse", "array"]
"""How an answer comes: one JSON body, server-sent events, or Gemini's JSON array that grows."""


class Peek(msgspec.Struct, frozen=True, kw_only=True):
    """All that routing needs of a body. `model` is `None` where the dialect has it in the path (Gemini)."""

    model: str | None = None
    stream: bool = False


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """How much an answer may write at most: tokens in each of so many choices. `None`: the request does not say."""

    output_tokens: int | None = None
    choices: int = 1


class Edits(msgspec.Struct, frozen=True, kw_only=True):
    """The closed list of amendments to a body that otherwise leaves as it came."""

    model: str | None = None
    """The upstream's name for the model; `None` leaves the body's own."""
    ask_usage: bool = False
    """Make a stream report its usage (`stream_options.include_usage` in openai-chat; elsewhere nothing to do)."""
    reasoning: Reasoning | None = None
    """From a `-thinking` name. A reasoning setting in the body wins, whatever it says."""
    facts: ModelFacts = ModelFacts()


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """`is_usage_ours`: the usage-only chunk was asked for by us, and is to be withheld from the client."""

    body: bytes
    is_usage_ours: bool = False
    losses: tuple[Loss, ...] = ()


class BrokenStream(Exception):
    """A stream that is none from here on. `good` are those of the bytes just fed that stand in front of that."""

    def __init__(self, code: Literal["upstream_malformed", "upstream_truncated"], good: bytes = b"") -> None:
        super().__init__(code)
        self.code: Literal["upstream_malformed", "upstream_truncated"] = code
        self.good = good


class Tap(Protocol):
    """Watches an answer's bytes and never touches them."""

    def feed(self, data: bytes, /) -> bool:
        """Is the dialect's last event among these bytes? No figures come after it. Never so where only the end of the
        bytes ends an answer. Takes bytes cut anywhere. Raises `BrokenStream`, of event streams only, for an event that
        is no JSON, and for a terminator in the middle of an answer."""
        ...

    def usage(self) -> Usage:
        """What is known so far: `reported` after a normal end, `partial` before it, `none` if nothing was seen."""
        ...

    @property
    def is_finished(self) -> bool:
        """Has the stream's terminal marker been seen? Of a whole body: was it complete JSON?"""
        ...

    @property
    def fault(self) -> bytes:
        """The upstream's own error in the stream, as `read_error` reads it; empty where the stream has ended well."""
        ...


class ByteFilter(Protocol):
    """A transducer from bytes to bytes that takes chunks cut anywhere."""

    def feed(self, data: bytes, /) -> bytes: ...

    def close(self) -> bytes: ...


class UpstreamFault(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream's error body, read: our kind, and the upstream's own words."""

    kind: ErrorKind
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """`stops` are stop sequences that could not be written: the answer is to be searched for them."""

    body: bytes
    losses: tuple[Loss, ...] = ()
    stops: tuple[str, ...] = ()


class AnswerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an encoder of answers takes from the request. `seed` makes ids (`chatcmpl-<seed>`); `created_s` is epoch
    seconds; `model` is the name that the client sent; `request` the request itself, for dialects that echo it.

    `takes_state`: blocks of nothing but state may be added. `mark` stands where a signature has to stand and the
    upstream gave none; empty where there is no such word."""

    framing: Framing
    model: str
    seed: str
    created_s: int
    ask_usage: bool = False
    show_reasoning: bool = True
    takes_state: bool = True
    mark: str = ""
    prompt_tokens: int = 0
    """An estimate, for dialects that tell what the prompt weighs before the upstream has (`begins_with_usage`)."""
    request: ChatRequest | None = None
    is_kept: bool = False
    """The answer is kept here, for requests that refer to it."""
    previous: str | None = None
    """The answer that the request went on from, by its id."""

    @property
    def shows_logprobs(self) -> bool:
        return self.request is not None and self.request.settings.wants_logprobs


class Decoder(Protocol):
    """Upstream bytes, cut anywhere, into events. `close` says that the upstream's bytes have ended: without the
    dialect's terminal marker that yields an error event, never a finish."""

    def feed(self, data: bytes, /) -> Iterable[Event]: ...

    def close(self) -> Iterable[Event]: ...


class Encoder(Protocol):
    """Events into the client's bytes. After a `finish` or an `error` event it has written its last."""

    def feed(self, event: Event, /) -> bytes: ...

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What of the answer so far could not be said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    decode_request: Callable[[bytes], ChatRequest]
    """Raises `RequestError` with `param`, the path of the field at fault."""
    encode_request: Callable[[ChatRequest, str, ModelFacts], Encoded]
    """(request, upstream's model name, facts). Raises `RequestError` for what must not be dropped."""
    decoder: Callable[[Framing], Decoder]
    encoder: Callable[[AnswerOptions], Encoder]
    needs_data: Callable[[MediaBlock], bool]
    """Of an image or a document behind a link: would the upstream not follow it?"""
    encode_answer: Callable[[Answer, AnswerOptions], bytes]
    """A whole answer; raises `UpstreamError` where the folded answer is an error."""
    resume: Callable[[bytes, Answer], bytes | None] | None = None
    """(request, its answer, which ended in a pause) → the request that goes on from there; `None` where none can."""
    resumes_with_blocks: bool = False
    """Does that take all that the answer said?"""
    begins_with_usage: bool = False
    """Its streams tell what the prompt weighs in their first event."""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A request with all in place that it refers to and that was found. `previous` is the id that it went on from;
    `missing` the path of a reference that is still in it, to something that is not kept here."""

    body: bytes
    previous: str | None
    missing: str | None


class References(Protocol):
    """What a request refers to. Each id in `wanted` is looked up, and what is found told with `learn`."""

    wanted: tuple[str, ...]

    def learn(self, kept_id: str, document: bytes, /) -> None:
        """Raises `RequestError` where the request would become too large."""
        ...

    def resolved(self) -> Resolved:
        """Raises `RequestError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForm:
    """Of a dialect whose requests may refer to earlier answers by id: how turns are kept, each as one document."""

    references: Callable[[bytes, int], References | None]
    """Of a body, which with all that it refers to may have so many bytes; `None` where it refers to nothing. Raises
    `RequestError`."""
    document: Callable[[bytes, bytes], tuple[str, bytes] | None]
    """(body, last bytes of the translated answer) → id and document; `None` for what is not to be kept."""
    disclaim: Callable[[bytes], bytes]
    """The last bytes of an answer that could not be kept, which say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How the tokens of a prompt are asked for in a dialect that has a counter. A count's request is a chat's, but for
    what does not weigh anything (limits, sampling)."""

    decode_count: Callable[[bytes], ChatRequest]
    """Raises `RequestError` with `param`, the path of the field at fault."""
    encode_count: Callable[[ChatRequest, str, ModelFacts], Encoded]
    """(request, upstream's model name, facts). Raises `RequestError` for what this dialect has no words for."""
    read_count: Callable[[bytes], int | None]
    """The count of a counter's answer; `None` where there is none in it."""
    render_count: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """Of a dialect that has embeddings. `batch_limit`: how many texts one request may hold."""

    batch_limit: int

    decode_embed: Callable[[bytes, str], EmbedRequest]
    """(body, Gemini's verb). Raises `RequestError` with `param`, the path of the field at fault."""
    encode_embed: Callable[[EmbedRequest, str], Encoded]
    """(request, upstream's model name). Raises `RequestError` for what must not be dropped."""
    read_embeddings: Callable[[bytes], Embeddings]
    """Raises `UpstreamError` for an answer that is none."""
    render_embeddings: Callable[[Embeddings, EmbedRequest, str], bytes]
    """(vectors, the client's request, the name of the model that it sent)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    dialect: Dialect
    peek: Callable[[Operation, bytes, bytes], Peek]
    """(operation, body, content type) → what routing needs. Raises `RequestError`."""
    ceiling: Callable[[Operation, bytes], Ceiling]
    """Of a body that was peeked at. Never raises. It walks the body's fields, and is for keys with limits."""
    amend: Callable[[Operation, bytes, bytes, Edits], Amended]
    """(operation, body, content type, edits). Bytes that no edit names are the client's own, to the byte."""
    tap: Callable[[Operation, Framing], Tap]
    opens: Opens
    """Of a chat stream."""
    render_error: Callable[[TorouterError, str], bytes]
    """(error, request id) → the JSON body of an error in this dialect."""
    render_stream_error: Callable[[TorouterError, str, Framing], bytes]
    """The same, framed as the last thing a stream says (protocols: no normal terminator follows)."""
    read_error: Callable[[int, bytes], UpstreamFault]
    """(status, body) of an upstream's error answer. Never raises, whatever the body is."""
    withhold_usage: Callable[[], ByteFilter] | None = None
    translation: Translation | None = None
    kept: KeptForm | None = None
    counting: Counting | None = None
    embedding: Embedding | None = None
