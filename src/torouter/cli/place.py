"""Where a command works: the options that say it, and the store behind them."""

from __future__ import annotations

import functools
import getpass
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter.errors import TorouterError

if TYPE_CHECKING:
    from torouter.accounts.office.desk import ChannelRules, Desk
    from torouter.store import Store
    from torouter.units import Secret

__all__ = ["Place", "data_option", "database_option", "pepper_of", "placed"]

Command = TypeVar("Command", bound=Callable[..., Any])

_CONFIRM_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """What `--data`, `--database` and `--json` say."""

    data: Path | None
    database: str | None
    is_json: bool

    @property
    def data_dir(self) -> Path:
        from torouter.config import data_directory

        return data_directory(self.data, os.environ)

    @property
    def secret_database(self) -> Secret | None:
        from torouter.units import Secret

        said = self.database or os.environ.get("TOROUTER_DATABASE")
        return Secret(said) if said else None

    @contextmanager
    def store(self) -> Iterator[Store]:
        from torouter.store import Store

        with Store.open(self.data_dir, self.secret_database) as store:
            yield store

    @contextmanager
    def desk(self, rules: ChannelRules | None = None) -> Iterator[Desk]:
        """For what is only looked at. `rules`: where channels are."""
        from torouter.accounts.office.desk import NO_CHANNELS, Actor, Desk

        with self.store() as store:
            pepper = pepper_of(store, self.data_dir)
            yield Desk(store, pepper, Actor(_operator()), rules=rules or NO_CHANNELS)

    @contextmanager
    def changing(self, rules: ChannelRules | None = None) -> Iterator[Desk]:
        """Afterwards the change is in force in every process, or the command fails and says where it is not."""
        from torouter.accounts.office.office import waiting_for

        with self.desk(rules) as desk:
            yield desk
            waiting = waiting_for(desk, _CONFIRM_S)
        if waiting:
            places = ", ".join(f"{process.place} ({process.id})" for process in waiting)
            raise TorouterError(
                f"The change is stored, but these processes have not said that they work by it: {places}."
            )


def data_option(command: Command) -> Command:
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Data directory: the store and its secret. [TOROUTER_DATA; default: ~/.local/share/torouter]",
    )(command)


def database_option(command: Command) -> Command:
    return click.option(
        "--database",
        metavar="URL",
        help="The store, where it is a PostgreSQL database: postgresql://... [TOROUTER_DATABASE]",
    )(command)


def placed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command these options, as its first argument."""

    @functools.wraps(command)
    def run(data: Path | None, database: str | None, is_json: bool, **others: Any) -> Any:
        return command(Place(data, database, is_json), **others)

    with_json = click.option("--json", "is_json", is_flag=True, help="Print JSON, as the management API has it.")(run)
    return data_option(database_option(with_json))


def pepper_of(store: Store, data_dir: Path) -> bytes:
    from torouter.accounts import load_pepper

    is_needed = bool(store.list_keys(include_deleted=True, limit=1) or store.list_channels())
    return load_pepper(data_dir, os.environ, may_create=not is_needed)


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"cli {user}@{platform.node()}"
