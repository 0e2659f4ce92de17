"""Endpoints of what can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from torouter.accounts.office import channel_forms, channels, forms, groups, keys, people, plans, prices, tokens, views
from torouter.accounts.office.channel_views import ChannelView
from torouter.console.admin.call import Call, Endpoint
from torouter.console.admin.queries import (
    AccountsQuery,
    KeysQuery,
    MovementsQuery,
    PricesQuery,
    SubscriptionsQuery,
)

__all__ = ["RESOURCES"]


def _named(value: Any) -> Any:
    return None if value is UNSET else value


def _page(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], str | None]:
    return rows, str(rows[-1].id) if len(rows) == limit else None


def _whole(rows: Sequence[Any]) -> tuple[Sequence[Any], None]:
    return rows, None


def _list_keys(call: Call) -> Any:
    query: KeysQuery = call.query
    found = keys.list_keys(
        call.desk,
        account_id=_named(query.account_id),
        include_deleted=query.deleted == "true",
        after_id=query.after,
        limit=query.limit,
    )
    return _page(found, query.limit)


def _list_accounts(call: Call) -> Any:
    query: AccountsQuery = call.query
    return _page(people.list_accounts(call.desk, after_id=query.after, limit=query.limit), query.limit)


def _list_movements(call: Call) -> Any:
    query: MovementsQuery = call.query
    found = people.list_movements(call.desk, call.target, before_id=_named(query.before), limit=query.limit)
    return _page(found, query.limit)


def _clear_password(call: Call) -> views.AccessView:
    people.clear_password(call.desk, call.target)
    return people.access_of(call.desk, call.target)


def _end_sessions(call: Call) -> views.AccessView:
    people.end_sessions(call.desk, call.target)
    return people.access_of(call.desk, call.target)


_KEYS: Final = (
    Endpoint(
        method="GET", path="/keys", name="list_keys", summary="Keys, the oldest first.", shape="page",
        data=views.KeyView, handle=_list_keys, query=KeysQuery,
    ),
    Endpoint(
        method="POST", path="/keys", name="create_key", summary="Make a key. Its secret is shown this once.",
        shape="change", data=views.MadeKey, status=201, body=forms.NewKey,
        handle=lambda call: keys.create_key(call.desk, call.body),
    ),
    Endpoint(
        method="GET", path="/keys/{key_id}", name="get_key", summary="One key.", shape="one", data=views.KeyView,
        handle=lambda call: keys.get_key(call.desk, call.target),
    ),
    Endpoint(
        method="PATCH", path="/keys/{key_id}", name="edit_key",
        summary="Change, disable or enable a key. What is not named stays as it is.", shape="change",
        data=views.KeyView, body=forms.KeyEdit, handle=lambda call: keys.edit_key(call.desk, call.target, call.body),
    ),
    Endpoint(
        method="DELETE", path="/keys/{key_id}", name="delete_key", summary="Delete a key for good.", shape="change",
        data=views.KeyView, handle=lambda call: keys.delete_key(call.desk, call.target),
    ),
    Endpoint(
        method="POST", path="/keys/{key_id}/rotate", name="rotate_key",
        summary="Replace a key by one with the same settings. The new secret is shown this once.", shape="change",
        data=views.MadeKey, status=201, body=forms.Replacement,
        handle=lambda call: keys.rotate_key(call.desk, call.target, call.body),
    ),
)  # fmt: skip

_GROUPS: Final = (
    Endpoint(
        method="GET", path="/groups", name="list_groups", summary="All groups.", shape="page", data=views.GroupView,
        handle=lambda call: _whole(groups.list_groups(call.desk)),
    ),
    Endpoint(
        method="POST", path="/groups", name="create_group", summary="Make a group.", shape="change",
        data=views.GroupView, status=201, body=forms.NewGroup,
        handle=lambda call: groups.create_group(call.desk, call.body),
    ),
    Endpoint(
        method="GET", path="/groups/{group_id}", name="get_group", summary="One group.", shape="one",
        data=views.GroupView, handle=lambda call: groups.get_group(call.desk, call.target),
    ),
    Endpoint(
        method="PATCH", path="/groups/{group_id}", name="edit_group",
        summary="Change a group. What is not named stays as it is.", shape="change", data=views.GroupView,
        body=forms.GroupEdit, handle=lambda call: groups.edit_group(call.desk, call.target, call.body),
    ),
    Endpoint(
        method="DELETE", path="/groups/{group_id}", name="delete_group",
        summary="Delete a group that has neither keys nor subscriptions.", shape="change", data=views.GroupView,
        handle=lambda call: groups.delete_group(call.desk, call.target),
    ),
)  # fmt: skip

_ACCOUNTS: Final = (
    Endpoint(
        method="GET", path="/accounts", name="list_accounts", summary="Accounts, the oldest first.", shape="page",
        data=views.AccountView, handle=_list_accounts, query=AccountsQuery,
    ),
    Endpoint(
        method="POST", path="/accounts", name="create_account", summary="Make an account.", shape="change",
        data=views.AccountView, status=201, body=forms.NewAccount,
        handle=lambda call: people.create_account(call.desk, call.body),
    ),
    Endpoint(
        method="GET", path="/accounts/{account_id}", name="get_account", summary="One account, with its balance.",
        shape="one", data=views.AccountView, handle=lambda call: people.get_account(call.desk, call.target),
    ),
    Endpoint(
        method="PATCH", path="/accounts/{account_id}", name="edit_account",
        summary="Change or suspend an account. What is not named stays as it is.", shape="change",
        data=views.AccountView, body=forms.AccountEdit,
        handle=lambda call: people.edit_account(call.desk, call.target, call.body),
    ),
    Endpoint(
        method="DELETE", path="/accounts/{account_id}", name="delete_account",
        summary="Delete an account for good. Its keys are refused from then on.", shape="change",
        data=views.AccountView, handle=lambda call: people.delete_account(call.desk, call.target),
    ),
    Endpoint(
        method="DELETE", path="/accounts/{account_id}/password", name="clear_password",
        summary="Take away the password of an account. Its browsers are signed out.", shape="change",
        data=views.AccessView, handle=_clear_password,
    ),
    Endpoint(
        method="DELETE", path="/accounts/{account_id}/sessions", name="end_sessions",
        summary="Sign out every browser of an account.", shape="change", data=views.AccessView, handle=_end_sessions,
    ),
    Endpoint(
        method="GET", path="/accounts/{account_id}/money", name="list_movements",
        summary="Every movement of its balance, the latest first.", shape="page", data=views.MovementView,
        handle=_list_movements, query=MovementsQuery,
    ),
    Endpoint(
        method="POST", path="/accounts/{account_id}/money", name="move_money",
        summary="Top up, adjust or refund. Each call moves money, but for one repeated under its name.", shape="change",
        data=views.AccountView, status=201, body=forms.Movement,
        handle=lambda call: people.move_money(call.desk, call.target, call.body),
    ),
)  # fmt: skip

_PLANS: Final = (
    Endpoint(
        method="GET", path="/plans", name="list_plans", summary="All plans.", shape="page", data=views.PlanView,
        handle=lambda call: _whole(plans.list_plans(call.desk)),
    ),
    Endpoint(
        method="POST", path="/plans", name="create_plan", summary="Make a plan.", shape="change",
        data=views.PlanView, status=201, body=forms.NewPlan,
        handle=lambda call: plans.create_plan(call.desk, call.body),
    ),
    Endpoint(
        method="GET", path="/plans/{plan_id}", name="get_plan", summary="One plan.", shape="one", data=views.PlanView,
        handle=lambda call: plans.get_plan(call.desk, call.target),
    ),
    Endpoint(
        method="PATCH", path="/plans/{plan_id}", name="edit_plan",
        summary="Change a plan, for its subscriptions too. What is not named stays as it is.", shape="change",
        data=views.PlanView, body=forms.PlanEdit,
        handle=lambda call: plans.edit_plan(call.desk, call.target, call.body),
    ),
    Endpoint(
        method="DELETE", path="/plans/{plan_id}", name="delete_plan", summary="Delete a plan that nobody has.",
        shape="change", data=views.PlanView, handle=lambda call: plans.delete_plan(call.desk, call.target),
    ),
    Endpoint(
        method="GET", path="/subscriptions", name="list_subscriptions", summary="Who has which plan.", shape="page",
        data=views.SubscriptionView, query=SubscriptionsQuery,
        handle=lambda call: _whole(
            plans.list_subscriptions(call.desk, account_id=_named(call.query.account_id))
        ),
    ),
    Endpoint(
        method="PUT", path="/subscriptions", name="subscribe",
        summary="Give an account a plan in a group, in place of what it had there.", shape="change",
        data=views.SubscriptionView, body=forms.SubscriptionForm,
        handle=lambda call: plans.subscribe(call.desk, call.body),
    ),
    Endpoint(
        method="PATCH", path="/subscriptions/{subscription_id}", name="edit_subscription",
        summary="Pause, cancel or change a subscription. What is not named stays as it is.", shape="change",
        data=views.SubscriptionView, body=forms.SubscriptionEdit,
        handle=lambda call: plans.edit_subscription(call.desk, call.target, call.body),
    ),
)  # fmt: skip

_CHANNELS: Final = (
    Endpoint(
        method="GET", path="/channels", name="list_channels",
        summary="All channels; those without an id are of the server's own configuration.", shape="page",
        data=ChannelView, handle=lambda call: _whole(channels.list_channels(call.desk)),
    ),
    Endpoint(
        method="POST", path="/channels", name="create_channel", summary="Make a channel.", shape="change",
        data=ChannelView, status=201, body=channel_forms.NewChannel,
        handle=lambda call: channels.create_channel(call.desk, call.body),
    ),
    Endpoint(
        method="GET", path="/channels/{channel_id}", name="get_channel", summary="One channel.", shape="one",
        data=ChannelView, handle=lambda call: channels.get_channel(call.desk, call.target),
    ),
    Endpoint(
        method="PATCH", path="/channels/{channel_id}", name="edit_channel",
        summary="Change, disable or enable a channel. What is not named stays as it is.", shape="change",
        data=ChannelView, body=channel_forms.ChannelEdit,
        handle=lambda call: channels.edit_channel(call.desk, call.target, call.body),
    ),
    Endpoint(
        method="DELETE", path="/channels/{channel_id}", name="delete_channel",
        summary="Delete a channel for good. Requests that it serves are finished.", shape="change", data=ChannelView,
        handle=lambda call: channels.delete_channel(call.desk, call.target),
    ),
    Endpoint(
        method="POST", path="/channels/{channel_id}/credentials", name="add_credential",
        summary="Give a channel one more key. It is never shown.", shape="change", data=ChannelView, status=201,
        body=channel_forms.NewCredential,
        handle=lambda call: channels.add_credential(call.desk, call.target, call.body),
    ),
    Endpoint(
        method="PATCH", path="/channels/{channel_id}/credentials/{credential_id}", name="edit_credential",
        summary="Replace a channel's key, or rename it.", shape="change", data=ChannelView,
        body=channel_forms.CredentialEdit,
        handle=lambda call: channels.edit_credential(call.desk, call.target, call.part, call.body),
    ),
    Endpoint(
        method="DELETE", path="/channels/{channel_id}/credentials/{credential_id}", name="remove_credential",
        summary="Take a key from a channel.", shape="change", data=ChannelView,
        handle=lambda call: channels.remove_credential(call.desk, call.target, call.part),
    ),
)  # fmt: skip

_OTHERS: Final = (
    Endpoint(
        method="GET", path="/prices", name="list_prices", summary="The operator's own prices.", shape="page",
        data=views.PriceView, query=PricesQuery,
        handle=lambda call: _whole(prices.list_prices(call.desk, include_deleted=call.query.deleted == "true")),
    ),
    Endpoint(
        method="POST", path="/prices", name="add_price", summary="Set a price from a time on.", shape="change",
        data=views.PriceView, status=201, body=forms.NewPrice,
        handle=lambda call: prices.add_price(call.desk, call.body),
    ),
    Endpoint(
        method="DELETE", path="/prices/{price_id}", name="end_price", summary="End a price.", shape="change",
        data=views.PriceView, handle=lambda call: prices.end_price(call.desk, call.target),
    ),
    Endpoint(
        method="GET", path="/tokens", name="list_tokens", summary="Admin tokens.", shape="page", data=views.TokenView,
        handle=lambda call: _whole(tokens.list_tokens(call.desk)),
    ),
    Endpoint(
        method="POST", path="/tokens", name="create_token",
        summary="Make an admin token. Its secret is shown this once.", shape="change", data=views.MadeToken,
        status=201, body=forms.NewToken, handle=lambda call: tokens.create_token(call.desk, call.body),
    ),
    Endpoint(
        method="DELETE", path="/tokens/{token_id}", name="revoke_token", summary="Revoke an admin token.",
        shape="change", data=views.TokenView, handle=lambda call: tokens.revoke_token(call.desk, call.target),
    ),
)  # fmt: skip

RESOURCES: Final = (*_KEYS, *_GROUPS, *_ACCOUNTS, *_PLANS, *_CHANNELS, *_OTHERS)
