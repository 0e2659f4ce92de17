"""Which call does a fragment belong to? Assignment by the upstream's own coordinates, whatever of them is missing.

Seen in the field: no `index`; index 0 on all calls; no id, an id of `null` or "null", a new id in each chunk; the name
repeated in each chunk; whole arguments in one chunk, as text or as an object; fragments of parallel calls interleaved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from torouter.canon.blocks import Blob, CallKind
from torouter.canon.events import Event, PartBlob, PartDelta, PartEnd, PartStart
from torouter.codecs.absent import ABSENT
from torouter.codecs.openai_chat.details import call_state

__all__ = ["CallDelta", "CallTracker", "CustomDelta", "FunctionDelta"]

_SYNTHETIC_DIGITS = 16


class FunctionDelta(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = ABSENT


class CustomDelta(msgspec.Struct):
    name: str | None = None
    input: str | None = None


class CallDelta(msgspec.Struct):
    """A fragment of `tool_calls`, as sloppy as it comes."""

    index: int | None = None
    id: str | int | None = None
    type: str | None = None
    function: FunctionDelta | None = None
    custom: CustomDelta | None = None
    extra_content: msgspec.Raw = ABSENT


class _Call:
    __slots__ = ("arguments", "has_ended", "id", "index", "name", "part")

    def __init__(self, part: int, index: int | None, call_id: str, name: str) -> None:
        self.part = part
        self.index = index
        self.id = call_id
        self.name = name
        self.arguments: list[str] = []
        self.has_ended = False

    def is_complete(self) -> bool:
        """Are the arguments so far one whole object? Nothing but whitespace could follow them."""
        text = "".join(self.arguments).strip()
        if not text.startswith("{") or not text.endswith("}"):
            return False
        try:
            msgspec.json.decode(text, type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class CallTracker:
    """The calls of one answer. `next_part` numbers them, among the answer's other parts."""

    def __init__(self, next_part: Callable[[], int]) -> None:
        self._next_part = next_part
        self._calls: list[_Call] = []
        self._last: _Call | None = None

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(self, deltas: list[CallDelta], response_id: str) -> Iterator[Event]:
        """The events of one chunk's fragments. Two that have no index, or disagree on the id, are never one call."""
        taken: set[int] = set()
        for delta in deltas:
            call_id = "" if delta.id is None or delta.id == "null" else str(delta.id)
            name, text = _said(delta)
            blobs = call_state(delta.extra_content)
            if not (call_id or name or text or blobs):  # some servers write empty calls into every answer
                continue
            call = self._find(delta.index, call_id, name, taken)
            if call is not self._last:
                yield from self.pause()
            if call is None:
                call = _Call(self._next_part(), delta.index, call_id or self._synthetic(response_id), name)
                self._calls.append(call)
                yield _start(call, delta, blobs, is_synthesised=not call_id)
            else:
                yield from (PartBlob(call.part, blob) for blob in blobs)
            taken.add(call.part)
            self._last = call
            if text:
                call.arguments.append(text)
                yield PartDelta(call.part, text)

    def pause(self) -> Iterator[Event]:
        """Something else comes: a call whose arguments are whole has ended. Of others only the answer's end tells."""
        call, self._last = self._last, None
        if call is not None and not call.has_ended and call.is_complete():
            call.has_ended = True
            yield PartEnd(call.part)

    def finish(self) -> Iterator[Event]:
        for call in self._calls:
            if not call.has_ended:
                call.has_ended = True
                yield PartEnd(call.part)

    def _find(self, index: int | None, call_id: str, name: str, taken: set[int]) -> _Call | None:
        if index is None:
            return self._find_without_index(call_id, name, taken)
        call = next((each for each in reversed(self._calls) if each.index == index), None)
        return None if call is None or _is_another(call, call_id, name, taken) else call

    def _find_without_index(self, call_id: str, name: str, taken: set[int]) -> _Call | None:
        if call_id:
            known = next((each for each in self._calls if each.id == call_id), None)
            if known is not None:
                return known
        last = self._calls[-1] if self._calls else None
        if last is None or last.part in taken or (call_id and name):
            return None
        return None if (call_id or name) and _is_another(last, call_id, name, taken) else last

    def _synthetic(self, response_id: str) -> str:
        digest = hashlib.sha256(response_id.encode("utf-8", "replace")).hexdigest()[:_SYNTHETIC_DIGITS]
        return f"call_{digest}_{len(self._calls)}"


def _is_another(call: _Call, call_id: str, name: str, taken: set[int]) -> bool:
    """Does a fragment that points at this call begin another one? Its id alone does not tell: some servers make a new
    one for each chunk. Another name does, and another id once the arguments are whole, or within one chunk."""
    if name and name != call.name:
        return True
    if call_id and call_id != call.id:
        return call.part in taken or call.is_complete()
    return bool(name) and not call_id and call.is_complete()


def _said(delta: CallDelta) -> tuple[str, str]:
    """Name and text of a fragment."""
    if delta.custom is not None:
        return delta.custom.name or "", delta.custom.input or ""
    function = delta.function
    if function is None:
        return "", ""
    raw = bytes(function.arguments)
    if raw[:1] == b'"':
        return function.name or "", msgspec.json.decode(raw, type=str)
    return function.name or "", raw.decode("utf-8", "replace") if raw[:1] == b"{" else ""


def _start(call: _Call, delta: CallDelta, blobs: tuple[Blob, ...], *, is_synthesised: bool) -> PartStart:
    kind: CallKind = "custom" if delta.custom is not None else "function"
    return PartStart(
        part=call.part,
        kind="tool_call",
        id=call.id,
        name=call.name,
        call_kind=kind,
        is_id_synthesised=is_synthesised,
        blobs=blobs,
    )
