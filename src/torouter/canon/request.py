"""A chat request in the form that belongs to no vendor.

Presence is kept: a setting is `UNSET` where the caller said nothing and `None` where it said null; neither is 0. JSON
that is carried and never read (schemas, metadata) stays as the bytes that came.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from torouter.canon.blocks import Block, CacheHint, CallKind, Carried, Fate, Origin
from torouter.canon.reasoning import Reasoning
from torouter.units import Dialect

__all__ = [
    "ChatRequest",
    "Message",
    "OutputFormat",
    "Role",
    "Settings",
    "Tool",
    "ToolChoice",
    "VendorTool",
]

Role = Literal["system", "developer", "user", "assistant"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn, or a part of one: neighbours of one role are not merged here.

    Tool results are blocks of `user` messages, whatever role their dialect gives them. `is_front` marks an instruction
    that stood apart from the conversation (Anthropic's `system`, Responses' `instructions`, Gemini's
    `systemInstruction`). `path` is where the message stood in the caller's body, `places` where each block
    stood below it.
    """

    role: Role
    blocks: tuple[Block, ...]
    path: str = ""
    places: tuple[str, ...] = ()
    is_front: bool = False
    name: str | None = None
    phase: str | None = None
    carried: tuple[Carried, ...] = ()

    def place(self, index: int) -> str:
        """The path of a block in the caller's body."""
        below = self.places[index] if index < len(self.places) else f"content.{index}"
        return f"{self.path}.{below}" if below else self.path

    def placed(self) -> list[tuple[Block, str]]:
        """The blocks, each with its path."""
        return [(block, self.place(index)) for index, block in enumerate(self.blocks)]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the caller runs. `schema` is JSON Schema, `None` without parameters, and stood at `schema_path`;
    `grammar` is a custom tool's format. `strict` is `None` where the caller did not say: dialects differ in what that
    means. `raw` is the vendor's definition, JSON, for home."""

    name: str
    path: str = ""
    description: str | None = None
    schema: bytes | None = None
    schema_path: str = ""
    strict: bool | None = None
    kind: CallKind = "function"
    namespace: str | None = None
    grammar: bytes | None = None
    raw: bytes = b""
    cache: CacheHint | None = None
    carried: tuple[Carried, ...] = ()


class VendorTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that only its vendor knows, whoever runs it. `kind` is the vendor's word for it, `raw` its definition.
    `fate` is what becomes of it elsewhere, `why` the reason that a report gives."""

    origin: Origin
    kind: str
    raw: bytes
    path: str = ""
    name: str = ""
    fate: Fate = "refuse"
    why: str = ""


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`named`: must call the one tool in `names`. `subset`: of all tools only `names`, and `mode` says may or must."""

    mode: Literal["auto", "none", "required"]
    form: Literal["mode", "named", "subset"] = "mode"
    names: tuple[str, ...] = ()
    raw: bytes = b""
    carried: tuple[Carried, ...] = ()


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """`json` is any JSON, `schema` JSON that obeys `schema` (JSON Schema). `path` is where the caller said so.
    `wrapping`: the caller's own schema is a property of this one, and it wants the JSON or the bare word in it."""

    kind: Literal["text", "json", "schema"]
    path: str
    schema: bytes | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    wrapping: Literal["json", "word"] | None = None
    carried: tuple[Carried, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Sampling, limits and labels. Limits in tokens; `logit_bias` and `metadata` are JSON objects, raw."""

    max_output_tokens: int | UnsetType | None = UNSET
    temperature: float | UnsetType | None = UNSET
    top_p: float | UnsetType | None = UNSET
    top_k: int | UnsetType | None = UNSET
    presence_penalty: float | UnsetType | None = UNSET
    frequency_penalty: float | UnsetType | None = UNSET
    seed: int | UnsetType | None = UNSET
    candidates: int | UnsetType | None = UNSET
    logprobs: bool | UnsetType | None = UNSET
    top_logprobs: int | UnsetType | None = UNSET
    logit_bias: bytes | UnsetType = UNSET
    stop: tuple[str, ...] | UnsetType | None = UNSET
    verbosity: str | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    user: str | UnsetType | None = UNSET
    safety_identifier: str | UnsetType | None = UNSET
    store: bool | UnsetType | None = UNSET
    metadata: bytes | UnsetType = UNSET

    @property
    def wants_logprobs(self) -> bool:
        """A number of alternatives alone is read as it was meant."""
        return bool(self.logprobs or self.top_logprobs)


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`paths` gives the caller's name for a setting where it is not the field's name here (`stop` → `stop_sequences`).

    `reasoning` is `None` where the caller said nothing; `is_reasoning_visible` whether the caller asked to see it
    (`None`: not said); `takes_state` whether its answer may hold blocks of nothing but state. `carried` holds top-level
    fields of the caller's dialect that no typed field stands for.
    """

    dialect: Dialect
    messages: tuple[Message, ...]
    model: str | None = None
    stream: bool | UnsetType | None = UNSET
    ask_usage: bool = False
    may_keep: bool = False
    """May the answer be kept for later requests of the caller's? In dialects that know such a thing."""
    tools: tuple[Tool | VendorTool, ...] = ()
    tool_choice: ToolChoice | None = None
    output: OutputFormat | None = None
    reasoning: Reasoning | None = None
    reasoning_path: str = ""
    is_reasoning_visible: bool | None = None
    takes_state: bool = True
    settings: Settings = Settings()
    paths: dict[str, str] = {}
    carried: tuple[Carried, ...] = ()

    def path_of(self, setting: str) -> str:
        """The caller's own name for a setting, for losses and refusals."""
        return self.paths.get(setting, setting)
