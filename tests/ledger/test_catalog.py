"""The price list is compiled once, apart, and whole; a serving process never loads the package that it is from."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from torouter.errors import ConfigError
from torouter.ledger.catalog import open_catalogue
from torouter.ledger.listed import Catalogue


def test_it_is_made_once(tmp_path: Path) -> None:
    first = open_catalogue(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("prices-0.2.")
    made_ns = file.stat().st_mtime_ns
    assert open_catalogue(tmp_path).version == first.version
    assert file.stat().st_mtime_ns == made_ns


def test_its_folder_is_made_too(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    assert open_catalogue(folder).version
    assert folder.stat().st_mode & 0o777 == 0o700


def test_several_processes_may_start_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = [each.version for each in pool.map(open_catalogue, [tmp_path] * 3)]
    assert len(set(made)) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "text", [b"", b'{"form":2,"version":"x","prov', b'{"form":0,"version":"x","providers":[]}', b"\xff"]
)
def test_a_file_that_is_no_list_is_made_anew(text: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        Catalogue(text)
    open_catalogue(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(text)
    assert open_catalogue(tmp_path).find("openai", "gpt-5") is not None
    assert "made anew" in caplog.text


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError, match="could not be compiled"):
        open_catalogue(tmp_path / "data" / "deeper")


SERVING = """
import sys
from pathlib import Path
from torouter.ledger.catalog import open_catalogue
from torouter.ledger.cost import cost
from torouter.ledger.holds import hold_nusd
from torouter.ledger.prices import PriceBook
book = PriceBook(open_catalogue(Path(sys.argv[1])), providers={"openai": "openai"})
assert book.find("openai", "", "gpt-5", "gpt-5", 1) is not None
print(sorted(name for name in sys.modules if name.split(".")[0] in ("genai_prices", "pydantic", "httpx2", "httpcore2")))
"""


def test_a_serving_process_does_not_load_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVING, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
