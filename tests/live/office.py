"""Accounts, groups, keys and plans of a gateway under test, changed as an operator would: an edit is made in the store,
and is in force when the gateway has said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from tests.live.gateway import Gateway
from torouter.accounts import add_key, load_pepper
from torouter.accounts.propagation import wait_until_everywhere
from torouter.store import KeyRow, Store, UsageFilter
from torouter.units import Secret, new_api_key

__all__ = ["RATES", "Office", "opened"]

RATES = {"input_per_mtok": 1_000_000_000, "output_per_mtok": 2_000_000_000}
"""A dollar for a million tokens read, and two for as many written: 1,000 and 2,000 nano-dollars each."""

_numbers = count(1)


class Office:
    def __init__(self, store: Store, pepper: bytes) -> None:
        self.store = store
        self._pepper = pepper
        account = store.first_account()
        assert account is not None
        self.operator_id = account.id
        self._ids: dict[str, int] = {}

    def account(self, credit_nusd: int = 0, **changes: Any) -> int:
        """A prepaid one."""
        number = next(_numbers)
        row = self.store.create_account(f"{number}@example.com", f"Account {number}", "user", "prepaid")
        if credit_nusd:
            self.store.move_money(row.id, "top_up", credit_nusd, "")
        if changes:
            self.store.change_account(row.id, changes)
        return row.id

    def group(self, **changes: Any) -> str:
        return self.store.create_group(f"group-{next(_numbers)}", changes).name

    def plan(self, **windows: int) -> int:
        return self.store.create_plan(f"plan-{next(_numbers)}", **windows).id

    def key(self, account_id: int | None = None, group: str = "default", **changes: Any) -> tuple[str, KeyRow]:
        """Its text, and its row. Without an account it is the operator's, which is unlimited."""
        text = new_api_key()
        row = add_key(
            self.store,
            self._pepper,
            text,
            account_id=self.operator_id if account_id is None else account_id,
            name=f"key {next(_numbers)}",
            group=group,
        )
        if changes:
            row = self.store.change_key(row.id, changes)
        self._ids[text] = row.id
        return text, row

    def requests_of(self, key: str) -> int:
        """How many requests are on record that were made with a key of this office's."""
        if key not in self._ids:
            return 0
        return self.store.usage_totals(UsageFilter(key_id=self._ids[key])).requests

    def edit(self, make: Callable[[Store], object]) -> None:
        """Returns when it is in force."""
        make(self.store)
        self.settle()

    def settle(self) -> None:
        assert wait_until_everywhere(self.store, self.store.revision()) == []


@contextmanager
def opened(
    gateway: Gateway, database: Secret | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Office]:
    with Store.open(gateway.data, database) as store:
        yield Office(store, load_pepper(gateway.data, environment or {}, may_create=False))
