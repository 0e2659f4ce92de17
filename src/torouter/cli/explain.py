"""`torouter explain`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_one, print_rows
from torouter.cli.remote import ask_gateway, remote_options
from torouter.units import DIALECTS, OPERATIONS

if TYPE_CHECKING:
    from torouter.accounts.office.routing import ExplainForm
    from torouter.console.admin.routing_view import ConsideredView, ExplanationView

__all__ = ["explain"]

_HEADS = ("CHANNEL", "CREDENTIAL", "KIND", "MODEL", "DIALECT", "PRIORITY", "WEIGHT", "STATE", "IN FLIGHT", "WHY NOT")


@click.command()
@click.argument("model")
@click.option("--group", metavar="NAME", help="For keys of this group. [default: default]")
@click.option("--key", "key_id", type=int, metavar="ID", help="For this key, instead of a group.")
@click.option("--dialect", type=click.Choice(DIALECTS), default="openai-chat", show_default=True)
@click.option("--operation", type=click.Choice(OPERATIONS), default="chat", show_default=True)
@remote_options("Ask the gateway there, which knows how its channels fare")
@placed
def explain(place: Place, url: str | None, config: Path | None, **options: Any) -> None:
    """Say who would be asked for a model, in which order, and why others would not. Nobody is asked.

    \b
    Examples:
      torouter explain gpt-5
      torouter explain gpt-5 --key 3 --dialect anthropic
      torouter explain gpt-5 --url http://127.0.0.1:8000
    """
    from torouter.accounts.office.routing import ExplainForm

    asked = form(ExplainForm, **options)
    if url is None:
        view = _offline(place, config, asked)
    else:
        from torouter.console.admin.routing_view import ExplanationView

        view = ask_gateway(url, "/explain", asked, ExplanationView)
    if place.is_json:
        print_one(place, view)
        return
    if view.refused:
        click.echo(view.refused)
    print_rows(place, [*view.candidates, *view.others], _HEADS, _cells)
    for cause in ("context_length", "outage"):
        if names := getattr(view.fallbacks, cause):
            click.echo(f"Then, for {cause.replace('_', ' ')}: {', '.join(names)}")
    told = f"as {view.answered_by} sees it" if view.answered_by else "as configured; --url asks how channels fare"
    click.echo(f"For the group {view.group}, {told}.", err=True)


def _offline(place: Place, config: Path | None, asked: ExplainForm) -> ExplanationView:
    """From the configuration and the store, as if nothing had failed yet."""
    from torouter.access.admission import Doorkeeper
    from torouter.access.keyring import Keyring
    from torouter.accounts.office.routing import whose
    from torouter.config import Overrides, load_settings
    from torouter.console.admin.routing_view import explanation, explanation_view
    from torouter.fleet import Fleet
    from torouter.house import translations
    from torouter.routing.planner import Planner
    from torouter.units import wall_ms

    said = Overrides(config=config, data=place.data, database=place.secret_database)
    settings = load_settings(said, os.environ)
    with place.desk() as desk:
        group_id, models = whose(desk, asked)
        changes = desk.store.changes_since(0)
        fleet = Fleet(settings.channels, settings.fallbacks, settings.upstream, desk.pepper, translations())
    fleet.stored = fleet.open_stored(changes.channels or ())
    keyring = Keyring()
    keyring.apply(keyring.prepare(changes, is_whole=True))
    found = explanation(
        Doorkeeper(keyring, fleet.snapshot({}), bytes, wall_ms),
        Planner(lambda: 0.0),
        group_id=group_id,
        key_models=models,
        dialect=asked.dialect,
        operation=asked.operation,
        model=asked.model,
        now_s=0.0,
    )
    return explanation_view(found, answered_by="")


def _cells(row: ConsideredView) -> tuple[object, ...]:
    return (
        row.channel,
        row.credential or "-",
        row.kind,
        row.model or "-",
        row.dialect or "-",
        row.priority,
        row.weight,
        row.state or "-",
        row.in_flight,
        row.why or "-",
    )
