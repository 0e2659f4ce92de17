"""Foreign messages as Gemini's system instruction and contents.

Neighbours of one role become one content. All results of a turn's calls stand in one content, first in it, in the
order of the calls and as many as those: Gemini relates them by order. Instructions in mid-conversation stay in place,
as marked user text: at the front they would mean something else, and every cached prefix would be lost.
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
from torouter.canon.names import wire_id, wire_name
from torouter.canon.request import ChatRequest, Message
from torouter.codecs.foreign_request import instruction, settle_text
from torouter.codecs.gemini.encode_content import (
    NO_RESULT,
    EncodedResult,
    call_args,
    function_call,
    function_response,
    media_parts,
    text_part,
)
from torouter.codecs.gemini.home import UNSIGNED, signature
from torouter.codecs.json_objects import Json

__all__ = ["EncodedMessages", "encode_messages"]


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    path: str


@dataclass(slots=True)
class _Turn:
    """A turn as it grows. `calls` are an assistant's, by id and in order; `hoisted` are media out of results."""

    is_user: bool
    path: str
    parts: list[Json] = field(default_factory=list)
    results: dict[str, EncodedResult] = field(default_factory=dict)
    calls: dict[str, _Call] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncodedMessages:
    system: list[Json]
    contents: list[Json]


def encode_messages(request: ChatRequest, log: LossLog, *, is_gemini_3: bool) -> EncodedMessages:
    """Gemini 3 takes ids of calls everywhere and media within results, and wants calls to be signed. Of older ones
    Vertex AI refuses ids."""
    writer = _Writer(request, log, is_gemini_3)
    for message in request.messages:
        writer.add(message)
    return writer.finish()


class _Writer:
    def __init__(self, request: ChatRequest, log: LossLog, is_gemini_3: bool) -> None:
        self._log = log
        self._path = request.path_of("messages")
        self._is_gemini_3 = is_gemini_3
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
        for block, path in message.placed():
            self._block(turn, block, path)

    def finish(self) -> EncodedMessages:
        turns = [turn for turn in self._turns if turn.parts or turn.results]
        if not any(turn.is_user for turn in turns):
            raise self._log.refusal(self._path, "a conversation needs a user message", "add one that is not empty")
        if not turns[-1].is_user:
            raise self._log.refusal(
                turns[-1].path,
                "a conversation cannot end with an assistant message that is to be continued",
                "end with a user message or with the results of the calls",
            )
        contents: list[Json] = []
        calls: dict[str, _Call] = {}
        for turn in turns:
            contents += self._contents(turn, calls)
            calls = turn.calls
        return EncodedMessages(self._system, contents)

    def _contents(self, turn: _Turn, calls: dict[str, _Call]) -> list[Json]:
        """The turn as one content; as two where media were hoisted, which are counted wrongly beside results."""
        if not turn.is_user:
            return [{"role": "model", "parts": turn.parts}]
        results = [self._matched(turn, call_id, call) for call_id, call in calls.items()]
        hoisted = [part for _, parts in results for part in parts]
        first = [response for response, _ in results]
        if hoisted:
            return [{"role": "user", "parts": first}, {"role": "user", "parts": [*hoisted, *turn.parts]}]
        return [{"role": "user", "parts": [*first, *turn.parts]}]

    def _matched(self, turn: _Turn, call_id: str, call: _Call) -> EncodedResult:
        """The result of a call. One that was never answered (its user interrupted it) would be refused for ever, so it
        gets an error for a result: the client cannot mend its history."""
        if call_id in turn.results:
            return turn.results[call_id]
        self._log.report(call.path, "added", "the call has no result; an error was put in its place")
        said: Json = {"id": call_id} if self._is_gemini_3 else {}
        return {"functionResponse": {**said, "name": wire_name(call.name, "gemini"), "response": NO_RESULT}}, []

    def _turn(self, is_user: bool, path: str) -> _Turn:
        """The turn that is open, if it is of this role. An empty one (all its blocks said nothing) is taken over."""
        if self._turns and not (self._turns[-1].parts or self._turns[-1].results):
            self._turns.pop()
        if not self._turns or self._turns[-1].is_user != is_user:
            self._turns.append(_Turn(is_user, path))
        return self._turns[-1]

    def _instruct(self, message: Message) -> None:
        texts = [(instruction(block, path, self._log), path) for block, path in message.placed()]
        if not self._turns:
            self._system.extend(text_part(text) for text, _ in texts if text)
            return
        for text, path in texts:
            if text:
                self._log.report(path, "approximated", "an instruction in mid-conversation became marked user text")
                reminder = f"<system-reminder>\n{text}\n</system-reminder>"
                self._turn(True, message.path).parts.append(text_part(reminder))

    def _block(self, turn: _Turn, block: Block, path: str) -> None:
        log = self._log
        match block:
            case TextBlock():
                settle_text(block, path, log)
                self._text(turn, block.text, signature(block.blobs))
            case RefusalBlock():
                log.settle(block.carried, path)
                self._text(turn, block.text)
            case MediaBlock():
                if not turn.is_user:
                    raise log.refusal(path, f"assistant messages hold no `{block.kind}`", "remove the block")
                turn.parts += media_parts(block, path, log, takes_resolution=self._is_gemini_3)
            case ToolCallBlock():
                self._call(turn, block, path)
            case ToolResultBlock():
                self._result(turn, block, path)
            case ReasoningBlock():
                log.settle(block.carried, path)
                if signature(block.blobs) and not turn.is_user:
                    turn.parts.append({"text": block.text, "thought": True, **signature(block.blobs)})
                else:
                    log.report_once(path, "dropped", "reasoning goes back only to the provider that issued it")
            case ServerToolBlock():
                log.report(path, "dropped", f"`{block.kind}` was run by another provider")
            case OpaqueBlock():
                raise log.refusal(path, f"parts of type `{block.kind}` are unknown there", "send text, images or PDF")

    def _text(self, turn: _Turn, text: str, signed: Json | None = None) -> None:
        """An empty text that is signed says something: it is not left out, nor is one text joined to another."""
        if text or signed:
            turn.parts.append({**text_part(text), **(signed or {})})

    def _call(self, turn: _Turn, block: ToolCallBlock, path: str) -> None:
        log = self._log
        if turn.is_user:
            raise log.refusal(path, "only an assistant can make a call", "move it into an assistant message")
        args = call_args(block, path, log)
        if args is None:
            log.report(path, "approximated", "the call was cut off; it became text, since its arguments are no JSON")
            self._broken[block.id] = block.name
            self._text(turn, f"[unfinished call of {block.name}: {block.arguments}]")
            return
        part = function_call(block, args, path, log, takes_ids=self._is_gemini_3)
        part |= signature(block.blobs)
        if self._is_gemini_3 and not turn.calls:
            part.setdefault("thoughtSignature", UNSIGNED)
        turn.calls[wire_id(block.id, "gemini")] = _Call(block.name, path)
        turn.parts.append(part)

    def _result(self, turn: _Turn, block: ToolResultBlock, path: str) -> None:
        log, call_id = self._log, wire_id(block.call_id, "gemini")
        broken = self._broken.pop(block.call_id, None)
        call = self._turns[-2].calls.get(call_id) if turn.is_user and len(self._turns) > 1 else None
        if call is None and broken is None:
            raise log.refusal(
                path,
                f"no call `{block.call_id}` stands in the assistant message before it",
                "send each result directly behind the message that made the call",
            )
        if call_id in turn.results:
            raise log.refusal(path, f"the call `{block.call_id}` is answered twice", "send one result for each call")
        name = call.name if call is not None else broken or ""
        encoded = function_response(block, name, path, log, takes_ids=self._is_gemini_3, takes_parts=self._is_gemini_3)
        if call is None:
            words = "\n".join(part.text for part in block.content if isinstance(part, TextBlock))
            self._text(turn, f"[result of the unfinished call of {name}: {words}]")
            return
        turn.results[call_id] = encoded
