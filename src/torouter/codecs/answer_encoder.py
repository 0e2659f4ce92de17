"""What every encoder of answers does beside writing its dialect's own words: it gives each event its place, and keeps
what was asked for, what was used and what was lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torouter.canon.blocks import Blob, Citation
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Keepalive,
    Lost,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.losses import Loss, LossLog
from torouter.canon.usage import Usage
from torouter.codecs.answer_losses import report_blob, report_finish, report_vendors
from torouter.codecs.codec import AnswerOptions
from torouter.errors import UpstreamError
from torouter.units import Dialect

__all__ = ["AnswerEncoder"]


class AnswerEncoder(ABC):
    """A `codecs.codec.Encoder` but for its dialect, whose bytes each method gives: none where nothing is to be said."""

    keepalive: ClassVar[bytes] = b""

    def __init__(self, options: AnswerOptions, dialect: Dialect) -> None:
        self.options = options
        self.usage = Usage()
        self.log = LossLog(dialect)
        self.shows_logprobs = options.shows_logprobs

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self.log.losses()

    def feed(self, event: Event, /) -> bytes:
        match event:
            case PartDelta():
                return self.say(event.part, event.text, event.logprobs)
            case PartStart():
                return self.begin_part(event)
            case PartEnd():
                return self.end_part(event.part)
            case PartCited():
                return self.cite(event.part, event.citation)
            case PartBlob():
                return self.sign(event.part, event.blob)
            case Lost():
                self.log.report(event.field, "dropped", event.reason)
                return b""
            case UsageSeen():
                self.usage = event.usage
                return b""
            case Start():
                return self.begin()
            case Finish():
                report_finish(event, self.log)
                return self.finish(event)
            case Fault():
                return self.fail(event.error("stream"))
            case Keepalive():
                return self.keepalive

    @abstractmethod
    def begin(self) -> bytes: ...

    @abstractmethod
    def begin_part(self, head: PartStart) -> bytes: ...

    @abstractmethod
    def say(self, part: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        """More text of a part that has begun. `logprobs` are for clients that asked (`shows_logprobs`)."""

    @abstractmethod
    def cite(self, part: int, citation: Citation) -> bytes: ...

    @abstractmethod
    def sign(self, part: int, blob: Blob) -> bytes:
        """State of a part that has begun. What `blob.token` gives for this dialect goes into the dialect's slot."""

    @abstractmethod
    def end_part(self, part: int) -> bytes: ...

    @abstractmethod
    def finish(self, finish: Finish) -> bytes:
        """The last bytes of an answer that is whole. `usage` will not change any more."""

    @abstractmethod
    def fail(self, error: UpstreamError) -> bytes:
        """The last bytes of an answer that is not."""

    def drop_state(self, blob: Blob) -> None:
        report_blob(blob, self.log)

    def drop_part(self, head: PartStart) -> None:
        report_vendors(head.vendor_kind, self.log)
