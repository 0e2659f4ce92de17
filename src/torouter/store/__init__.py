"""The only SQL of the house: schema, migrations, and queries that return plain frozen structs.

No rule of the business lives here: the store does not know what a disabled key may do. Every call is synchronous and
may wait for a disk, so it is made from a thread or at start-up, never on the event loop. Several processes may hold
the same store. Only this room imports SQLAlchemy, Alembic or a database's driver; `engine.py` is the one place that
knows which database it is.
"""

from torouter.store.migrate import SchemaState, schema_state
from torouter.store.rows import (
    AccessKeyRow,
    AccessRow,
    AccessRows,
    AccountBilling,
    AccountRow,
    AccountStatus,
    AdminTokenRow,
    AuditRow,
    Changes,
    Entry,
    GroupBilling,
    GroupRow,
    KeptResponseRow,
    KeyRow,
    KeyStatus,
    LedgerKind,
    LedgerRow,
    LimitColumns,
    OnHangup,
    PlanRow,
    PlanWindow,
    PriceRow,
    ProcessRow,
    Role,
    SubscriptionRow,
    SubscriptionStatus,
    UsageRow,
    WindowName,
)
from torouter.store.store import Store

__all__ = [
    "AccessKeyRow",
    "AccessRow",
    "AccessRows",
    "AccountBilling",
    "AccountRow",
    "AccountStatus",
    "AdminTokenRow",
    "AuditRow",
    "Changes",
    "Entry",
    "GroupBilling",
    "GroupRow",
    "KeptResponseRow",
    "KeyRow",
    "KeyStatus",
    "LedgerKind",
    "LedgerRow",
    "LimitColumns",
    "OnHangup",
    "PlanRow",
    "PlanWindow",
    "PriceRow",
    "ProcessRow",
    "Role",
    "SchemaState",
    "Store",
    "SubscriptionRow",
    "SubscriptionStatus",
    "UsageRow",
    "WindowName",
    "schema_state",
]
