"""`torouter usage`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from torouter.cli.naming import form, period_options
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_one, print_rows
from torouter.errors import TorouterError

if TYPE_CHECKING:
    from torouter.accounts.office.forms import UsageQuery
    from torouter.accounts.office.usage import TotalsView, UsageView

__all__ = ["usage"]

Command = TypeVar("Command", bound=Callable[..., Any])

_SUMS = ("REQUESTS", "FAILED", "INPUT", "CACHE READ", "CACHE WRITE", "OUTPUT", "USD")

_ATTEMPT = (
    "ATTEMPT", "CHANNEL", "CREDENTIAL", "MODEL", "PICKED", "STATUS", "OUTCOME", "LEFT FOR", "FIRST MS", "MS", "CHARGED",
    "USD",
)  # fmt: skip


@click.group()
def usage() -> None:
    """What was used, and what it cost."""


def _filters(command: Command) -> Command:
    for option in (
        click.option("--outcome", metavar="WORD", help="Only requests that ended so."),
        click.option("--status", metavar="CODE", help="Only answers with this HTTP status, or of a class: 4xx, 5xx."),
        click.option("--channel", metavar="NAME"),
        click.option("--model", metavar="NAME", help="As the client named it."),
        click.option("--key", "key_id", type=int, metavar="ID"),
        click.option("--account", "account_id", type=int, metavar="ID"),
        period_options,
    ):
        command = option(command)
    return command


def _query(options: dict[str, Any]) -> UsageQuery:
    from torouter.accounts.office.forms import UsageQuery

    return form(UsageQuery, **options)


@usage.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@placed
def list_usage(place: Place, limit: int, **options: Any) -> None:
    """List requests, the latest first.

    \b
    Examples:
      torouter usage list
      torouter usage list --key 3 --since 2026-11-01 --status 429
    """
    from torouter.accounts.office import usage as used

    query = _query(options)
    with place.desk() as desk:
        rows, _ = used.list_usage(desk, query, before=None, limit=limit)
    heads = ("TIME", "REQUEST", "KEY", "MODEL", "CHANNEL", "STATUS", "OUTCOME", "INPUT", "OUTPUT", "USD", "MS")
    print_rows(place, rows, heads, _cells)


@usage.command("totals")
@_filters
@placed
def total_usage(place: Place, **options: Any) -> None:
    """Add up requests, tokens and cost.

    \b
    Example:
      torouter usage totals --account 2 --since 2026-11-01 --until 2026-12-01
    """
    from torouter.accounts.office import usage as used

    query = _query(options)
    with place.desk() as desk:
        view = used.usage_totals(desk, query)
    print_one(place, view)


@usage.command("models")
@_filters
@placed
def models_of_usage(place: Place, **options: Any) -> None:
    """Add up by model, the dearest first.

    \b
    Example:
      torouter usage models --since 2026-11-01
    """
    from torouter.accounts.office import usage as used

    query = _query(options)
    with place.desk() as desk:
        rows = used.usage_by_model(desk, query)
    print_rows(place, rows, ("MODEL", *_SUMS), lambda row: (row.model, *_sums(row.totals)))


@usage.command("series")
@_filters
@click.option("--step", type=click.Choice(["hour", "day"]), default="day", show_default=True)
@placed
def series_of_usage(place: Place, step: Literal["hour", "day"], **options: Any) -> None:
    """Add up by hour or day (UTC).

    \b
    Example:
      torouter usage series --since 2026-11-01
    """
    from torouter.accounts.office import usage as used

    query = _query(options)
    with place.desk() as desk:
        rows = used.usage_over_time(desk, query, step)
    print_rows(place, rows, ("FROM", *_SUMS), lambda row: (row.at, *_sums(row.totals)))


@usage.command("show")
@click.argument("request_id", metavar="REQUEST")
@placed
def show_request(place: Place, request_id: str) -> None:
    """Show one request, by the x-request-id of its answer, and every attempt at it.

    \b
    Example:
      torouter usage show req_0123456789abcdef00000001
    """
    from torouter.accounts.office import usage as used

    with place.desk() as desk:
        view = used.find_request(desk, request_id)
    if place.is_json:
        print_one(place, view)
        return
    if view.usage is not None:
        print_one(place, view.usage)
        click.echo()
    print_rows(
        place,
        view.attempts,
        _ATTEMPT,
        lambda row: (
            row.attempt, row.channel, row.credential or "-", row.upstream_model, row.picked or "-", row.status,
            row.outcome, row.left_for or "-", row.first_token_ms, row.latency_ms, row.charged_usd, row.cost_usd,
        ),
    )  # fmt: skip


@usage.command("export")
@_filters
@click.option("--output", metavar="FILE", help="[default: usage-<start>_<end>.csv; - is standard output]")
@placed
def export_usage(place: Place, output: str | None, **options: Any) -> None:
    """Write every request as a row of a CSV file, without an end.

    \b
    Examples:
      torouter usage export --since 2026-11-01 --until 2026-12-01
      torouter usage export --key 3 --output - | wc -l
    """
    from torouter.accounts.office import usage as used

    query = _query(options)
    name = output or used.export_name(query)
    with place.desk() as desk:
        try:
            with click.open_file(name, "w", encoding="utf-8") as file:
                for piece in used.export_lines(desk, query):
                    file.write(piece)
        except OSError as error:
            raise TorouterError(f"{name} cannot be written: {error.strerror}.") from error
    if name != "-":
        click.echo(f"{name} is written.", err=True)


def _cells(row: UsageView) -> tuple[object, ...]:
    return (
        row.at,
        row.request_id,
        row.key_id,
        row.model,
        row.channel or "-",
        row.status,
        row.outcome,
        row.input_tokens + row.cache_read_tokens + row.cache_write_tokens,
        row.output_tokens,
        row.cost_usd,
        row.latency_ms,
    )


def _sums(totals: TotalsView) -> tuple[object, ...]:
    return (
        totals.requests,
        totals.failures,
        totals.input_tokens,
        totals.cache_read_tokens,
        totals.cache_write_tokens,
        totals.output_tokens,
        totals.cost_usd,
    )
