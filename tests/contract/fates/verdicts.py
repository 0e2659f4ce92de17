"""What becomes of a probe in a cell: found out by translating it with and without the field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.contract.fates.declared import EMPTY, declared
from tests.contract.fates.probes import Path, Probe
from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from torouter.canon.blocks import Carried, ToolResultBlock
from torouter.canon.losses import Loss
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs import CODECS
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = ["FACTS", "HINTS", "UPSTREAMS", "Fate", "Verdict", "judge"]

Json = dict[str, Any]
Fate = Literal["mapped", "answer", "reported", "refused", "error", "hint", "no-op", "silent", "misnamed", "invalid"]
"""The last three are defects: nothing says that the field was dropped; a loss or a refusal that names another field;
an encoded request that the upstream's own package could not have sent."""

FACTS: dict[Dialect, ModelFacts] = {
    "openai-chat": ModelFacts(reasoning="effort", max_output_tokens=32_000),
    "openai-responses": ModelFacts(reasoning="effort", max_output_tokens=32_000),
    "anthropic": ModelFacts(reasoning="adaptive", max_output_tokens=32_000),
    "gemini": ModelFacts(reasoning="level", max_output_tokens=32_000),
}
"""The upstream's model in each column: one that reasons, can be told not to, and takes sampling."""
UPSTREAMS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini")
HINTS = re.compile(r"cache|eager_input_streaming|include_obfuscation")
"""All that may change a price or a stream's form, and is dropped without a record."""
_FAULTS = {
    "openai-chat": chat_faults,
    "openai-responses": responses_faults,
    "anthropic": messages_faults,
    "gemini": genai_faults,
}


@dataclass(frozen=True)
class Verdict:
    """`is_whole`: nothing of what stands within the field goes any further."""

    fate: Fate
    detail: str = ""
    is_whole: bool = False


@dataclass(frozen=True)
class _Sent:
    request: ChatRequest
    body: Json
    losses: tuple[Loss, ...]


def judge(probe: Probe, upstream: Dialect) -> Verdict:
    sent = _translated(probe.body, probe.dialect, upstream)
    if isinstance(sent, RequestError):
        return _refused(probe, sent, upstream)
    faults = _FAULTS[upstream](sent.body)
    if faults:
        return Verdict("invalid", faults[0])
    base = _base(probe, upstream)
    reported = [loss for loss in sent.losses if loss not in base.losses]
    targets = _differences(base.body, sent.body)
    own = [loss for loss in reported if is_related(loss.field, probe.path)]
    if own:
        return Verdict("reported", own[0].reason, is_whole=own[0].what == "dropped" and not targets)
    whole = [loss for loss in sent.losses if is_whole(loss, probe.path)]
    if whole and not targets:
        return Verdict("reported", whole[0].reason, is_whole=True)
    around = probe.path[:-1]
    if [loss for loss in reported if len(around) < 2 or not is_related(loss.field, around)]:
        return Verdict("misnamed", f"{reported[0].field}: {reported[0].reason}")
    if targets:
        return Verdict("mapped", ", ".join(f"`{each}`" for each in targets))
    return _unchanged(probe, sent, base)


def is_related(field: str | None, path: Path) -> bool:
    """Does a loss of this field speak of what stands at the path? It may name the whole that it is a part of, or a
    part of it."""
    said, place = (field or "").split("."), [str(step) for step in path]
    return said[: len(place)] == place or place[: len(said)] == said


def is_whole(loss: Loss, path: Path) -> bool:
    """Was something dropped that the path is a part of?"""
    return loss.what == "dropped" and loss.field.split(".") == [str(step) for step in path][: loss.field.count(".") + 1]


def _refused(probe: Probe, error: RequestError, upstream: Dialect) -> Verdict:
    if not is_related(error.param, probe.path):
        base = _translated(probe.without[-1], probe.dialect, upstream)
        if isinstance(base, RequestError) and base.param == error.param:
            return Verdict("refused", f"as `{error.param}` is, which has to stand beside it")
        return Verdict("misnamed", f"{error.param}: {error.message}")
    if f"`{error.param}`" not in error.message:
        return Verdict("misnamed", f"the message does not name `{error.param}`: {error.message}")
    head, _, _ = error.message.partition(". What to do: ")
    _, _, problem = head.partition(", which speaks ")
    return Verdict("refused", problem.partition(": ")[2] or head, is_whole=True)


def _unchanged(probe: Probe, sent: _Sent, base: _Sent) -> Verdict:
    if (sent.request.ask_usage, sent.request.is_reasoning_visible) != (
        base.request.ask_usage,
        base.request.is_reasoning_visible,
    ):
        return Verdict("answer")
    why = declared(probe.shown, probe.form, probe.value) or _carried_why(probe, sent)
    if not why:
        return Verdict("silent")
    is_hint = HINTS.search(probe.shown) is not None
    return Verdict("hint" if is_hint else "no-op", why, is_whole=why != EMPTY)


def _carried_why(probe: Probe, sent: _Sent) -> str:
    """What the decoder says of a field that it lets go without a record."""
    for within, item in _carried(sent.request):
        field = ".".join(filter(None, (within, item.within, item.name)))
        if item.fate == "hint" and item.why and is_related(field, probe.path):
            return item.why
    return ""


def _carried(request: ChatRequest) -> Iterator[tuple[str, Carried]]:
    """What was kept raw, with the path of the object that it stood in."""
    yield from (("", item) for item in request.carried)
    for message in request.messages:
        yield from ((message.path, item) for item in message.carried)
        for block, path in message.placed():
            yield from ((path, item) for item in getattr(block, "carried", ()))
            if not isinstance(block, ToolResultBlock):
                continue
            for index, part in enumerate(block.content):
                yield from ((f"{path}.{block.place(index)}", item) for item in getattr(part, "carried", ()))
    for tool in request.tools:
        yield from ((tool.path, item) for item in getattr(tool, "carried", ()))
    if request.tool_choice is not None:
        yield from (("", item) for item in request.tool_choice.carried)
    if request.output is not None:
        yield from ((request.output.path, item) for item in request.output.carried)


def _base(probe: Probe, upstream: Dialect) -> _Sent:
    for body in probe.without:
        sent = _translated(body, probe.dialect, upstream)
        if isinstance(sent, _Sent):
            return sent
    raise AssertionError(f"{probe.shown}: no request without it can be sent")


def _translated(body: Json, client: Dialect, upstream: Dialect) -> _Sent | RequestError:
    decode, encode = CODECS[client].translation, CODECS[upstream].translation
    assert decode is not None
    assert encode is not None
    try:
        request = decode.decode_request(json.dumps(body).encode())
        encoded = encode.encode_request(request, "up", FACTS[upstream])
    except RequestError as error:
        return error
    return _Sent(request, json.loads(encoded.body), encoded.losses)


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two values differ, the deepest place for each; lists are shown without their numbers."""
    if one == other:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*other, *(name for name in one if name not in other)]
        found = [
            each
            for name in names
            for each in _differences(one.get(name), other.get(name), f"{path}.{name}" if path else name)
        ]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = [each for pair in zip(one, other, strict=True) for each in _differences(*pair, f"{path}[]")]
    else:
        found = [path]
    return list(dict.fromkeys(found))
