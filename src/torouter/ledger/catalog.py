"""The price list of the installed genai-prices, compiled into a file where that has not been done.

    python -m torouter.ledger.catalog OUT

The package needs pydantic and an HTTP client, which no serving process is to carry: a process of its own compiles and
ends. The list is the one of the package's wheel: nothing is fetched. The file is whole or not there.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from torouter.errors import ConfigError
from torouter.ledger.listed import Catalogue

__all__ = ["open_catalogue"]

_log = logging.getLogger("torouter.ledger")

_PACKAGE: Final = "genai-prices"
_LIMIT_S: Final = 120


def open_catalogue(folder: Path) -> Catalogue:
    """The list of the installed package, compiled into this folder where that has not been done. The first time takes
    a second or two and blocks. Raises `ConfigError` where it cannot be made."""
    file = folder / f"prices-{version(_PACKAGE)}.json"
    try:
        return Catalogue(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.warning("price list is unreadable and made anew file=%s error=%s", file, error)
    _compile_apart(file)
    return Catalogue(file.read_bytes())


def _compile_apart(file: Path) -> None:
    command = [sys.executable, "-m", "torouter.ledger.catalog", str(file)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_S)  # noqa: S603
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().rpartition("\n")[2]
        raise ConfigError(f"The price list could not be compiled into {file}: {said}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"The price list could not be compiled into {file}: {error}") from None


def _write(file: Path) -> None:
    """Under a name of this process's own first."""
    from torouter.ledger.compiler import compiled

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the store may be elsewhere
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(compiled())
    draft.replace(file)


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
