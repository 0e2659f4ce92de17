"""Foreign messages as input items, in exact order: here no turn has to be merged, and no result to be moved.

What the model said stands as text alone, without the ids that only answers of this upstream have: servers that imitate
the API take nothing else.
"""

from __future__ import annotations

from torouter.canon.blocks import (
    Block,
    MediaBlock,
    OpaqueBlock,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.losses import LossLog
from torouter.canon.names import wire_id
from torouter.canon.request import ChatRequest, Message
from torouter.codecs.foreign_request import answered_ids, instruction, own_state, settle_text
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_responses.encode_content import (
    input_text,
    media_parts,
    no_output,
    reasoning,
    tool_call,
    tool_output,
)

__all__ = ["encode_input"]


def encode_input(request: ChatRequest, log: LossLog) -> list[Json]:
    writer = _Writer(log, answered_ids(request))
    for message in request.messages:
        writer.add(message)
    return writer.finish()


class _Writer:
    """`_parts` are those of the user's message that is open, `_texts` those of the model's, and `_phase` what this API
    said they were to their turn."""

    def __init__(self, log: LossLog, answered: set[str]) -> None:
        self._log = log
        self._answered = answered
        self._items: list[Json] = []
        self._thoughts: list[tuple[Json, str]] = []
        self._parts: list[Json] = []
        self._texts: list[str] = []
        self._phase: str | None = None
        self._open: set[str] = set()
        self._last = ""
        self._has_asked = False
        self._is_said = False

    def add(self, message: Message) -> None:
        log = self._log
        log.settle(message.carried, message.path)
        if message.name is not None:
            log.report(f"{message.path}.name", "dropped", "messages have no name there")
        if message.role in ("system", "developer"):
            texts = [instruction(block, path, log) for block, path in message.placed()]
            self._items += [_message("developer", text) for text in texts if text]
            return
        self._last = message.path
        write = self._say if message.role == "assistant" else self._ask
        for block, path in message.placed():
            write(block, path)
        self._flush()

    def finish(self) -> list[Json]:
        if self._is_said:
            raise self._log.refusal(
                self._last,
                "a conversation cannot end with an assistant message that is to be continued",
                "end with a user message or with the results of the calls",
            )
        if not self._has_asked:
            raise self._log.refusal("messages", "a conversation needs a user message", "add one that is not empty")
        return self._items

    def _think(self) -> None:
        """Reasoning stands directly before what it led to: alone, the API refuses it."""
        self._items += [item for item, _ in self._thoughts]
        self._thoughts = []

    def _flush(self) -> None:
        if self._parts:
            self._items.append(_message("user", _content(self._parts)))
            self._has_asked, self._is_said = True, False
        if self._texts:
            self._think()
            said = _message("assistant", "".join(self._texts))
            self._items.append(said if self._phase is None else {**said, "phase": self._phase})
            self._is_said = True
        self._parts, self._texts, self._phase = [], [], None

    def _say(self, block: Block, path: str) -> None:
        log = self._log
        match block:
            case TextBlock():
                settle_text(block, path, log)
                self._say_text(block)
            case RefusalBlock():
                log.settle(block.carried, path)
                self._texts.append(block.text)
            case ToolCallBlock():
                self._flush()
                self._think()
                self._items.append(tool_call(block, path, log))
                self._open.add(wire_id(block.id, "openai-responses"))
                self._is_said = True
                if block.id not in self._answered:
                    log.report(path, "added", "the call has no result; an error was put in its place")
                    self._items.append(no_output(block))
            case ReasoningBlock():
                item = reasoning(block)
                if item is None:
                    log.report_once(path, "dropped", "reasoning goes back only to the provider that issued it")
                else:
                    self._flush()
                    self._thoughts.append((item, path))
            case ServerToolBlock():
                log.report(path, "dropped", f"`{block.kind}` was run by another provider")
            case MediaBlock() | OpaqueBlock() | ToolResultBlock():
                word = block.kind if isinstance(block, MediaBlock | OpaqueBlock) else "tool_result"
                raise log.refusal(path, f"assistant messages hold no `{word}`", "remove the block")

    def _say_text(self, block: TextBlock) -> None:
        """Texts of one phase are one message."""
        if not block.text:
            return
        own = own_state(block.blobs, "openai-responses")
        phase = None if own is None else own.data
        if phase != self._phase:
            self._flush()
        self._phase = phase
        self._texts.append(block.text)

    def _ask(self, block: Block, path: str) -> None:
        log = self._log
        for _, place in self._thoughts:
            log.report_once(place, "dropped", "reasoning without what it was about is not taken")
        self._thoughts = []
        match block:
            case TextBlock():
                settle_text(block, path, log)
                if block.text:
                    self._parts.append(input_text(block.text))
            case MediaBlock():
                self._parts += media_parts(block, path, log)
            case ToolResultBlock():
                self._answer(block, path)
            case ServerToolBlock():
                log.report(path, "dropped", f"`{block.kind}` was run by another provider")
            case OpaqueBlock():
                raise log.refusal(path, f"blocks of type `{block.kind}` are unknown there", "send text, images or PDF")
            case ReasoningBlock() | RefusalBlock() | ToolCallBlock():
                raise log.refusal(path, "only an assistant can have said this", "move it into an assistant message")

    def _answer(self, block: ToolResultBlock, path: str) -> None:
        call_id = wire_id(block.call_id, "openai-responses")
        if call_id not in self._open:
            raise self._log.refusal(
                path, f"no call `{block.call_id}` stands before it", "send one result behind each call"
            )
        self._open.discard(call_id)
        self._flush()
        self._items.append(tool_output(block, path, self._log))
        self._has_asked, self._is_said = True, False


def _message(role: str, content: str | list[Json]) -> Json:
    return {"type": "message", "role": role, "content": content}


def _content(parts: list[Json]) -> str | list[Json]:
    """A single text is a string, which is what every server knows."""
    text = parts[0].get("text") if len(parts) == 1 else None
    return text if isinstance(text, str) else parts
