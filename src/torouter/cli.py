"""The commands. Each is thin: options in, one call into the house, lines out; the house is imported when it is needed.

What scripts read goes to standard output, the rest to standard error. A failure is a sentence and an exit code: 2 for
what the operator wrote (options, variables, the configuration file), 1 for everything else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter import __version__
from torouter.errors import ConfigError, TorouterError

if TYPE_CHECKING:
    from torouter.accounts import Announcement
    from torouter.config import Settings
    from torouter.store import KeyRow, Store

__all__ = ["cli", "main"]

Command = TypeVar("Command", bound=Callable[..., Any])

_DAY_MS = 24 * 60 * 60 * 1000


class _ConfigFailure(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """A group whose commands fail with the sentence of the error, not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise _ConfigFailure(error.message) from error
        except TorouterError as error:
            raise click.ClickException(error.message) from error


def _data_option(command: Command) -> Command:
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Data directory: the store and its secret. [TOROUTER_DATA; default: ~/.local/share/torouter]",
    )(command)


def _config_option(command: Command) -> Command:
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Configuration file in YAML. [TOROUTER_CONFIG]",
    )(command)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="torouter", message="%(prog)s %(version)s")
def cli() -> None:
    """ToRouter, a self-hosted LLM gateway: one key and one base URL for every provider's models."""


@cli.command()
@click.option("--host", metavar="HOST", help="Address to listen on. [TOROUTER_HOST; default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 takes a free one. [TOROUTER_PORT; default: 8000]",
)
@_data_option
@_config_option
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes that serve, each with its own event loop. [TOROUTER_WORKERS; default: 1]",
)
@click.pass_context
def serve(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    data: Path | None,
    config: Path | None,
    workers: int | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    At the first start this makes the store, an account and a key, and shows the key once. Channels come from the
    configuration file and from providers' keys in the environment; without any, a built-in demo answers.

    \b
    Examples:
      torouter serve
      OPENAI_API_KEY=sk-... torouter serve --port 9000
      torouter serve --host 0.0.0.0 --config gateway.yaml --workers 4
    """
    from torouter.config import Overrides, load_settings

    settings = load_settings(Overrides(host=host, port=port, data=data, config=config, workers=workers), os.environ)
    announcement = _prepare(settings)
    from torouter import app

    try:
        code = app.serve(settings, announcement)
    except TorouterError:
        # It failed before it could show the key, and nobody will see it again.
        if announcement.key is not None:
            click.echo(f"Key (shown once): {announcement.key}")
        raise
    ctx.exit(code)


@cli.command()
@_config_option
def check(config: Path | None) -> None:
    """Check the configuration without serving; shows the channels that there would be.

    \b
    Example:
      torouter check --config gateway.yaml
    """
    from torouter.config import Overrides, load_settings

    settings = load_settings(Overrides(config=config), os.environ)
    source = settings.config_file or "the environment and defaults"
    click.echo(f"The configuration is good: {source}.")
    click.echo(f"Listens on {settings.server.host} port {settings.server.port}, data in {settings.data_dir}.")
    for channel in settings.channels:
        click.echo(f"  {channel.summary}")


@cli.group()
def key() -> None:
    """Make, list, disable and delete API keys. A running gateway follows within a second."""


@key.command("create")
@click.option("--name", default="key", show_default=True, help="What you call it.")
@click.option("--group", default="default", show_default=True, help="The group whose channels it may use.")
@click.option("--models", default="", metavar="A,B", help="Only these models. [default: all of the group]")
@click.option("--expires-days", type=click.IntRange(1, 36500), metavar="N", help="Ends after N days. [default: never]")
@click.option(
    "--keep-responses/--no-keep-responses",
    default=None,
    help="May its answers be kept for later requests? [default: responses.keep of the configuration]",
)
@_data_option
def create_key(
    name: str, group: str, models: str, expires_days: int | None, keep_responses: bool | None, data: Path | None
) -> None:
    """Make a key and print it: the only time that it can be seen.

    \b
    Examples:
      torouter key create --name laptop
      KEY=$(torouter key create --name ci --models gpt-5-mini,claude-haiku-4-5 --expires-days 90)
    """
    from torouter.accounts import add_key, ensure_account
    from torouter.units import new_api_key, wall_ms

    made = new_api_key()
    with _store(data) as store:
        row = add_key(
            store,
            _pepper(store),
            made,
            account_id=ensure_account(store).id,
            name=name,
            group=group,
            models=[model.strip() for model in models.split(",") if model.strip()],
            expires_ms=None if expires_days is None else wall_ms() + expires_days * _DAY_MS,
            keep_responses=keep_responses,
        )
    click.echo(f"Key {row.id} ({row.name}) of group {row.group}. It is shown this once:", err=True)
    click.echo(made)


@key.command("list")
@click.option("--all", "include_deleted", is_flag=True, help="Deleted keys too.")
@_data_option
def list_keys(include_deleted: bool, data: Path | None) -> None:
    """List the keys: their first and last characters, and what they may do.

    \b
    Example:
      torouter key list
    """
    with _store(data) as store:
        rows = store.list_keys(include_deleted=include_deleted)
    heads = ("ID", "KEY", "NAME", "GROUP", "STATUS", "MODELS", "KEEPS", "EXPIRES", "LAST USED")
    _print_table(heads, map(_key_cells, rows))


@key.command("disable")
@click.argument("key_id", metavar="ID", type=int)
@_data_option
def disable_key(key_id: int, data: Path | None) -> None:
    """Refuse a key until it is enabled again.

    \b
    Example:
      torouter key disable 3
    """
    with _store(data) as store:
        row = store.set_key_status(key_id, "disabled")
    click.echo(f"Key {row.id} ({row.name}) is disabled.")


@key.command("enable")
@click.argument("key_id", metavar="ID", type=int)
@_data_option
def enable_key(key_id: int, data: Path | None) -> None:
    """Accept a disabled key again.

    \b
    Example:
      torouter key enable 3
    """
    with _store(data) as store:
        row = store.set_key_status(key_id, "enabled")
    click.echo(f"Key {row.id} ({row.name}) is enabled.")


@key.command("delete")
@click.argument("key_id", metavar="ID", type=int)
@click.confirmation_option("--yes", prompt="Delete this key for good?", help="Do not ask.")
@_data_option
def delete_key(key_id: int, data: Path | None) -> None:
    """Delete a key for good. What it used stays on record.

    \b
    Example:
      torouter key delete 3 --yes
    """
    with _store(data) as store:
        row = store.delete_key(key_id)
    click.echo(f"Key {row.id} ({row.name}) is deleted.")


@cli.group()
def group() -> None:
    """Make and list groups. A channel may be reserved for the keys of some groups."""


@group.command("create")
@click.argument("name")
@_data_option
def create_group(name: str, data: Path | None) -> None:
    """Make a group of keys.

    \b
    Example:
      torouter group create research
    """
    with _store(data) as store:
        row = store.create_group(name)
    click.echo(f"Group {row.name} is there. A key of it: torouter key create --group {row.name}")


@group.command("list")
@_data_option
def list_groups(data: Path | None) -> None:
    """List the groups.

    \b
    Example:
      torouter group list
    """
    with _store(data) as store:
        rows = store.list_groups()
    _print_table(("ID", "NAME", "CREATED"), ((str(row.id), row.name, _day(row.created_ms)) for row in rows))


@cli.group()
def account() -> None:
    """Look at accounts."""


@account.command("list")
@_data_option
def list_accounts(data: Path | None) -> None:
    """List the accounts.

    \b
    Example:
      torouter account list
    """
    with _store(data) as store:
        rows = store.list_accounts()
    cells = ((str(row.id), row.email, row.display_name, row.role, row.status, _day(row.created_ms)) for row in rows)
    _print_table(("ID", "E-MAIL", "NAME", "ROLE", "STATUS", "CREATED"), cells)


@cli.group()
def db() -> None:
    """Look after the store."""


@db.command("upgrade")
@_data_option
def upgrade_store(data: Path | None) -> None:
    """Make the store, or bring it to this version's schema. `torouter serve` does so too.

    \b
    Example:
      torouter db upgrade --data /var/lib/torouter
    """
    with _store(data) as store:
        click.echo(f"{store.place} has this version's schema.")


@db.command("check")
@_data_option
def check_store(data: Path | None) -> None:
    """Say whether the store has this version's schema, changing nothing. Exits with 1 if it has not.

    \b
    Example:
      torouter db check
    """
    from torouter.store import schema_state

    state = schema_state(_data_dir(data))
    if state.is_current:
        click.echo(f"{state.place} has this version's schema, {state.expected}.")
        return
    if not state.is_known:
        raise TorouterError(
            f"{state.place} has schema {state.found}, made by a newer version; this one knows schemas up to "
            f"{state.expected}. Install that version again."
        )
    found = f"has schema {state.found}" if state.found else "is not there yet, or empty"
    raise TorouterError(f"{state.place} {found}, and this version uses {state.expected}: run `torouter db upgrade`.")


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"torouter {__version__}")


def main() -> None:
    cli(prog_name="torouter")


def _prepare(settings: Settings) -> Announcement:
    """The store, the pepper and the first key, made where they are missing."""
    from torouter.accounts import FIRST_KEY_VARIABLE, Announcement, ensure_first
    from torouter.store import Store

    with Store.open(settings.data_dir) as store:
        first = ensure_first(store, _pepper(store), os.environ.get(FIRST_KEY_VARIABLE) or None)
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    return Announcement(
        url=f"http://{host}:{settings.server.port}",
        key=first.key.reveal() if first.key is not None else None,
        key_origin=first.origin,
        channels=tuple(channel.summary for channel in settings.channels),
        is_demo=settings.is_demo,
    )


def _pepper(store: Store) -> bytes:
    from torouter.accounts import load_pepper

    has_keys = bool(store.list_keys(include_deleted=True, limit=1))
    return load_pepper(store.data_dir, os.environ, may_create=not has_keys)


@contextmanager
def _store(data: Path | None) -> Iterator[Store]:
    from torouter.store import Store

    with Store.open(_data_dir(data)) as store:
        yield store


def _data_dir(data: Path | None) -> Path:
    from torouter.config import data_directory

    return data_directory(data, os.environ)


def _key_cells(row: KeyRow) -> Sequence[str]:
    return (
        str(row.id),
        f"{row.head}{row.tail}",
        row.name,
        row.group,
        row.status if row.deleted_ms is None else "deleted",
        ", ".join(row.models) or "all",
        {None: "default", True: "yes", False: "no"}[row.keep_responses],
        "never" if row.expires_ms is None else _day(row.expires_ms),
        "never" if row.last_used_ms is None else _day(row.last_used_ms),
    )


def _day(at_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
