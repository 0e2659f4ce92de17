"""What of an answer cannot be said in the client's dialect: the same for a whole answer as for its events."""

from __future__ import annotations

from collections.abc import Iterable

from torouter.canon.blocks import (
    Blob,
    Citation,
    OpaqueBlock,
    ReasoningBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
)
from torouter.canon.events import Finish
from torouter.canon.fold import Answer
from torouter.canon.losses import Loss, LossLog
from torouter.codecs.arguments import NotAnObject, object_in
from torouter.codecs.codec import AnswerOptions
from torouter.units import Dialect

__all__ = ["answer_losses", "report_blob", "report_citation", "report_cut_call", "report_finish", "report_vendors"]


def answer_losses(answer: Answer, client: Dialect, options: AnswerOptions) -> tuple[Loss, ...]:
    """Of a whole answer. `client` is the dialect that it is written in."""
    log = LossLog(client)
    for lost in answer.lost:
        log.report(lost.field, "dropped", lost.reason)
    for block in answer.blocks:
        match block:
            case TextBlock():
                has_slot = options.takes_state and not (client == "anthropic" and block.text)
                _report_blobs(block.blobs, client, log, has_slot=has_slot)
                _report_citations(block.citations, log)
            case ReasoningBlock():
                is_shown = options.show_reasoning and bool(block.text)
                _report_blobs(block.blobs, client, log, has_slot=is_shown or options.takes_state)
            case ToolCallBlock():
                # Chat has a form for Gemini's own signature on a call: Google's.
                beside = [blob for blob in block.blobs if client != "openai-chat" or blob.origin.dialect != "gemini"]
                _report_blobs(beside, client, log, has_slot=options.takes_state)
                if client in ("anthropic", "gemini") and _is_cut(block):
                    report_cut_call(block.name, log)
            case ServerToolBlock() | OpaqueBlock():
                report_vendors(block.kind, log)
            case _:  # said everywhere
                pass
    if answer.finish is not None:
        report_finish(answer.finish, log)
    return log.losses()


def report_vendors(kind: str, log: LossLog) -> None:
    log.report(kind, "dropped", "the block is known to its own vendor only")


def report_blob(blob: Blob, log: LossLog) -> None:
    field = "phase" if blob.kind == "phase" else "signature"
    log.report(field, "dropped", "the answer has no place for this state of the provider's")


def report_citation(log: LossLog) -> None:
    log.report("citations", "dropped", "citations without an address have no form there")


def report_cut_call(name: str, log: LossLog) -> None:
    log.report(name, "dropped", "the call was cut off by the limit")


def report_finish(finish: Finish, log: LossLog) -> None:
    if not finish.is_known:
        log.report("finish_reason", "approximated", f"the upstream's word for the end, `{finish.raw}`, is unknown")


def _report_blobs(blobs: Iterable[Blob], client: Dialect, log: LossLog, *, has_slot: bool) -> None:
    for blob in blobs:
        if not has_slot or not blob.token(client):
            report_blob(blob, log)


def _report_citations(citations: Iterable[Citation], log: LossLog) -> None:
    if any(citation.url is None for citation in citations):
        report_citation(log)


def _is_cut(call: ToolCallBlock) -> bool:
    try:
        return object_in(call.arguments) is None
    except NotAnObject:
        return True
