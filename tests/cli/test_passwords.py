"""`torouter account password`: asks, and never takes a password as an argument."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from tests.test_cli import data_dir, run
from torouter.accounts.office.entrance import Entrance
from torouter.cli import cli
from torouter.store import Store

__all__ = ["data_dir"]


def set_password(*words: str, email: str = "admin@localhost") -> Result:
    return CliRunner().invoke(cli, ["account", "password", email], input="".join(f"{word}\n" for word in words))


def test_it_lets_one_in_and_others_out(data_dir: Path) -> None:
    run("key", "create")
    result = set_password("my own words", "my own words", email="Admin@localhost")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Account 1 (admin@localhost) has a new password.\n"
    assert "my own words" not in result.output
    with Store.open(data_dir) as store:
        entrance = Entrance(store, (data_dir / "secret").read_bytes())
        token = entrance.sign_in("admin@localhost", "my own words", "").token
        assert entrance.find(token) is not None
        set_password("other words", "other words")
        assert entrance.find(token) is None
        assert store.audit_page(limit=1)[0].action == "account.password"


def test_what_is_wrong_is_said(data_dir: Path) -> None:
    run("key", "create")
    short = set_password("short", "short")
    assert (short.exit_code, short.stderr.splitlines()[-1]) == (2, "Error: password: expected 8 to 200 characters.")
    nobody = set_password("my own words", "my own words", email="nobody@example.com")
    assert nobody.exit_code == 1
    assert nobody.stderr.endswith("Error: There is no account with the address nobody@example.com.\n")
    assert run("account", "password", "admin@localhost", "my own words").exit_code == 2
