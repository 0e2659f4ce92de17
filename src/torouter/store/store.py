"""`Store`: every query there is, over one database.

Safe to use from several threads: each call is a transaction of its own, unless `transaction` joins several into one.
The queries stand in the modules named for their subjects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import msgspec

from torouter.store import (
    accounts,
    admin_tokens,
    audit,
    changes,
    channels,
    done_once,
    entries,
    groups,
    kept,
    keys,
    movements,
    plans,
    prices,
    processes,
    pruning,
    segments,
    sessions,
    spent,
    usage,
    vault,
)
from torouter.store.engine import Home, faults_of, open_home
from torouter.store.migrate import REVISIONS, upgrade
from torouter.store.rows import (
    AccountBilling,
    AccountRow,
    AccountStatus,
    AdminTokenRow,
    AuditFilter,
    AuditRow,
    Beat,
    Changes,
    ChannelRow,
    Entry,
    GroupRow,
    KeptResponseRow,
    KeyRow,
    KeysOf,
    KeyStatus,
    LedgerKind,
    LedgerRow,
    LimitColumns,
    ModelTotals,
    OnHangup,
    PlanRow,
    PriceRow,
    ProcessRow,
    Role,
    SeriesPoint,
    SeriesStep,
    SessionRow,
    StoredLedgerRow,
    StoredUsage,
    SubscriptionRow,
    SubscriptionStatus,
    UsageFilter,
    UsageTotals,
)
from torouter.store.transactions import Transactions
from torouter.units import Secret, wall_ms

__all__ = ["Store"]


class Store:
    """Every call raises `StoreError`: the store is unusable, or (its `kind` is `not_found`, `conflict` or
    `bad_request`) what was asked for does not exist, or exists already or is in use, or cannot be changed so."""

    def __init__(self, data_dir: Path, home: Home) -> None:
        self.data_dir = data_dir
        self.place = home.place
        self.schema = REVISIONS[-1]
        """Of what was opened: that of this version."""
        self._home = home
        self._in = Transactions(home)

    @classmethod
    def open(cls, data_dir: Path, database: Secret | None = None) -> Self:
        """Opens the store, making or upgrading it where needed: the file in the data directory, or the PostgreSQL
        database with that URL. May wait for another process. Raises `ConfigError` for a URL that is none."""
        home = open_home(data_dir, database)
        home.prepare()
        try:
            with faults_of(home), home.only_one() as connection:
                upgrade(connection, home.place)
        except BaseException:
            home.reader.dispose()
            raise
        return cls(data_dir, home)

    def close(self) -> None:
        self._home.reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def transaction(self, *, is_change: bool = False) -> AbstractContextManager[None]:
        """Joins this thread's calls: all of them take effect or none. Nobody else writes meanwhile (SQLite), or
        changes what this has changed (PostgreSQL). `is_change`: nobody else makes a change from the beginning on, so
        that what is read here stays true until what is decided by it is written."""
        return self._in.joining(is_change=is_change)

    # What deciding needs

    def revision(self) -> int:
        """Rises with every change of accounts, groups, channels, keys, plans, subscriptions and prices. One small read,
        cheap enough to be asked often."""
        with self._in.reading() as connection:
            return changes.revision_of(connection)

    def changes_since(self, revision: int) -> Changes:
        """What became different after that revision; after 0: everything, but for deleted keys."""
        with self._in.viewing() as connection:
            return changes.changes_since(connection, revision)

    # What requests used and cost

    def write_entries(self, batch: Sequence[Entry], segment: str = "") -> dict[str, int]:
        """Stores all of it or nothing, and nothing if that segment of a journal is stored already. Returns, by name of
        meter, what was spent since ever of all that was touched: by `k:` keys, `a:` accounts, and `p:` in windows of
        plans."""
        if not batch and not segment:
            return {}
        return self._in.repeated(self._in.charging, lambda it: entries.write(it, batch, segment, wall_ms()))

    def has_segment(self, name: str) -> bool:
        with self._in.reading() as connection:
            return segments.has(connection, name)

    def forget_segments(self, names: Sequence[str]) -> None:
        """Of those whose file is gone."""
        with self._in.writing() as connection:
            segments.forget(connection, names)

    def read_spent(self, names: Sequence[str]) -> dict[str, int]:
        """By name of meter, for each that is asked: 0 where nothing was charged."""
        with self._in.reading() as connection:
            return spent.read_spent(connection, names)

    def read_minutes(self, key_id: int, since_minute: int) -> dict[int, int]:
        """Requests of a key with request windows, by minute since the epoch."""
        with self._in.reading() as connection:
            return spent.read_minutes(connection, key_id, since_minute)

    # Processes

    def beat(self, row: ProcessRow) -> None:
        """It is alive: enters the process, or brings its row up to date."""
        with self._in.writing() as connection:
            processes.beat(connection, row)

    def leave(self, process_id: str) -> None:
        with self._in.writing() as connection:
            processes.leave(connection, process_id)

    def live_processes(self, since_ms: int) -> list[ProcessRow]:
        """That were seen at that time or later, the oldest first."""
        with self._in.reading() as connection:
            return processes.live(connection, since_ms)

    # Accounts

    def create_account(
        self, email: str, display_name: str, role: Role, billing: AccountBilling = "prepaid"
    ) -> AccountRow:
        """An active account."""
        with self._in.changing() as (connection, number):
            return accounts.create(connection, number, email, display_name, role, billing)

    def get_account(self, account_id: int) -> AccountRow:
        """Deleted or not."""
        with self._in.reading() as connection:
            return accounts.get(connection, account_id)

    def first_account(self) -> AccountRow | None:
        """The account that was made first: the operator's own."""
        with self._in.reading() as connection:
            return accounts.first(connection)

    def find_account(self, email: str) -> AccountRow | None:
        """The one with this address, that is not deleted."""
        with self._in.reading() as connection:
            return accounts.find_by_email(connection, email)

    def list_accounts(
        self,
        *,
        include_deleted: bool = False,
        after_id: int = 0,
        limit: int | None = None,
        text: str = "",
        role: Role | None = None,
        status: AccountStatus | None = None,
    ) -> list[AccountRow]:
        """By id. `text` is a part of the address or of the name."""
        with self._in.reading() as connection:
            return accounts.page(connection, after_id, limit, include_deleted, text, role, status)

    def account_emails(self, ids: Collection[int]) -> dict[int, str]:
        """By id, deleted or not."""
        with self._in.reading() as connection:
            return accounts.emails(connection, ids)

    def change_account(self, account_id: int, changes: Mapping[str, object]) -> AccountRow:
        """`changes`: `email`, `display_name`, `role`, `status`, `billing`."""
        with self._in.changing() as (connection, number):
            return accounts.change(connection, number, account_id, changes)

    def delete_account(self, account_id: int) -> AccountRow:
        """For good. Its keys' rows stay, its address may be given again."""
        with self._in.changing() as (connection, number):
            return accounts.delete(connection, number, account_id)

    # Signing in

    def find_password(self, email: str) -> tuple[int, str | None] | None:
        """The id of the account with this address, and the hash of its password if it has one."""
        with self._in.reading() as connection:
            return sessions.find_password(connection, email)

    def has_password(self, account_id: int) -> bool:
        with self._in.reading() as connection:
            return sessions.has_password(connection, account_id)

    def set_password(self, account_id: int, password_hash: str | None) -> None:
        """All its sessions end, and their keys. `None`: nobody signs in with a password any more."""
        with self._in.changing() as (connection, number):
            sessions.set_password(connection, account_id, password_hash)
            keys.end_of_sessions(connection, number, account_id=account_id)

    def open_session(
        self, account_id: int, token_hash: bytes, created_ms: int, expires_ms: int, address: str
    ) -> SessionRow:
        with self._in.writing() as connection:
            return sessions.insert_row(connection, account_id, token_hash, created_ms, expires_ms, address)

    def find_session(self, token_hash: bytes) -> SessionRow | None:
        """Expired or not."""
        with self._in.reading() as connection:
            return sessions.find(connection, token_hash)

    def has_session(self, session_id: int) -> bool:
        """Expired or not."""
        with self._in.reading() as connection:
            return sessions.is_there(connection, session_id)

    def touch_session(self, session_id: int, at_ms: int) -> None:
        """Moves its `seen_ms` forward, never back."""
        with self._in.writing() as connection:
            sessions.touch(connection, session_id, at_ms)

    def end_session(self, session_id: int) -> None:
        """And its keys."""
        with self._in.changing() as (connection, number):
            sessions.end(connection, session_id)
            keys.end_of_sessions(connection, number, session_id=session_id)

    def list_sessions(self, account_id: int) -> list[SessionRow]:
        """Expired or not, the one that was seen last first."""
        with self._in.reading() as connection:
            return sessions.of_account(connection, account_id)

    def end_sessions(self, account_id: int) -> int:
        """All of an account, and their keys; how many sessions there were."""
        with self._in.changing() as (connection, number):
            keys.end_of_sessions(connection, number, account_id=account_id)
            return sessions.end_all(connection, account_id)

    def sweep_sessions(self, now_ms: int, idle_ms: int) -> None:
        """Deletes those that have expired, or were not seen for so long; a bounded number at a time."""
        with self._in.writing() as connection:
            sessions.sweep(connection, now_ms, idle_ms)

    # Money

    def move_money(self, account_id: int, kind: LedgerKind, amount_nusd: int, note: str) -> AccountRow:
        """Credits the account, or takes from it if the amount is negative, and writes that into the ledger."""
        with self._in.changing() as (connection, number):
            return movements.move(connection, number, account_id, kind, amount_nusd, note)

    def ledger_page(self, account_id: int, before_id: int | None = None, limit: int = 50) -> list[StoredLedgerRow]:
        """The latest rows first."""
        with self._in.reading() as connection:
            return movements.page(connection, account_id, before_id, limit)

    def attempts_of(self, request_id: str) -> list[LedgerRow]:
        """In their order; none where they were pruned."""
        with self._in.reading() as connection:
            return movements.attempts_of(connection, request_id)

    # Groups

    def create_group(self, name: str, changes: Mapping[str, object] | None = None) -> GroupRow:
        """`changes`: `platform`, `billing`, `multiplier_ppm`, `models`, `defaults` (`LimitColumns`),
        `routing`, `managed_by`."""
        with self._in.changing() as (connection, number):
            return groups.create(connection, number, name, changes or {})

    def get_group(self, group: str | int) -> GroupRow:
        """By name, or by id and then deleted or not."""
        with self._in.reading() as connection:
            return groups.get(connection, group)

    def list_groups(self, *, include_deleted: bool = False) -> list[GroupRow]:
        with self._in.reading() as connection:
            return groups.every(connection, include_deleted)

    def change_group(self, group_id: int, changes: Mapping[str, object]) -> GroupRow:
        """`changes` as for `create_group`, and `name`."""
        with self._in.changing() as (connection, number):
            return groups.change(connection, number, group_id, changes)

    def delete_group(self, group_id: int) -> GroupRow:
        """For good; its name may be given again. A conflict while a key or a subscription in force belongs to it."""
        with self._in.changing() as (connection, number):
            return groups.delete(connection, number, group_id)

    # Channels

    def create_channel(self, name: str, kind: str, changes: Mapping[str, object] | None = None) -> ChannelRow:
        """Without credentials. `changes`: `spec`, `is_enabled`, `managed_by`."""
        with self._in.changing() as (connection, number):
            return channels.create(connection, number, name, kind, changes or {})

    def get_channel(self, channel_id: int) -> ChannelRow:
        """Deleted or not."""
        with self._in.reading() as connection:
            return channels.get(connection, channel_id)

    def list_channels(self, *, include_deleted: bool = False) -> list[ChannelRow]:
        """By id."""
        with self._in.reading() as connection:
            return channels.every(connection, include_deleted)

    def change_channel(self, channel_id: int, changes: Mapping[str, object]) -> ChannelRow:
        """`changes` as for `create_channel`, and `name` and `kind`."""
        with self._in.changing() as (connection, number):
            return channels.change(connection, number, channel_id, changes)

    def delete_channel(self, channel_id: int) -> ChannelRow:
        """For good, with its credentials. Its row stays for the usage that names it; its name may be given again."""
        with self._in.changing() as (connection, number):
            return channels.delete(connection, number, channel_id)

    def add_credential(self, channel_id: int, label: str, tail: str, sealed: bytes) -> ChannelRow:
        """A conflict where the channel has one of that label."""
        with self._in.changing() as (connection, number):
            return channels.add_credential(connection, number, channel_id, label, tail, sealed)

    def change_credential(self, channel_id: int, credential_id: int, changes: Mapping[str, object]) -> ChannelRow:
        """`changes`: `label`, `tail`, `sealed`."""
        with self._in.changing() as (connection, number):
            return channels.change_credential(connection, number, channel_id, credential_id, changes)

    def remove_credential(self, channel_id: int, credential_id: int) -> ChannelRow:
        with self._in.changing() as (connection, number):
            return channels.remove_credential(connection, number, channel_id, credential_id)

    # Keys

    def create_key(
        self,
        *,
        account_id: int,
        group: str | int,
        name: str,
        key_hash: bytes,
        head: str,
        tail: str,
        models: Sequence[str] = (),
        expires_ms: int | None = None,
        keep_responses: bool | None = None,
        limits: LimitColumns | None = None,
        ip_allow: Sequence[str] = (),
        ip_deny: Sequence[str] = (),
        is_strict: bool | None = None,
        on_hangup: OnHangup | None = None,
        replaces_id: int | None = None,
        session_id: int | None = None,
    ) -> KeyRow:
        """An enabled key. `head` and `tail` are the parts of it that may be shown; no models means all models. With a
        `session_id` it ends when that session does."""
        values: dict[str, object] = {
            "account_id": account_id,
            "name": name,
            "key_hash": key_hash,
            "head": head,
            "tail": tail,
            "models": list(models),
            "status": "enabled",
            "expires_ms": expires_ms,
            "keep_responses": keep_responses,
            "ip_allow": list(ip_allow),
            "ip_deny": list(ip_deny),
            "is_strict": is_strict,
            "on_hangup": on_hangup,
            "replaces_id": replaces_id,
            "session_id": session_id,
        }
        with self._in.changing() as (connection, number):
            of_limits = msgspec.structs.asdict(limits or LimitColumns())
            return keys.create(connection, number, group, values | of_limits)

    def find_key(self, key_hash: bytes) -> KeyRow | None:
        """The key with this hash, deleted or not."""
        with self._in.reading() as connection:
            return keys.find(connection, key_hash)

    def key_hash(self, key_id: int) -> bytes | None:
        """By which it is found when it is used; `None` for one that was deleted."""
        with self._in.reading() as connection:
            return keys.hash_of(connection, key_id)

    def get_key(self, key_id: int) -> KeyRow:
        """Deleted or not."""
        with self._in.reading() as connection:
            return keys.get(connection, key_id)

    def list_keys(
        self,
        *,
        account_id: int | None = None,
        include_deleted: bool = False,
        after_id: int = 0,
        limit: int | None = None,
    ) -> list[KeyRow]:
        """By id. Keys of sessions only with the deleted ones: nobody keeps them."""
        with self._in.reading() as connection:
            return keys.page(connection, account_id, include_deleted, after_id, limit)

    def session_keys(self, session_id: int) -> list[KeyRow]:
        """Those that are not deleted, by id."""
        with self._in.reading() as connection:
            return keys.of_session(connection, session_id)

    def sweep_session_keys(self, now_ms: int) -> None:
        """Deletes keys of sessions that have expired; a bounded number at a time."""
        with self._in.changing() as (connection, number):
            keys.sweep_of_sessions(connection, number, now_ms)

    def count_keys(self) -> dict[int, int]:
        """By group, of those that have any; deleted ones do not count."""
        with self._in.reading() as connection:
            return keys.count_by_group(connection)

    def key_names(self, ids: Collection[int]) -> dict[int, str]:
        """By id, deleted or not."""
        with self._in.reading() as connection:
            return keys.names(connection, ids)

    def keys_of(self, account_ids: Collection[int]) -> dict[int, KeysOf]:
        """By account, of those that have or had any."""
        with self._in.reading() as connection:
            return keys.of_accounts(connection, account_ids)

    def change_key(self, key_id: int, changes: Mapping[str, object]) -> KeyRow:
        """`changes`: `group` (name or id) or `group_id`, `name`, `models`, `status`, `expires_ms`, `keep_responses`,
        `ip_allow`, `ip_deny`, `is_strict`, `on_hangup`, and the columns of `LimitColumns`."""
        with self._in.changing() as (connection, number):
            return keys.change(connection, number, key_id, changes)

    def set_key_status(self, key_id: int, status: KeyStatus) -> KeyRow:
        return self.change_key(key_id, {"status": status})

    def delete_key(self, key_id: int) -> KeyRow:
        """For good: the row stays for the usage that names it, but nothing brings the key back."""
        with self._in.changing() as (connection, number):
            return keys.delete(connection, number, key_id)

    # Plans, subscriptions, prices

    def create_plan(self, name: str, *, daily_nusd: int = 0, weekly_nusd: int = 0, monthly_nusd: int = 0) -> PlanRow:
        windows = {"daily_nusd": daily_nusd, "weekly_nusd": weekly_nusd, "monthly_nusd": monthly_nusd}
        with self._in.changing() as (connection, _):
            return plans.create(connection, name, windows)

    def get_plan(self, plan_id: int) -> PlanRow:
        """Deleted or not."""
        with self._in.reading() as connection:
            return plans.get(connection, plan_id)

    def list_plans(self, *, include_deleted: bool = False) -> list[PlanRow]:
        with self._in.reading() as connection:
            return plans.every(connection, include_deleted)

    def change_plan(self, plan_id: int, changes: Mapping[str, object]) -> PlanRow:
        """`changes`: `name`, `daily_nusd`, `weekly_nusd`, `monthly_nusd`."""
        with self._in.changing() as (connection, _):
            return plans.change(connection, plan_id, changes)

    def delete_plan(self, plan_id: int) -> PlanRow:
        """For good; its name may be given again. A conflict while a subscription in force has it."""
        with self._in.changing() as (connection, _):
            return plans.delete(connection, plan_id)

    def set_subscription(
        self,
        account_id: int,
        group_id: int,
        plan_id: int,
        status: SubscriptionStatus,
        started_ms: int,
        ends_ms: int | None,
    ) -> SubscriptionRow:
        """An account has at most one in a group: makes it, or changes it."""
        with self._in.changing() as (connection, number):
            return plans.set_subscription(
                connection, number, account_id, group_id, plan_id, status, started_ms, ends_ms
            )

    def list_subscriptions(self, account_id: int | None = None) -> list[SubscriptionRow]:
        with self._in.reading() as connection:
            return plans.subscriptions_of(connection, account_id)

    def add_price(self, model: str, channel: str, from_ms: int, rates: Mapping[str, object], note: str) -> PriceRow:
        with self._in.changing() as (connection, _):
            return prices.add(connection, model, channel, from_ms, rates, note)

    def list_prices(self, *, include_deleted: bool = False) -> list[PriceRow]:
        """By id: a later one takes the place of an earlier one."""
        with self._in.reading() as connection:
            return prices.every(connection, include_deleted)

    def delete_price(self, price_id: int) -> PriceRow:
        """Its row stays for the bills that name it."""
        with self._in.changing() as (connection, _):
            return prices.delete(connection, price_id)

    # Who changed what, and with what right

    def write_audit(
        self,
        actor: str,
        address: str,
        action: str,
        object_kind: str,
        object_id: int,
        before: Mapping[str, object] | None,
        after: Mapping[str, object] | None,
    ) -> AuditRow:
        with self._in.writing() as connection:
            return audit.write(connection, actor, address, action, object_kind, object_id, before, after)

    def audit_page(
        self,
        before_id: int | None = None,
        limit: int = 50,
        wanted: AuditFilter | None = None,
        lowest_id: int | None = None,
    ) -> list[AuditRow]:
        """The latest rows first, none below `lowest_id`."""
        with self._in.reading() as connection:
            return audit.page(connection, wanted or AuditFilter(), before_id, limit, lowest_id)

    def audit_floor(self, before_id: int | None, rows: int) -> int | None:
        """The last id of so many rows before that one, whatever they say; `None` where there are fewer."""
        with self._in.reading() as connection:
            return audit.floor(connection, before_id, rows)

    def add_admin_token(
        self, account_id: int, name: str, token_hash: bytes, head: str, expires_ms: int | None
    ) -> AdminTokenRow:
        with self._in.writing() as connection:
            return admin_tokens.add(connection, account_id, name, token_hash, head, expires_ms)

    def find_admin_token(self, token_hash: bytes) -> AdminTokenRow | None:
        """Expired or not, but not deleted."""
        with self._in.reading() as connection:
            return admin_tokens.find(connection, token_hash)

    def list_admin_tokens(self, *, include_deleted: bool = False) -> list[AdminTokenRow]:
        with self._in.reading() as connection:
            return admin_tokens.every(connection, include_deleted)

    def delete_admin_token(self, token_id: int) -> AdminTokenRow:
        with self._in.writing() as connection:
            return admin_tokens.delete(connection, token_id)

    def touch_admin_token(self, token_id: int, at_ms: int) -> None:
        """Moves its `last_used_ms` forward, never back."""
        with self._in.writing() as connection:
            admin_tokens.touch(connection, token_id, at_ms)

    # Usage

    def usage_page(
        self,
        wanted: UsageFilter,
        before: tuple[int, int] | None = None,
        limit: int = 50,
        lowest: tuple[int, int] | None = None,
    ) -> list[StoredUsage]:
        """The latest first, at most 1000, none below `lowest`. The next page is what stands before the last one's
        `(at_ms, id)`."""
        with self._in.reading() as connection:
            return usage.page(connection, wanted, before, limit, lowest)

    def usage_floor(self, wanted: UsageFilter, before: tuple[int, int] | None, rows: int) -> tuple[int, int] | None:
        """The last `(at_ms, id)` of so many requests before that one; `None` where there are fewer. Of the filter only
        times, account and key count: what has an index."""
        with self._in.reading() as connection:
            return usage.floor(connection, wanted, before, rows)

    def usage_pulse(self, from_ms: int, step_ms: int) -> list[Beat]:
        """Sums of what has ended since, by steps of that length. Looks at every row: for minutes, not for hours."""
        with self._in.reading() as connection:
            return usage.pulse(connection, from_ms, step_ms)

    def usage_export(self, wanted: UsageFilter) -> Iterator[list[StoredUsage]]:
        """All of them, the latest first, in pages. No transaction lasts longer than a page."""
        before: tuple[int, int] | None = None
        while page := self.usage_page(wanted, before, usage.PAGE_ROWS):
            yield page
            before = (page[-1].row.at_ms, page[-1].id)

    def usage_totals(self, wanted: UsageFilter) -> UsageTotals:
        """From roll-ups, but for parts of an hour, and for all if the filter asks for what they do not tell apart:
        channel, status, a request. Those count what has not been pruned."""
        with self._in.viewing() as connection:
            return usage.totals(connection, wanted)

    def usage_by_model(self, wanted: UsageFilter) -> list[ModelTotals]:
        """As `usage_totals`, by the model that clients asked for; the most expensive first, at most 1000."""
        with self._in.viewing() as connection:
            return usage.by_model(connection, wanted)

    def usage_series(self, wanted: UsageFilter, step: SeriesStep) -> list[SeriesPoint]:
        """By hour or day (UTC), those with requests. Those in which the time begins and ends count whole."""
        with self._in.reading() as connection:
            return usage.series(connection, wanted, step)

    # Pruning

    def prune_usage(self, before_ms: int, limit_rows: int = 500) -> int:
        """Deletes at most so many of the oldest requests before that time, with their attempts, whose amounts go into
        a sum in the ledger. Roll-ups stay. Returns how many; fewer than the limit: there are no more."""
        with self._in.reading() as connection:
            due = pruning.due_requests(connection, before_ms, limit_rows)
        return self._in.repeated(self._in.writing, lambda it: pruning.prune_requests(it, due)) if due else 0

    def prune_hours(self, before_ms: int, limit_rows: int = 1000) -> int:
        """Roll-ups by hour; those by day stay."""
        return self._in.repeated(self._in.writing, lambda it: pruning.prune_hours(it, before_ms, limit_rows))

    def prune_minutes(self, before_minute: int, limit_rows: int = 1000) -> int:
        """Minutes that no request window looks at any more."""
        return self._in.repeated(self._in.writing, lambda it: pruning.prune_minutes(it, before_minute, limit_rows))

    def prune_done(self, now_ms: int, limit_rows: int = 1000) -> int:
        """Answers that have expired."""
        return self._in.repeated(self._in.writing, lambda it: pruning.prune_done(it, now_ms, limit_rows))

    # What was done once

    def find_done(self, name: bytes, now_ms: int) -> bytes | None:
        """The sealed answer; `None` where nothing was done under that name, or it has expired. True until it is acted
        upon only within a `transaction` that is a change."""
        with self._in.reading() as connection:
            return done_once.find(connection, name, now_ms)

    def keep_done(self, name: bytes, sealed: bytes, expires_ms: int) -> None:
        """In the transaction of what was done."""
        with self._in.writing() as connection:
            done_once.keep(connection, name, sealed, expires_ms)

    # Kept responses

    def keep_response(self, row: KeptResponseRow) -> None:
        with self._in.writing() as connection:
            kept.insert_row(connection, row)

    def find_response(self, account_id: int, response_id: str, now_ms: int) -> bytes | None:
        """What was sealed; `None` where there is none of this account, or no longer."""
        with self._in.reading() as connection:
            return kept.find_sealed(connection, account_id, response_id, now_ms)

    def delete_response(self, account_id: int, response_id: str, now_ms: int) -> bool:
        """Was there one of this account?"""
        with self._in.writing() as connection:
            return kept.delete_row(connection, account_id, response_id, now_ms)

    def shorten_responses(self, ttl_ms: int) -> None:
        """Lets none live longer than so long, whatever was said when it was kept."""
        with self._in.writing() as connection:
            kept.shorten_rows(connection, ttl_ms)

    def sweep_responses(self, now_ms: int, account_limit_bytes: int, limit_rows: int = 1000) -> int:
        """Deletes what has expired, and the oldest of accounts that keep more than they may; at most so many rows, so
        that others need not wait long. Returns how many. What is due is found without keeping anybody from writing: it
        takes a look at all rows."""
        with self._in.reading() as connection:
            due = kept.due_ids(connection, now_ms, account_limit_bytes, limit_rows)
        if not due:
            return 0
        with self._in.writing() as connection:
            return kept.delete_rows(connection, due)

    # The vault

    def keep_state(self, rows: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Rows of key, value and `expires_ms`: all or none. Each takes the place of one with the same key."""
        if not rows:
            return
        with self._in.writing() as connection:
            vault.keep(connection, rows)

    def find_state(self, wanted: Sequence[bytes], now_ms: int) -> dict[bytes, tuple[bytes, int]]:
        """By key, the value and `expires_ms` of those that have not expired."""
        with self._in.reading() as connection:
            return vault.find(connection, wanted, now_ms)

    def tidy_state(self, now_ms: int, most_rows: int) -> None:
        """Removes rows that have expired, and the oldest ones beyond so many; a bounded number of both at a time."""
        with self._in.writing() as connection:
            vault.tidy(connection, now_ms, most_rows)
