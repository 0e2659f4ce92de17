"""The only SQL of the house: schema, migrations, and queries that return plain frozen structs.

No rule of the business lives here: the store does not know what a disabled key may do. Every call is synchronous and
may wait for a disk, so it is made from a thread or at start-up, never on the event loop. Several processes may hold
the same store. Only this room imports SQLAlchemy, Alembic or a database's driver; `engine.py` is the one place that
knows which database it is.
"""

from torouter.store.migrate import SchemaState, schema_state
from torouter.store.rows import (
    AccessRow,
    AccessRows,
    AccountRow,
    AccountStatus,
    GroupRow,
    KeptResponseRow,
    KeyRow,
    KeyStatus,
    Role,
    UsageRow,
)
from torouter.store.store import Store

__all__ = [
    "AccessRow",
    "AccessRows",
    "AccountRow",
    "AccountStatus",
    "GroupRow",
    "KeptResponseRow",
    "KeyRow",
    "KeyStatus",
    "Role",
    "SchemaState",
    "Store",
    "UsageRow",
    "schema_state",
]
