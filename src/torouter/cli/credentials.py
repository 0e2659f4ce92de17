"""`torouter channel credential`, and where a key for an upstream is read from: never from the command line itself,
which others on the machine can see."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import said
from torouter.errors import RequestError

if TYPE_CHECKING:
    from torouter.accounts.office.channel_views import ChannelView
    from torouter.accounts.office.desk import ChannelRules

__all__ = ["channel_rules", "credential", "read_key"]

_ENV = "env:"


def read_key(source: str, option: str) -> str:
    """`env:NAME` is a variable, `-` is standard input. Raises `RequestError`."""
    if source == "-":
        found = sys.stdin.read().strip()
    elif source.startswith(_ENV):
        found = os.environ.get(source.removeprefix(_ENV), "")
    else:
        raise RequestError(f"{option}: expected env: and the name of a variable, or - for standard input.")
    if not found:
        raise RequestError(f"{option}: there is no key in {'standard input' if source == '-' else source}.")
    return found


def channel_rules() -> ChannelRules:
    from torouter.fleet import Rules

    return Rules()


def _sentence(view: ChannelView) -> str:
    names = ", ".join(each.name for each in view.credentials) or "none"
    return f"The keys of channel {view.id} ({view.name}): {names}."


@click.group()
def credential() -> None:
    """Add, replace, rename and remove the keys of a channel."""


@credential.command("add")
@click.argument("channel_id", metavar="ID", type=int)
@click.argument("name")
@click.option("--key", required=True, metavar="FROM", help="env:NAME reads a variable, - standard input.")
@placed
def add_credential(place: Place, channel_id: int, name: str, key: str) -> None:
    """Give a channel one more key, under a name for people.

    \b
    Examples:
      torouter channel credential add 1 second --key env:OPENAI_API_KEY_2
      echo "$KEY" | torouter channel credential add 1 third --key -
    """
    from torouter.accounts.office import channels
    from torouter.accounts.office.channel_forms import NewCredential

    asked = form(NewCredential, name=name, api_key=read_key(key, "--key"))
    with place.changing(channel_rules()) as desk:
        view = channels.add_credential(desk, channel_id, asked)
        said(place, view, _sentence(view))


@credential.command("replace")
@click.argument("channel_id", metavar="ID", type=int)
@click.argument("name")
@click.option("--key", required=True, metavar="FROM", help="env:NAME reads a variable, - standard input.")
@placed
def replace_credential(place: Place, channel_id: int, name: str, key: str) -> None:
    """Put another key in the place of the one with this name.

    \b
    Example:
      torouter channel credential replace 1 second --key env:OPENAI_API_KEY_3
    """
    from torouter.accounts.office import channels
    from torouter.accounts.office.channel_forms import CredentialEdit

    edit = form(CredentialEdit, api_key=read_key(key, "--key"))
    with place.changing(channel_rules()) as desk:
        view = channels.edit_credential(desk, channel_id, channels.credential_id(desk, channel_id, name), edit)
        said(place, view, f"The key {name} of channel {view.id} ({view.name}) is replaced.")


@credential.command("rename")
@click.argument("channel_id", metavar="ID", type=int)
@click.argument("name")
@click.argument("new_name")
@placed
def rename_credential(place: Place, channel_id: int, name: str, new_name: str) -> None:
    """Give a key another name.

    \b
    Example:
      torouter channel credential rename 1 second spare
    """
    from torouter.accounts.office import channels
    from torouter.accounts.office.channel_forms import CredentialEdit

    edit = form(CredentialEdit, name=new_name)
    with place.changing(channel_rules()) as desk:
        view = channels.edit_credential(desk, channel_id, channels.credential_id(desk, channel_id, name), edit)
        said(place, view, f"The key {name} of channel {view.id} ({view.name}) is called {new_name}.")


@credential.command("remove")
@click.argument("channel_id", metavar="ID", type=int)
@click.argument("name")
@placed
def remove_credential(place: Place, channel_id: int, name: str) -> None:
    """Take a key from a channel.

    \b
    Example:
      torouter channel credential remove 1 spare
    """
    from torouter.accounts.office import channels

    with place.changing(channel_rules()) as desk:
        view = channels.remove_credential(desk, channel_id, channels.credential_id(desk, channel_id, name))
        said(place, view, _sentence(view))
