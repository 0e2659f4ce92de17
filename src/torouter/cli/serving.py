"""`torouter serve`, `torouter check` and `torouter version`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter import __version__
from torouter.cli.place import data_option, pepper_of
from torouter.errors import TorouterError

if TYPE_CHECKING:
    from torouter.accounts import Announcement
    from torouter.config import Settings
    from torouter.routing.fallbacks import Fallbacks

__all__ = ["check", "serve", "version"]

Command = TypeVar("Command", bound=Callable[..., Any])


def _config_option(command: Command) -> Command:
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Configuration file in YAML. [TOROUTER_CONFIG]",
    )(command)


@click.command()
@click.option("--host", metavar="HOST", help="Address to listen on. [TOROUTER_HOST; default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 takes a free one. [TOROUTER_PORT; default: 8000]",
)
@data_option
@_config_option
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes that serve, each with its own event loop; more than one need a Redis. [TOROUTER_WORKERS; "
    "default: 1]",
)
@click.option(
    "--database",
    metavar="URL",
    help="PostgreSQL, as postgresql://…, for what else SQLite in the data directory keeps. [TOROUTER_DATABASE]",
)
@click.option(
    "--redis",
    metavar="URL",
    help="Redis, as redis://… or rediss://…, where several processes count limits together. [TOROUTER_REDIS]",
)
@click.pass_context
def serve(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    data: Path | None,
    config: Path | None,
    workers: int | None,
    database: str | None,
    redis: str | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    At the first start this makes the store, an account and a key, and shows the key once. Channels come from the
    configuration file and from providers' keys in the environment; without any, a built-in demo answers.

    \b
    Examples:
      torouter serve
      OPENAI_API_KEY=sk-... torouter serve --port 9000
      torouter serve --host 0.0.0.0 --config gateway.yaml
      torouter serve --workers 4 --redis redis://127.0.0.1:6379/0
    """
    from torouter.config import Overrides, load_settings
    from torouter.units import Secret

    said = Overrides(
        host=host,
        port=port,
        data=data,
        config=config,
        workers=workers,
        database=Secret(database) if database else None,
        redis=Secret(redis) if redis else None,
    )
    settings = load_settings(said, os.environ)
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


@click.command()
@_config_option
def check(config: Path | None) -> None:
    """Check the configuration without serving; shows the channels that there would be.

    \b
    Example:
      torouter check --config gateway.yaml
    """
    from torouter.config import Overrides, check_sharing, load_settings

    settings = load_settings(Overrides(config=config), os.environ)
    check_sharing(settings)
    source = settings.config_file or "the environment and defaults"
    click.echo(f"The configuration is good: {source}.")
    click.echo(f"Listens on {settings.server.host} port {settings.server.port}, data in {settings.data_dir}.")
    for channel in settings.channels:
        click.echo(f"  {channel.summary}")
    for model, fallbacks in settings.fallbacks.items():
        click.echo(f"  {model} falls back: {_causes(fallbacks)}")


def _causes(fallbacks: Fallbacks) -> str:
    named = {"too long a conversation": fallbacks.context_length, "an outage": fallbacks.outage}
    return "; ".join(f"{cause}: {', '.join(models)}" for cause, models in named.items() if models)


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"torouter {__version__}")


def _prepare(settings: Settings) -> Announcement:
    """The store, the pepper and the first key, made where they are missing."""
    from torouter.accounts import FIRST_KEY_VARIABLE, Announcement, ensure_first
    from torouter.accounts.office.entrance import setup_token_due
    from torouter.store import Store

    with Store.open(settings.data_dir, settings.store.database) as store:
        pepper = pepper_of(store, settings.data_dir)
        first = ensure_first(store, pepper, os.environ.get(FIRST_KEY_VARIABLE) or None)
        setup_token = setup_token_due(store, pepper)
        stored = [row for row in store.list_channels() if row.is_enabled]
        is_demo = settings.is_demo and not store.list_channels()
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    return Announcement(
        url=f"http://{host}:{settings.server.port}",
        key=first.key.reveal() if first.key is not None else None,
        key_origin=first.origin,
        channels=(*_declared(settings, is_demo), *(f"{row.name} ({row.kind}) · from the store" for row in stored)),
        is_demo=is_demo,
        setup_token=setup_token,
    )


def _declared(settings: Settings, is_demo: bool) -> tuple[str, ...]:
    """The demo is shown where it answers."""
    is_hidden = settings.is_demo and not is_demo
    return () if is_hidden else tuple(channel.summary for channel in settings.channels)
