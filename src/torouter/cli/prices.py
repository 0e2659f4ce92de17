"""`torouter price`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import minute, print_rows, said
from torouter.errors import RequestError

if TYPE_CHECKING:
    from torouter.accounts.office.views import PriceView

__all__ = ["price"]

Command = TypeVar("Command", bound=Callable[..., Any])

_RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")


@click.group()
def price() -> None:
    """The operator's own prices, which win over the list that comes with ToRouter."""


def _rates(command: Command) -> Command:
    command = click.option("--rates", metavar="JSON", help="All rates at once, as the management API has them.")(
        command
    )
    command = click.option("--request", metavar="USD", help="Of each request, beside its tokens.")(command)
    for name in reversed(_RATES):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, name, metavar="USD", help="Of a million such tokens.")(command)
    return command


@price.command("add")
@click.argument("model")
@click.option("--channel", default="", help="Only over this channel. [default: over any]")
@click.option("--from", "from_at", metavar="DATE", help="From this day or time (UTC) on. [default: now]")
@click.option("--note", default="", help="Why.")
@_rates
@placed
def add_price(
    place: Place, model: str, channel: str, from_at: str | None, note: str, rates: str | None, **options: str | None
) -> None:
    """Set the price of a model from a time on, in US dollars for a million tokens. MODEL may hold `*`.

    \b
    Examples:
      torouter price add llama3.2 --input 0.05 --output 0.20
      torouter price add "gpt-5*" --channel azure --input 1.10 --output 8.80 --from 2027-01-01
    """
    from torouter.accounts.office import prices
    from torouter.accounts.office.forms import NewPrice

    asked = form(NewPrice, model=model, channel=channel, from_at=from_at, note=note, rates=_read(rates, options))
    with place.changing() as desk:
        view = prices.add_price(desk, asked)
        said(place, view, f"Price {view.id} of {view.model} is in force from {minute(view.from_at)} on.")


@price.command("list")
@click.option("--all", "include_deleted", is_flag=True, help="Those that were ended, too.")
@placed
def list_prices(place: Place, include_deleted: bool) -> None:
    """List the operator's own prices.

    \b
    Example:
      torouter price list
    """
    from torouter.accounts.office import prices

    with place.desk() as desk:
        rows = prices.list_prices(desk, include_deleted=include_deleted)
    print_rows(place, rows, ("ID", "MODEL", "CHANNEL", "FROM", "ENDED", "INPUT", "OUTPUT", "NOTE"), _cells)


@price.command("end")
@click.argument("price_id", metavar="ID", type=int)
@placed
def end_price(place: Place, price_id: int) -> None:
    """End a price: the one before it holds again. What it priced stays priced.

    \b
    Example:
      torouter price end 1
    """
    from torouter.accounts.office import prices

    with place.changing() as desk:
        view = prices.end_price(desk, price_id)
        said(place, view, f"Price {view.id} of {view.model} is ended.")


def _read(rates: str | None, options: dict[str, str | None]) -> Any:
    import msgspec

    from torouter.accounts.dollars import nano_dollars

    if rates is not None:
        try:
            return msgspec.json.decode(rates)
        except msgspec.DecodeError as error:
            raise RequestError(f"--rates: {error}.") from error
    names = {name: f"{name}_per_mtok" for name in _RATES} | {"request": "request_nusd"}
    return {
        names[name]: nano_dollars(text, f"--{name.replace('_', '-')}")
        for name, text in options.items()
        if text is not None
    }


def _cells(row: PriceView) -> tuple[object, ...]:
    from torouter.accounts.dollars import dollars

    return (
        row.id,
        row.model,
        row.channel or "any",
        row.from_at,
        "-" if row.deleted_at is None else minute(row.deleted_at),
        dollars(row.rates.input_per_mtok),
        dollars(row.rates.output_per_mtok),
        row.note or "-",
    )
