"""Amendments to a Messages body: the model, thinking from a `-thinking` name, and no state of other providers.

What thinking excludes is taken out with it (sampling), or keeps it out (a forced tool, a limit too small, a tool turn
whose thinking block is lost). Messages API, extended and adaptive thinking, seen 2026-11.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.capsule import is_marked
from torouter.canon.depths import budget_of
from torouter.canon.losses import Loss
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.codecs.anthropic.withdraw import without_capsules
from torouter.codecs.codec import Amended, Edits
from torouter.codecs.figures import decoded, tokens
from torouter.codecs.splice import edit, replace_model, values_of
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.thinking import clamped, gives_any, level_of, refuse_without_variant
from torouter.errors import RequestError
from torouter.units import Operation

__all__ = ["amend"]

_LEAST_BUDGET: Final = 1024
_ADAPTIVE: Final = b'{"type":"adaptive","display":"summarized"}'
_DISABLED: Final = b'{"type":"disabled"}'

_Values = dict[str, bytes]
_Changes = dict[str, bytes | None]
_write = msgspec.json.encode


class _Turn(msgspec.Struct):
    role: object = None
    content: object = None


_read_turns = lenient_decoder(list[_Turn])


def amend(operation: Operation, body: bytes, content_type: bytes, edits: Edits) -> Amended:
    """Raises `RequestError` where a `-thinking` name meets a model that cannot be told to think, or a prefill."""
    losses: tuple[Loss, ...] = ()
    if is_marked(body):
        body, losses = _withdrawn(body)
    if edits.reasoning is not None and operation == "chat":
        body = _with_thinking(body, edits.reasoning, edits.facts)
    if edits.model is not None:
        body = replace_model(body, _write(edits.model))
    return Amended(body=body, losses=losses)


def _withdrawn(body: bytes) -> tuple[bytes, tuple[Loss, ...]]:
    """Manual thinking is an error where a tool turn has lost its thinking block: it has to wait for the next turn."""
    left, losses = without_capsules(body)
    values = values_of(left)
    if not losses or not _is_manual(values) or not _lacks_thinking_block(_turns(values)):
        return left, losses
    lost = Loss(
        field="thinking", what="dropped", reason="the calls before the results carry no reasoning of this model's"
    )
    return edit(left, {"thinking": None}), (*losses, lost)


def _is_manual(values: _Values) -> bool:
    thinking = decoded(values.get("thinking", b"null"))
    return isinstance(thinking, dict) and thinking.get("type") == "enabled"


def _with_thinking(body: bytes, reasoning: Reasoning, facts: ModelFacts) -> bytes:
    values = values_of(body)
    if gives_any(values, "thinking") or _gives_effort(values):
        return body
    refuse_without_variant(facts)
    if level_of(reasoning) == "off":
        return edit(body, _off(values, facts))
    if _is_tool_forced(values):
        return body
    turns = _turns(values)
    if turns and turns[-1].role == "assistant":
        raise RequestError(
            "A thinking model does not continue an assistant message: the last message must be the user's.",
            code="unsupported_value",
            param="messages",
        )
    if facts.reasoning == "adaptive":
        changes = _adaptive(values, reasoning)
    elif _lacks_thinking_block(turns):
        return body
    else:
        changes = _budget(values, reasoning, facts)
    return edit(body, changes | _dropped_sampling(values)) if changes else body


def _off(values: _Values, facts: ModelFacts) -> _Changes:
    if facts.may_disable_reasoning:
        return {"thinking": _DISABLED}
    return {"output_config": _with_effort(values, "low")}


def _adaptive(values: _Values, reasoning: Reasoning) -> _Changes:
    """Newer models omit the thinking's text unless asked; effort has no `minimal`."""
    level = level_of(reasoning)
    if level == "auto":
        return {"thinking": _ADAPTIVE}
    return {"thinking": _ADAPTIVE, "output_config": _with_effort(values, "low" if level == "minimal" else level)}


def _with_effort(values: _Values, effort: str) -> bytes:
    config = values.get("output_config", b"")
    return edit(config if config.startswith(b"{") else b"{}", {"effort": _write(effort)})


def _budget(values: _Values, reasoning: Reasoning, facts: ModelFacts) -> _Changes:
    """The budget stays below the client's own `max_tokens`; where no useful budget is left there is no thinking."""
    wanted = reasoning.budget_tokens
    if wanted is None or wanted <= 0:
        wanted = budget_of(level_of(reasoning))
    budget_tokens = clamped(wanted, facts)
    max_tokens = tokens(decoded(values.get("max_tokens", b"null")))
    if max_tokens is not None and budget_tokens >= max_tokens:
        budget_tokens = max_tokens - 1
        if budget_tokens < max(_LEAST_BUDGET, facts.min_budget_tokens):
            return {}
    return {"thinking": _write({"type": "enabled", "budget_tokens": budget_tokens})}


def _dropped_sampling(values: _Values) -> _Changes:
    """Thinking takes a temperature of 1 only, no `top_k`, and `top_p` from 0.95."""
    dropped: _Changes = {}
    if "temperature" in values and decoded(values["temperature"]) != 1:
        dropped["temperature"] = None
    if "top_k" in values:
        dropped["top_k"] = None
    if "top_p" in values:
        top_p = decoded(values["top_p"])
        if not isinstance(top_p, int | float) or not 0.95 <= top_p <= 1:
            dropped["top_p"] = None
    return dropped


def _gives_effort(values: _Values) -> bool:
    config = values.get("output_config", b"")
    return config.startswith(b"{") and gives_any(values_of(config), "effort")


def _is_tool_forced(values: _Values) -> bool:
    choice = decoded(values.get("tool_choice", b"null"))
    return isinstance(choice, dict) and choice.get("type") in ("any", "tool")


def _turns(values: _Values) -> list[_Turn]:
    try:
        return _read_turns(values.get("messages", b"[]"))
    except (msgspec.ValidationError, RecursionError):
        return []  # not what the API takes: its own refusal is the best answer


def _lacks_thinking_block(turns: list[_Turn]) -> bool:
    """Is a tool turn being continued that was made without thinking? Then manual thinking is an error, and a block
    must not be invented."""
    if not turns or "tool_result" not in _block_types(turns[-1]):
        return False
    last = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    types = _block_types(last) if last else []
    return "tool_use" in types and types[0] not in ("thinking", "redacted_thinking")


def _block_types(turn: _Turn) -> list[object]:
    blocks = turn.content if isinstance(turn.content, list) else []
    return [block.get("type") if isinstance(block, dict) else None for block in blocks]
