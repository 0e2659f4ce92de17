"""What operators ask of requests, by whom and through what they went."""

from __future__ import annotations

from typing import Any, Final

from torouter.accounts.office import people
from torouter.accounts.office.forms import UsageQuery
from torouter.accounts.office.refused import filled
from torouter.console.portal.fields import Fields, day_begins, day_ends
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError

__all__ = ["channel_names", "request_query", "said_in"]

_AS_THEY_ARE: Final = ("model", "channel", "outcome", "status")


def said_in(visit: Visit, names: tuple[str, ...]) -> dict[str, str]:
    return {name: visit.query.get(name, "").strip() for name in names}


def request_query(visit: Visit, values: Fields) -> UsageQuery:
    """`account` is an address or a number, `key` a number. Raises `RequestError`, which names the field."""
    named: dict[str, Any] = {name: values.get(name, "") for name in _AS_THEY_ARE}
    named["since"] = day_begins(values.get("since", ""), "since")
    named["until"] = day_ends(values.get("until", ""), "until")
    if values.get("account"):
        named["account_id"] = _account_id(visit, values["account"])
    if values.get("key"):
        named["key_id"] = _whole(values["key"], "key")
    return filled(UsageQuery, {name: value for name, value in named.items() if value not in ("", None)})


def channel_names(visit: Visit) -> list[str]:
    return [channel.name for channel in visit.sources.snapshot().channels]


def _account_id(visit: Visit, text: str) -> int:
    if text.isdecimal():
        return _whole(text, "account")
    try:
        return people.find_account(visit.desk, text).id
    except (RequestError, StoreError) as error:
        raise RequestError("account: there is none with this address.", param="account") from error


def _whole(text: str, field: str) -> int:
    if not text.isdecimal() or not 1 <= len(text) <= 18:
        raise RequestError(f"{field}: expected a number.", param=field)
    return int(text)
