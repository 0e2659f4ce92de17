"""A whole answer as a response object."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from torouter.canon.blocks import Blob, Block, ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.fold import Answer
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_logprobs import render_logprobs
from torouter.codecs.openai_responses.response_object import (
    CALL_PREFIXES,
    annotation_of,
    call_item,
    message_item,
    reasoning_item,
    response_object,
    status_fields,
)

__all__ = ["encode_answer"]


def encode_answer(answer: Answer, options: AnswerOptions) -> bytes:
    """Raises `UpstreamError` where the answer is an error, or has no end."""
    finish = answer.finish
    if finish is None:
        raise answer.failure()
    blocks = list(answer.blocks)
    has_refusal = any(isinstance(block, RefusalBlock) for block in blocks)
    if finish.explanation and not has_refusal:
        blocks.append(RefusalBlock(text=finish.explanation))
        has_refusal = True
    status = status_fields(finish, has_refusal=has_refusal)
    output = _output(blocks, options)
    return msgspec.json.encode(response_object(options, status, output, answer.usage))


def _output(blocks: list[Block], options: AnswerOptions) -> list[Json]:
    """Neighbouring texts are the contents of one message."""
    items: list[Json] = []
    contents: list[Json] | None = None
    for block in blocks:
        item_id = f"{options.seed}_{len(items)}"
        if isinstance(block, TextBlock) and not block.text:
            contents = None if _states(items, block.blobs, options) else contents
            continue
        if isinstance(block, TextBlock | RefusalBlock):
            if contents is None:
                contents = []
                items.append(message_item(f"msg_{item_id}", contents))
            contents.append(_content(block, options))
            if isinstance(block, TextBlock) and _states(items, block.blobs, options):
                contents = None
            continue
        if isinstance(block, ToolCallBlock) and _states(items, block.blobs, options):
            item_id = f"{options.seed}_{len(items)}"
        item = _item(block, item_id, options)
        if item is not None:
            items.append(item)
            contents = None
    return items


def _states(items: list[Json], blobs: Iterable[Blob], options: AnswerOptions) -> bool:
    """State that is not of reasoning, as items without words: in front of a call, behind a text."""
    tokens = [token for blob in blobs if (token := blob.token("openai-responses"))]
    for token in tokens:
        items.append(reasoning_item(f"rs_{options.seed}_{len(items)}", "", token))
    return bool(tokens)


def _content(block: TextBlock | RefusalBlock, options: AnswerOptions) -> Json:
    if isinstance(block, RefusalBlock):
        return {"type": "refusal", "refusal": block.text}
    found = (annotation_of(citation, len(block.text)) for citation in block.citations)
    annotations = [each for each in found if each is not None]
    logprobs = render_logprobs(block.logprobs) if options.shows_logprobs else []
    return {"type": "output_text", "text": block.text, "annotations": annotations, "logprobs": logprobs}


def _item(block: Block, item_id: str, options: AnswerOptions) -> Json | None:
    """`None` for what is hidden, or known to its own vendor only."""
    if isinstance(block, ReasoningBlock):
        text = block.text if options.show_reasoning else ""
        token = next(filter(None, (blob.token("openai-responses") for blob in block.blobs)), "")
        return reasoning_item(f"rs_{item_id}", text, token) if text or token else None
    if not isinstance(block, ToolCallBlock):
        return None
    return call_item(
        f"{CALL_PREFIXES[block.kind]}_{item_id}",
        call_id=block.id,
        name=block.name,
        namespace=block.namespace,
        text=block.arguments if block.kind == "custom" else block.arguments or "{}",
        kind=block.kind,
    )
