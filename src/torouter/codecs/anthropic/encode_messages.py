"""Foreign messages as the system prompt and the alternating turns of the Messages API.

Neighbours of one role become one turn. Results come first in theirs, in the order of the calls, one for each call of
the turn before: the API insists on all of that. Instructions in mid-conversation stay in place: at the front they would
mean something else, and every cached prefix would be lost. Newer models take them between a user's turn and what the
assistant says to it, and there only; elsewhere they are marked user text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest, Message
from torouter.codecs.anthropic.encode_content import (
    THINKING,
    call_input,
    is_visible,
    media,
    thinking,
    tool_result,
    tool_use,
)
from torouter.codecs.foreign_request import NO_RESULT, instruction, settle_text
from torouter.codecs.json_objects import Json

__all__ = ["EncodedMessages", "encode_messages"]


@dataclass(slots=True)
class _Turn:
    """A turn as it grows. `calls` are the wire ids of an assistant's calls with their paths, in order; `after` the
    instructions that follow a user's turn, with theirs."""

    is_user: bool
    path: str
    blocks: list[Json] = field(default_factory=list)
    results: dict[str, Json] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    after: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EncodedMessages:
    """`lacks_thinking`: the model is in the middle of a loop of tools, and its calls carry no thinking of its own."""

    system: list[Json]
    messages: list[Json]
    lacks_thinking: bool


def encode_messages(request: ChatRequest, facts: ModelFacts, log: LossLog) -> EncodedMessages:
    writer = _Writer(log, request.path_of("messages"), facts.takes_system_turns)
    for message in request.messages:
        writer.add(message)
    return writer.finish()


class _Writer:
    def __init__(self, log: LossLog, path: str, takes_system_turns: bool) -> None:
        self._log = log
        self._path = path
        self._takes_system_turns = takes_system_turns
        self._system: list[Json] = []
        self._turns: list[_Turn] = []
        self._broken: dict[str, str] = {}

    def add(self, message: Message) -> None:
        self._log.settle(message.carried, message.path)
        if message.name is not None:
            self._log.report(f"{message.path}.name", "dropped", "messages have no name there")
        if message.role in ("system", "developer"):
            self._instruct(message)
            return
        turn = self._turn(message.role == "user", message.path)
        if turn.after and not all(isinstance(block, ToolResultBlock) for block in message.blocks):
            self._demote(turn)
        for block, path in message.placed():
            self._block(turn, block, path)

    def finish(self) -> EncodedMessages:
        for turn in self._turns:
            self._trim(turn)
        turns = [turn for turn in self._turns if turn.blocks or turn.results]
        if not any(turn.is_user for turn in turns):
            raise self._log.refusal(self._path, "a conversation needs a user message", "add one that is not empty")
        if not turns[-1].is_user:
            raise self._log.refusal(
                turns[-1].path,
                "a conversation cannot end with an assistant message that is to be continued",
                "end with a user message or with the results of the calls",
            )
        messages: list[Json] = []
        calls: dict[str, str] = {}
        for turn in turns:
            results = self._matched(turn, calls)
            calls = turn.calls
            role = "user" if turn.is_user else "assistant"
            messages.append({"role": role, "content": [*results, *turn.blocks]})
            if turn.after:
                messages.append(
                    {"role": "system", "content": [{"type": "text", "text": text} for text, _ in turn.after]}
                )
        lacks_thinking = bool(turns[-1].results) and turns[-2].blocks[0]["type"] not in THINKING
        return EncodedMessages(self._system, messages, lacks_thinking)

    def _trim(self, turn: _Turn) -> None:
        """Thinking that nothing follows any more: its client cut the turn off there, and the API refuses that."""
        while turn.blocks and turn.blocks[-1]["type"] in THINKING:
            turn.blocks.pop()
            self._log.report_once(turn.path, "dropped", "reasoning without what it was about is not taken")

    def _turn(self, is_user: bool, path: str) -> _Turn:
        """The turn that is open, if it is of this role. An empty one (all its blocks said nothing) is taken over."""
        if self._turns and not (self._turns[-1].blocks or self._turns[-1].results):
            self._turns.pop()
        if not self._turns or self._turns[-1].is_user != is_user:
            self._turns.append(_Turn(is_user, path))
        return self._turns[-1]

    def _instruct(self, message: Message) -> None:
        texts = [(instruction(block, path, self._log), path) for block, path in message.placed()]
        if not self._turns:
            self._system.extend({"type": "text", "text": text} for text, _ in texts if is_visible(text))
            return
        turn = self._turn(True, message.path)
        turn.after += [(text, path) for text, path in texts if is_visible(text)]
        if not (self._takes_system_turns and (turn.blocks or turn.results)):
            self._demote(turn)

    def _demote(self, turn: _Turn) -> None:
        """Instructions that would not stand between a user's turn and the assistant's, or that the model does not take,
        as marked text of the user's."""
        for text, path in turn.after:
            self._log.report(path, "approximated", "an instruction in mid-conversation became marked user text")
            reminder = f"<system-reminder>\n{text}\n</system-reminder>"
            turn.blocks.append({"type": "text", "text": reminder})
        turn.after = []

    def _block(self, turn: _Turn, block: Block, path: str) -> None:
        log = self._log
        match block:
            case TextBlock():
                settle_text(block, path, log)
                self._text(turn, block.text, path)
            case RefusalBlock():
                log.settle(block.carried, path)
                self._text(turn, block.text, path)
            case MediaBlock():
                turn.blocks.append(media(block, path, log))
            case ToolCallBlock():
                self._call(turn, block, path)
            case ToolResultBlock():
                self._result(turn, block, path)
            case ReasoningBlock():
                log.settle(block.carried, path)
                thought = thinking(block)
                if thought is None or turn.is_user:
                    log.report_once(path, "dropped", "reasoning goes back only to the provider that issued it")
                else:
                    turn.blocks.append(thought)
            case ServerToolBlock():
                log.report(path, "dropped", f"`{block.kind}` was run by another provider")
            case OpaqueBlock():
                raise log.refusal(
                    path, f"parts of type `{block.kind}` are unknown there", "send text, images or PDF documents"
                )

    def _text(self, turn: _Turn, text: str, path: str) -> None:
        if is_visible(text):
            turn.blocks.append({"type": "text", "text": text})
        elif text:
            self._log.report(path, "dropped", "text of nothing but whitespace is not taken")

    def _call(self, turn: _Turn, block: ToolCallBlock, path: str) -> None:
        log = self._log
        arguments = call_input(block, path, log)
        if arguments is None:
            log.report(path, "approximated", "the call was cut off; it became text, since its arguments are no JSON")
            self._broken[block.id] = block.name
            self._text(turn, f"[unfinished call of {block.name}: {block.arguments}]", path)
            return
        turn.calls[wire_id(block.id, "anthropic")] = path
        turn.blocks.append(tool_use(block, arguments, path, log))

    def _result(self, turn: _Turn, block: ToolResultBlock, path: str) -> None:
        name = self._broken.pop(block.call_id, None)
        result = tool_result(block, path, self._log)
        if name is not None:
            content = result["content"]
            words = content if isinstance(content, str) else "(not text)"
            turn.blocks.append({"type": "text", "text": f"[result of the unfinished call of {name}: {words}]"})
            return
        call_id = wire_id(block.call_id, "anthropic")
        if call_id in turn.results:
            raise self._log.refusal(
                path, f"the call `{block.call_id}` is answered twice", "send one result for each call"
            )
        if call_id not in (self._turns[-2].calls if len(self._turns) > 1 else {}):
            raise self._log.refusal(
                path,
                f"no call `{block.call_id}` stands in the assistant message before it",
                "send each result directly behind the message that made the call",
            )
        turn.results[call_id] = result

    def _matched(self, turn: _Turn, calls: dict[str, str]) -> list[Json]:
        """One result for each call, in the order of the calls. A call that was never answered (its user interrupted it)
        would be refused by the API for ever, so it gets an error for a result: the client cannot mend its history."""
        results: list[Json] = []
        for call_id, path in calls.items():
            if call_id not in turn.results:
                self._log.report(path, "added", "the call has no result; an error was put in its place")
            missing: Json = {"type": "tool_result", "tool_use_id": call_id, "content": NO_RESULT, "is_error": True}
            results.append(turn.results.get(call_id, missing))
        return results
