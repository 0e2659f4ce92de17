"""What people ask of routing: for whom something is to be explained, who gave a channel a fresh start, and who asked
one something to see whether it works."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import PLAIN_PATTERN, Form, Id
from torouter.errors import RequestError
from torouter.units import Dialect, Operation

__all__ = ["ExplainForm", "ResetForm", "TryoutForm", "record_reset", "record_tryout", "whose"]

Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=PLAIN_PATTERN)]


class ExplainForm(Form, frozen=True, kw_only=True):
    """A request that is not made. For the group of a key, or for a group; without either for the group `default`."""

    model: Text
    dialect: Dialect = "openai-chat"
    operation: Operation = "chat"
    group: Text | UnsetType = UNSET
    key_id: Id | UnsetType = UNSET


class ResetForm(Form, frozen=True, kw_only=True):
    channel: Text


class TryoutForm(Form, frozen=True, kw_only=True):
    """A small request that is really made. Without a credential the first one is used, without a model one that the
    channel is known to have, without a dialect the channel's own."""

    credential: Text | UnsetType = UNSET
    model: Text | UnsetType = UNSET
    dialect: Dialect | UnsetType = UNSET
    operation: Literal["chat", "embeddings"] = "chat"


def whose(desk: Desk, form: ExplainForm) -> tuple[int, tuple[str, ...]]:
    """The group's id, and the key's own list of models. Raises `RequestError`, `StoreError`."""
    if form.group is not UNSET and form.key_id is not UNSET:
        raise RequestError("key_id: name either this or group, not both.", param="key_id")
    models: tuple[str, ...] = ()
    group = "default" if form.group is UNSET else form.group
    if form.key_id is not UNSET:
        key = desk.store.get_key(form.key_id)
        group, models = key.group, key.models
    return desk.store.get_group(group).id, models


def record_reset(desk: Desk, channel: str) -> None:
    desk.store.write_audit(
        actor=desk.actor.name,
        address=desk.actor.address,
        action="health.reset",
        object_kind="health",
        object_id=0,
        before=None,
        after={"channel": channel},
    )


def record_tryout(desk: Desk, channel_id: int, found: dict[str, Any]) -> None:
    """The only trace that such a request leaves: nobody's key made it, so it is neither usage nor on the books."""
    desk.store.write_audit(
        actor=desk.actor.name,
        address=desk.actor.address,
        action="channel.test",
        object_kind="channel",
        object_id=channel_id,
        before=None,
        after=found,
    )
