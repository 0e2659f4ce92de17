"""`torouter channel`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter.cli.credentials import channel_rules, credential, read_key
from torouter.cli.naming import form, listed, read_json
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_one, print_rows, said
from torouter.cli.tryouts import try_channel

if TYPE_CHECKING:
    from torouter.accounts.office.channel_views import ChannelView

__all__ = ["channel"]

Command = TypeVar("Command", bound=Callable[..., Any])

_DEADLINES = ("connect_s", "head_s", "first_token_s", "idle_s", "total_s")
_LISTS = ("dialects", "groups")
_TOLD = (
    "Longest wait for a connection.",
    "Longest wait for a whole answer to begin.",
    "Longest wait for a stream's first token; 0: none.",
    "Longest pause within an answer.",
    "Longest time for all of an answer; 0: none.",
)


@click.group()
def channel() -> None:
    """Make, list, edit and delete channels: the connections to upstreams. A change is in force when the command
    returns."""


channel.add_command(credential)
channel.add_command(try_channel)


def _settings(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--base-url", metavar="URL", help="Another address than the provider's own."),
            click.option("--models", metavar="A,B", help="Only these; B=C: clients say B, the upstream says C."),
            click.option("--dialects", metavar="A,B", help="What the upstream speaks."),
            click.option("--priority", type=int, metavar="N", help="Lower is asked first. [default: 10]"),
            click.option("--weight", type=int, metavar="N", help="Its share among those of one priority. [default: 1]"),
            click.option("--groups", metavar="A,B", help="Only for keys of these groups."),
            click.option("--concurrency", type=int, metavar="N", help="Most requests at a time; 0: no cap."),
            click.option("--queue-s", type=float, metavar="S", help="How long a request may wait for room."),
            click.option(
                "--on-cut",
                type=click.Choice(["error", "resume-if-identical"]),
                help="What follows an answer that breaks off. [default: as the group says]",
            ),
            click.option("--hedge/--no-hedge", default=None, help="May a slow answer be asked for a second time?"),
            click.option("--probe-s", type=float, metavar="S", help="Seconds between active probes; 0: none."),
            *(
                click.option(f"--{name.replace('_', '-')}", name, type=float, metavar="S", help=told)
                for name, told in zip(_DEADLINES, _TOLD, strict=True)
            ),
            click.option("--set", "more", metavar="JSON", help="More of it, as the management API has it."),
        )
    ):
        command = option(command)
    return command


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """The options as the form's fields; what `--set` says wins."""
    deadlines = {name: options.pop(name) for name in _DEADLINES}
    told = options.pop("more")
    more = {} if told is None else read_json(told, "--set")
    said_ones = {name: seconds for name, seconds in deadlines.items() if seconds is not None}
    lists = {name: listed(options[name]) for name in _LISTS}
    return options | lists | {"models": _models(options["models"]), "deadlines": said_ones or None} | more


def _models(text: str | None) -> dict[str, str] | None:
    names = listed(text)
    if names is None:
        return None
    pairs = (name.partition("=") for name in names)
    return {client.strip(): (theirs or client).strip() for client, _, theirs in pairs}


@channel.command("create")
@click.argument("name")
@click.option("--kind", required=True, help="The sort of provider: openai, anthropic, gemini, openrouter and so on.")
@click.option("--key", metavar="FROM", help="Its key: env:NAME reads a variable, - standard input.")
@click.option("--disabled", is_flag=True, help="Make it without using it yet.")
@_settings
@placed
def create_channel(place: Place, name: str, kind: str, key: str | None, disabled: bool, **options: Any) -> None:
    """Make a channel. Its key is encrypted, and never shown again.

    \b
    Examples:
      torouter channel create main --kind openai --key env:OPENAI_API_KEY
      torouter channel create local --kind vllm --base-url http://127.0.0.1:8001/v1 --models llama
      echo "$KEY" | torouter channel create spare --kind openai --key - --priority 20 --models gpt-5,fast=gpt-5-mini
    """
    from torouter.accounts.office import channels
    from torouter.accounts.office.channel_forms import NewChannel

    secret = None if key is None else read_key(key, "--key")
    asked = form(NewChannel, name=name, kind=kind, api_key=secret, is_enabled=not disabled, **_named(options))
    with place.changing(channel_rules()) as desk:
        view = channels.create_channel(desk, asked)
        said(place, view, f"Channel {view.id} ({view.name}) is there.")


@channel.command("list")
@placed
def list_channels(place: Place) -> None:
    """List the channels of the store. Those of a server's configuration file are listed by `torouter check`.

    \b
    Example:
      torouter channel list
    """
    from torouter.accounts.office import channels

    with place.desk(channel_rules()) as desk:
        rows = channels.list_channels(desk)
    print_rows(place, rows, ("ID", "NAME", "KIND", "ENABLED", "PRIORITY", "WEIGHT", "GROUPS", "MODELS", "KEYS"), _cells)


@channel.command("show")
@click.argument("channel_id", metavar="ID", type=int)
@placed
def show_channel(place: Place, channel_id: int) -> None:
    """Show everything that is known of a channel, but for its keys.

    \b
    Example:
      torouter channel show 1
    """
    from torouter.accounts.office import channels

    with place.desk(channel_rules()) as desk:
        view = channels.get_channel(desk, channel_id)
    print_one(place, view)


@channel.command("edit")
@click.argument("channel_id", metavar="ID", type=int)
@click.option("--name", help="Its new name.")
@click.option("--kind", help="Another sort of provider.")
@click.option("--reset", metavar="A,B", help="As if these settings had never been said, such as models,idle_s.")
@_settings
@placed
def edit_channel(place: Place, channel_id: int, reset: str | None, **options: Any) -> None:
    """Change a channel. What is not named stays as it is; `--models` names all of them.

    \b
    Examples:
      torouter channel edit 1 --models gpt-5,gpt-5-mini --weight 3
      torouter channel edit 1 --first-token-s 20 --reset models
    """
    from torouter.accounts.office.channel_forms import ChannelEdit
    from torouter.accounts.office.refused import filled

    given = {name: value for name, value in _named(options).items() if value is not None}
    _edit(place, channel_id, filled(ChannelEdit, given | _reset(reset, given)), "changed")


@channel.command("enable")
@click.argument("channel_id", metavar="ID", type=int)
@placed
def enable_channel(place: Place, channel_id: int) -> None:
    """Use a channel again.

    \b
    Example:
      torouter channel enable 1
    """
    from torouter.accounts.office.channel_forms import ChannelEdit

    _edit(place, channel_id, ChannelEdit(is_enabled=True), "enabled")


@channel.command("disable")
@click.argument("channel_id", metavar="ID", type=int)
@placed
def disable_channel(place: Place, channel_id: int) -> None:
    """Use a channel no more, and keep it. Requests that it serves are finished.

    \b
    Example:
      torouter channel disable 1
    """
    from torouter.accounts.office.channel_forms import ChannelEdit

    _edit(place, channel_id, ChannelEdit(is_enabled=False), "disabled")


@channel.command("delete")
@click.argument("channel_id", metavar="ID", type=int)
@click.confirmation_option("--yes", prompt="Delete this channel?", help="Do not ask.")
@placed
def delete_channel(place: Place, channel_id: int) -> None:
    """Delete a channel and its keys for good. Requests that it serves are finished.

    \b
    Example:
      torouter channel delete 1 --yes
    """
    from torouter.accounts.office import channels

    with place.changing(channel_rules()) as desk:
        name = channels.get_channel(desk, channel_id).name
        view = channels.delete_channel(desk, channel_id)
        said(place, view, f"Channel {channel_id} ({name}) is deleted.")


def _reset(names: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Settings that are given back; a deadline is named like any other."""
    wanted = listed(names) or []
    deadlines = {name: None for name in wanted if name in _DEADLINES}
    within = {"deadlines": given.get("deadlines", {}) | deadlines} if deadlines else {}
    return {name: None for name in wanted if name not in _DEADLINES} | within


def _edit(place: Place, channel_id: int, edit: Any, done: str) -> None:
    from torouter.accounts.office import channels

    with place.changing(channel_rules()) as desk:
        view = channels.edit_channel(desk, channel_id, edit)
        said(place, view, f"Channel {view.id} ({view.name}) is {done}.")


def _cells(row: ChannelView) -> tuple[object, ...]:
    return (
        row.id,
        row.name,
        row.kind,
        row.is_enabled,
        10 if row.priority is None else row.priority,
        1 if row.weight is None else row.weight,
        ", ".join(row.groups or ()) or "all",
        ", ".join(row.models or ()) or "whatever it serves",
        len(row.credentials),
    )
