"""What is asked of channels. The fields have the names and the meaning that they have in a configuration file."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from torouter.accounts.office.forms import Form, Model, Name
from torouter.store import OnCut
from torouter.units import Dialect

__all__ = [
    "KEY_PATTERN",
    "LABEL_PATTERN",
    "ChannelEdit",
    "ChannelFields",
    "CredentialEdit",
    "DeadlinesForm",
    "ModelForm",
    "NewChannel",
    "NewCredential",
]

KEY_PATTERN = "^[!-~]+$"
LABEL_PATTERN = "^(?!sk-)[A-Za-z0-9][A-Za-z0-9_.@/ -]{0,39}$"

_MOST = 1_000_000
_DAY_S = 24 * 60 * 60

Kind: TypeAlias = Annotated[str, Meta(min_length=1, max_length=40, pattern="^[a-z0-9-]+$", examples=["openai"])]
Url: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        description="`null`: the kind's own.",
        extra_json_schema={"format": "base-url"},
        examples=["https://llm.example.com/v1"],
    ),
]
ApiKey: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=8000,
        pattern=KEY_PATTERN,
        description="The key itself. It is never shown again.",
        extra_json_schema={"writeOnly": True},
    ),
]
Label: TypeAlias = Annotated[
    str,
    Meta(
        pattern=LABEL_PATTERN,
        description="At most 40 letters, digits and . _ - / @; no key.",
        examples=["main"],
    ),
]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=_DAY_S)]
SecondsOrZero: TypeAlias = Annotated[float, Meta(ge=0, le=_DAY_S, description="0: none.")]


class DeadlinesForm(Form, frozen=True, kw_only=True):
    """`null`: as `upstream` says in the server's configuration."""

    connect_s: Seconds | UnsetType | None = UNSET
    head_s: Seconds | UnsetType | None = UNSET
    first_token_s: SecondsOrZero | UnsetType | None = UNSET
    idle_s: Seconds | UnsetType | None = UNSET
    total_s: SecondsOrZero | UnsetType | None = UNSET


class ModelForm(Form, frozen=True, kw_only=True):
    """The upstream's name of a model, and what differs for it."""

    model: Model
    deadlines: DeadlinesForm | UnsetType = UNSET


class ChannelFields(Form, frozen=True, kw_only=True):
    """`null`: as if it had never been said."""

    base_url: Url | UnsetType | None = UNSET
    dialects: Annotated[list[Dialect], Meta(max_length=4)] | UnsetType | None = UNSET
    models: (
        Annotated[dict[Model, Model | ModelForm], Meta(min_length=1, max_length=10_000)]
        | Annotated[list[Model], Meta(min_length=1, max_length=10_000)]
        | UnsetType
        | None
    ) = UNSET
    priority: Annotated[int, Meta(ge=-_MOST, le=_MOST, description="Lower wins.")] | UnsetType | None = UNSET
    weight: Annotated[int, Meta(ge=1, le=_MOST)] | UnsetType | None = UNSET
    groups: Annotated[list[Name], Meta(max_length=1000, description="Empty: all.")] | UnsetType | None = UNSET
    deadlines: DeadlinesForm | UnsetType | None = UNSET
    concurrency: Annotated[int, Meta(ge=0, le=_MOST, description="0: no cap.")] | UnsetType | None = UNSET
    queue_s: Annotated[float, Meta(ge=0, le=_DAY_S)] | UnsetType | None = UNSET
    on_cut: OnCut | UnsetType | None = UNSET
    hedge: bool | UnsetType | None = UNSET
    probe_s: SecondsOrZero | UnsetType | None = UNSET


class NewCredential(Form, frozen=True, kw_only=True):
    name: Label
    api_key: ApiKey


class CredentialEdit(Form, frozen=True, kw_only=True):
    """Only what is named is changed."""

    name: Label | UnsetType = UNSET
    api_key: ApiKey | UnsetType = UNSET


class NewChannel(ChannelFields, frozen=True, kw_only=True):
    """A connection to an upstream. `api_key` is short for a single credential."""

    name: Name
    kind: Kind
    is_enabled: bool = True
    api_key: ApiKey | UnsetType = UNSET
    credentials: Annotated[list[NewCredential], Meta(max_length=1000)] | UnsetType = UNSET


class ChannelEdit(ChannelFields, frozen=True, kw_only=True):
    """Only what is named is changed; of `deadlines`, too. `models` are replaced whole."""

    name: Name | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
