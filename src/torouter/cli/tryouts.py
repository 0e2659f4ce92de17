"""`torouter channel test`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torouter.cli.credentials import channel_rules
from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_one
from torouter.cli.remote import ask_gateway, remote_options
from torouter.errors import StoreError
from torouter.units import DIALECTS

if TYPE_CHECKING:
    from torouter.accounts.office.routing import TryoutForm
    from torouter.channels import Channel
    from torouter.routing.tryouts import Tryout, Wanted

__all__ = ["try_channel"]

_ANSWER_S = 45.0


@click.command("test")
@click.argument("name")
@click.option("--model", metavar="NAME", help="Ask for this one. [default: one that it has]")
@click.option("--credential", metavar="NAME", help="With this one of its keys. [default: the first]")
@click.option("--dialect", type=click.Choice(DIALECTS), help="As a client of this one. [default: the channel's own]")
@click.option("--operation", type=click.Choice(["chat", "embeddings"]), default="chat", show_default=True)
@remote_options("Let the gateway there ask it, from where that stands")
@placed
def try_channel(place: Place, name: str, url: str | None, config: Path | None, **options: Any) -> None:
    """Really ask a channel something small, enabled or not, and say what came of it. It is billed to nobody here; the
    provider may charge a few tokens. Ends with status 1 where the channel does not work.

    \b
    Examples:
      torouter channel test main
      torouter channel test main --model gpt-5 --credential work
      torouter channel test main --url http://127.0.0.1:8000
    """
    from torouter.accounts.office.routing import TryoutForm

    asked = form(TryoutForm, **options)
    found = _here(place, config, name, asked) if url is None else _there(url, name, asked)
    if place.is_json:
        print_one(place, found)
    else:
        _explain(place, found)
    if not found.is_good:
        raise click.exceptions.Exit(1)


def _there(url: str, name: str, asked: TryoutForm) -> Tryout:
    from torouter.accounts.office.channel_views import ChannelView
    from torouter.routing.tryouts import Tryout

    listed = ask_gateway(url, "/channels", None, list[ChannelView])
    channel = next((each for each in listed if each.name == name), None)
    if channel is None:
        raise StoreError(f"There is no channel named {name} at {url}.", kind="not_found")
    if channel.id is None:
        raise StoreError(
            f"{name} is of that server's own configuration ({channel.managed_by}): test it there without --url, or on "
            "its page in the portal.",
            kind="not_found",
        )
    return ask_gateway(url, f"/channels/{channel.id}/test", asked, Tryout, within_s=_ANSWER_S)


def _here(place: Place, config: Path | None, name: str, asked: TryoutForm) -> Tryout:
    """From this machine, without a gateway: of the configuration, or else of the store."""
    import asyncio

    from msgspec import UNSET

    from torouter.accounts.office.routing import record_tryout
    from torouter.config import Overrides, load_settings
    from torouter.fleet import Fleet
    from torouter.house import translations
    from torouter.routing.tryouts import Wanted

    said = Overrides(config=config, data=place.data, database=place.secret_database)
    settings = load_settings(said, os.environ)
    with place.desk(channel_rules()) as desk:
        fleet = Fleet(settings.channels, settings.fallbacks, settings.upstream, desk.pepper, translations())
        row = next((each for each in desk.store.list_channels() if each.name == name), None)
        declared = fleet.declared_channel(name)
        if declared is None and row is None:
            raise StoreError(f"There is no channel named {name}.", kind="not_found")
        channel = declared or fleet.open(row)  # type: ignore[arg-type]
        channel_id = 0 if declared is not None or row is None else row.id
        wanted = Wanted(
            channel_id=channel_id,
            name=name,
            credential="" if asked.credential is UNSET else asked.credential,
            model="" if asked.model is UNSET else asked.model,
            dialect=None if asked.dialect is UNSET else asked.dialect,
            operation=asked.operation,
        )
        found = asyncio.run(_ask(channel, wanted, desk.pepper))
        record_tryout(desk, channel_id, found.on_record)
    return found


async def _ask(channel: Channel, wanted: Wanted, pepper: bytes) -> Tryout:
    import time

    from torouter.accounts import derived_key
    from torouter.channels.demo import answer
    from torouter.house import translations
    from torouter.relay.continuity import Continuity
    from torouter.relay.tryout import Tryouts
    from torouter.wire.client import Client
    from torouter.wire.memory import MemoryUpstream

    client = Client()
    tryouts = Tryouts(
        upstreams={"http": client, "https": client, "memory": MemoryUpstream(answer)},
        continuity=Continuity(derived_key(pepper, "capsules"), None),
        fetcher=None,
        translations=translations(),
        known=lambda _: (),
        clock=time.monotonic,
    )
    try:
        return await tryouts.ask(channel, wanted)
    finally:
        await client.close()


def _explain(place: Place, found: Tryout) -> None:
    from torouter.console.portal.words import Words

    words = Words.read("en")
    click.echo(f"{words(f'finding.{found.finding}.title')}. {words(f'finding.{found.finding}.text')}")
    print_one(place, found)
