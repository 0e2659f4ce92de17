"""Endpoints of routing as one process sees it: why a request would go where, how channels fare, and a fresh start for
one of them."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from torouter.accounts.office.forms import PLAIN_PATTERN, Form, Id
from torouter.console.admin.call import Call, Endpoint
from torouter.console.admin.routing_view import ExplanationView, HealthView, RoutingView
from torouter.errors import RequestError, TorouterError
from torouter.units import Dialect, Operation

__all__ = ["ROUTING", "ExplainForm", "Reset"]

Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=PLAIN_PATTERN)]


class ExplainForm(Form, frozen=True, kw_only=True):
    """A request that is not made. For the group of a key, or for a group; without either for the group `default`."""

    model: Text
    dialect: Dialect = "openai-chat"
    operation: Operation = "chat"
    group: Text | UnsetType = UNSET
    key_id: Id | UnsetType = UNSET


class Reset(Form, frozen=True, kw_only=True):
    channel: Text


def _explain(call: Call) -> ExplanationView:
    form, store = call.body, call.desk.store
    if form.group is not UNSET and form.key_id is not UNSET:
        raise RequestError("key_id: name either this or group, not both.", param="key_id")
    models: tuple[str, ...] = ()
    group = "default" if form.group is UNSET else form.group
    if form.key_id is not UNSET:
        key = store.get_key(form.key_id)
        group, models = key.group, key.models
    return _routing(call).explain(store.get_group(group).id, models, form.dialect, form.operation, form.model)


def _reset(call: Call) -> HealthView:
    name = call.body.channel
    view = _routing(call).reset(name)
    desk = call.desk
    desk.store.write_audit(
        actor=desk.actor.name,
        address=desk.actor.address,
        action="health.reset",
        object_kind="health",
        object_id=0,
        before=None,
        after={"channel": name},
    )
    return view


def _routing(call: Call) -> RoutingView:
    if call.routing is None:
        raise TorouterError("The gateway is starting.", kind="overloaded", retry_after_s=1)
    return call.routing


ROUTING: Final = (
    Endpoint(
        method="POST", path="/explain", name="explain",
        summary="Who would be asked for a model, in which order, and why others would not. Nobody is asked.",
        shape="one", data=ExplanationView, body=ExplainForm, handle=_explain,
    ),
    Endpoint(
        method="GET", path="/health", name="get_health",
        summary="How each channel fares, as the process sees it that answers.", shape="one", data=HealthView,
        handle=lambda call: _routing(call).health(),
    ),
    Endpoint(
        method="POST", path="/health/reset", name="reset_health",
        summary="End every cool-down of a channel, in all processes: it is asked again at once.", shape="one",
        data=HealthView, body=Reset, handle=_reset,
    ),
)  # fmt: skip
