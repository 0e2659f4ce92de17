"""The command that holds the others, and how failures are told."""

from __future__ import annotations

from typing import Any

import click

from torouter import __version__
from torouter.errors import ConfigError, RequestError, TorouterError

__all__ = ["cli", "main"]


class _WrittenWrong(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """A group whose commands fail with the sentence of the error, not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, RequestError) as error:
            raise _WrittenWrong(error.message) from error
        except TorouterError as error:
            raise click.ClickException(error.message) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="torouter", message="%(prog)s %(version)s")
def cli() -> None:
    """ToRouter, a self-hosted LLM gateway: one key and one base URL for every provider's models."""


def main() -> None:
    cli(prog_name="torouter")
