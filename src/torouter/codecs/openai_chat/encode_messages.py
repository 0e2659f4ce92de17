"""Foreign messages as Chat Completions messages.

Results become `tool` messages directly behind the message that made the calls; what stood beside them follows. Tool
messages hold text only, so media in results are hoisted into the user message behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import Raw

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
from torouter.codecs.fields import RAWS
from torouter.codecs.foreign_request import NO_RESULT, answered_ids, instruction, own_state, settle_text
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_chat.encode_content import media_parts, text_part, tool_call

__all__ = ["encode_messages"]

_T = TypeVar("_T", "_Said", "_Asked")


@dataclass(slots=True)
class _Said:
    """An assistant's turn as it grows: here text and calls stand apart, whatever their order was."""

    path: str
    texts: list[str] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    missing: list[Json] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    details: list[Raw] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Asked:
    """A user's turn as it grows: results, what was hoisted out of them, and the parts of each message beside them."""

    tools: list[Json] = field(default_factory=list)
    hoisted: list[Json] = field(default_factory=list)
    others: list[list[Json]] = field(default_factory=list)

    def is_midway(self) -> bool:
        """Nothing but results so far: more of them may come."""
        return bool(self.tools) and not any(self.others)


def encode_messages(request: ChatRequest, log: LossLog, *, takes_reasoning: bool) -> list[Json]:
    """`takes_reasoning`: the upstream's vendor wants its visible reasoning back in the history (DeepSeek, Kimi, …)."""
    writer = _Writer(request, log, takes_reasoning)
    for message in request.messages:
        writer.add(message)
    return writer.finish()


class _Writer:
    def __init__(self, request: ChatRequest, log: LossLog, takes_reasoning: bool) -> None:
        self._log = log
        self._path = request.path_of("messages")
        self._answered = answered_ids(request)
        self._takes_reasoning = takes_reasoning
        self._messages: list[Json] = []
        self._turn: _Said | _Asked | None = None
        self._call_ids: set[object] = set()
        self._held: list[Json] = []

    def add(self, message: Message) -> None:
        self._log.settle(message.carried, message.path)
        if message.role == "assistant":
            said = self._turn if isinstance(self._turn, _Said) else self._begin(_Said(message.path))
            for block, path in message.placed():
                self._say(said, block, path)
        elif message.role == "user":
            asked = self._turn if isinstance(self._turn, _Asked) else self._begin(_Asked())
            asked.others.append([])
            for block, path in message.placed():
                self._ask(asked, block, path)
        else:
            self._instruct(message)

    def finish(self) -> list[Json]:
        if isinstance(self._turn, _Said):
            raise self._log.refusal(
                self._turn.path,
                "a conversation cannot end with an assistant message that is to be continued",
                "end with a user message or with the results of the calls",
            )
        self._flush()
        if not any(message["role"] != "system" for message in self._messages):
            raise self._log.refusal(self._path, "a conversation needs a user message", "add one that is not empty")
        return self._messages

    def _begin(self, turn: _T) -> _T:
        self._flush()
        self._turn = turn
        return turn

    def _instruct(self, message: Message) -> None:
        """In its place, but never between calls and their results, which have to stand together."""
        texts = [(instruction(block, path, self._log), path) for block, path in message.placed()]
        is_midway = self._is_midway()
        if not is_midway:
            self._flush()
        for text, path in texts:
            if text and is_midway:
                self._log.report(path, "moved", "it stands behind the results of the calls there")
            if text:
                (self._held if is_midway else self._messages).append({"role": "system", "content": text})

    def _is_midway(self) -> bool:
        """Were calls made of which results may still come?"""
        turn = self._turn
        return bool(turn.calls) if isinstance(turn, _Said) else turn is not None and turn.is_midway()

    def _say(self, said: _Said, block: Block, path: str) -> None:
        log = self._log
        match block:
            case TextBlock():
                settle_text(block, path, log)
                if said.calls and block.text:
                    log.report(path, "moved", "text behind a call stands in front of it there")
                said.texts.append(block.text)
            case ToolCallBlock():
                said.calls.append(tool_call(block, path, log))
                if block.id not in self._answered:
                    log.report(path, "added", "the call has no result; an error was put in its place")
                    said.missing.append({"role": "tool", "tool_call_id": said.calls[-1]["id"], "content": NO_RESULT})
            case RefusalBlock():
                log.settle(block.carried, path)
                said.refusals.append(block.text)
            case ReasoningBlock():
                self._reason(said, block, path)
            case ServerToolBlock():
                log.report(path, "dropped", f"`{block.kind}` was run by another provider")
            case MediaBlock() | OpaqueBlock() | ToolResultBlock():
                word = block.kind if isinstance(block, MediaBlock | OpaqueBlock) else "tool_result"
                raise log.refusal(path, f"assistant messages hold no `{word}`", "remove the block")

    def _reason(self, said: _Said, block: ReasoningBlock, path: str) -> None:
        text = block.text or "\n\n".join(block.summary)
        own = own_state(block.blobs, "openai-chat")
        if own is not None and own.kind == "details":
            said.details += RAWS.decode(own.data)
        if self._takes_reasoning and text:
            said.reasoning.append(text)
        elif own is None:
            self._log.report_once(path, "dropped", "reasoning goes back only to the provider that issued it")

    def _ask(self, asked: _Asked, block: Block, path: str) -> None:
        log = self._log
        match block:
            case TextBlock():
                settle_text(block, path, log)
                if block.text:
                    asked.others[-1].append(text_part(block.text))
            case MediaBlock():
                asked.others[-1] += media_parts(block, path, log)
            case ToolResultBlock():
                self._answer(asked, block, path)
            case ServerToolBlock():
                log.report(path, "dropped", f"`{block.kind}` was run by another provider")
            case OpaqueBlock():
                raise log.refusal(path, f"blocks of type `{block.kind}` are unknown there", "send text, images or PDF")
            case ReasoningBlock() | RefusalBlock() | ToolCallBlock():
                raise log.refusal(path, "only an assistant can have said this", "move it into an assistant message")

    def _answer(self, asked: _Asked, block: ToolResultBlock, path: str) -> None:
        log, call_id = self._log, wire_id(block.call_id, "openai-chat")
        if call_id not in self._call_ids:
            raise log.refusal(
                path,
                f"no call `{block.call_id}` stands in the assistant message before it",
                "send each result directly behind the message that made the call",
            )
        if any(tool["tool_call_id"] == call_id for tool in asked.tools):
            raise log.refusal(path, f"the call `{block.call_id}` is answered twice", "send one result for each call")
        log.settle(block.carried, path)
        texts: list[str] = []
        for index, part in enumerate(block.content):
            place = f"{path}.{block.place(index)}"
            if isinstance(part, TextBlock):
                settle_text(part, place, log)
                texts.append(part.text)
            elif isinstance(part, MediaBlock):
                log.report(place, "moved", f"tool messages hold text only; the {part.kind} follows in a user message")
                label = text_part(f"[{part.kind} from tool result {block.call_id}]")
                asked.hoisted += [label, *media_parts(part, place, log)]
            else:
                raise log.refusal(place, f"parts of type `{part.kind}` are unknown there", "send text, images or PDF")
        text = "\n".join(texts)
        if block.is_error:
            log.report(
                f"{path}.{block.error_place}", "approximated", "the error flag became words in front of the text"
            )
            text = f"[tool error] {text}"
        asked.tools.append({"role": "tool", "tool_call_id": call_id, "content": text})

    def _flush(self) -> None:
        turn, self._turn = self._turn, None
        if isinstance(turn, _Said):
            self._call_ids = {call["id"] for call in turn.calls}
            self._messages += [*_assistant(turn), *turn.missing]
        elif isinstance(turn, _Asked):
            self._messages += turn.tools + self._held
            self._held = []
            if turn.others:
                turn.others[0][:0] = turn.hoisted
            self._messages += [{"role": "user", "content": _content(parts)} for parts in turn.others if parts]


def _assistant(said: _Said) -> list[Json]:
    """The turn as one message; none where nothing is left of it."""
    text = "".join(said.texts)
    if not (text or said.calls or said.refusals):
        return []
    message: Json = {"role": "assistant", "content": text or None}
    if said.reasoning:
        message["reasoning_content"] = "".join(said.reasoning)
    if said.details:
        message["reasoning_details"] = said.details
    if said.refusals:
        message["refusal"] = "".join(said.refusals)
    if said.calls:
        message["tool_calls"] = said.calls
    return [message]


def _content(parts: list[Json]) -> str | list[Json]:
    """A single text is written as a string: old servers know nothing else."""
    only = parts[0] if len(parts) == 1 else None
    text = None if only is None else only.get("text")
    return text if isinstance(text, str) else parts
