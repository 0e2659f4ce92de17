"""The commands that manage: what they print, what they change, and how they fail."""

from __future__ import annotations

import csv
import getpass
import json
import platform
import re
from pathlib import Path
from typing import Any

import pytest

from tests.console.admin.desk import entry
from tests.servers.postgres import running_server
from tests.test_cli import answer, data_dir, run
from torouter.accounts import hash_key
from torouter.store import KeyRow, ProcessRow, Store
from torouter.store.migrate import REVISIONS
from torouter.units import wall_ms

__all__ = ["data_dir"]


def told(*arguments: str) -> Any:
    """What it prints as JSON."""
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return json.loads(result.stdout)


def key_of(data_dir: Path, secret: str) -> KeyRow:
    with Store.open(data_dir) as store:
        row = store.find_key(hash_key((data_dir / "secret").read_bytes(), secret))
    assert row is not None
    return row


class TestKeys:
    def test_every_setting_has_an_option(self, data_dir: Path) -> None:
        view = told(
            "key", "create", "--name", "ci", "--models", "gpt-5, claude-haiku-4-5", "--expires-at", "2030-01-02",
            "--cap-usd", "12.5", "--limit-5h", "1", "--limit-1d", "2", "--limit-7d", "3", "--rpm", "4", "--tpm", "5",
            "--concurrency", "6", "--ip-allow", "10.1.2.3/8,2001:db8::1", "--ip-deny", "10.9.0.0/16", "--strict",
            "--on-hangup", "drain", "--no-keep-responses",
        )["key"]  # fmt: skip
        named = {
            "name": "ci", "models": ["gpt-5", "claude-haiku-4-5"], "expires_at": "2030-01-02T00:00:00Z",
            "cap_usd": "12.50", "limit_5h": 1, "limit_1d": 2, "limit_7d": 3, "rpm": 4, "tpm": 5, "concurrency": 6,
            "ip_allow": ["10.0.0.0/8", "2001:db8::1/128"], "ip_deny": ["10.9.0.0/16"], "is_strict": True,
            "on_hangup": "drain", "keep_responses": False,
        }  # fmt: skip
        assert {name: view[name] for name in named} == named

    def test_edit_changes_what_is_named(self, data_dir: Path) -> None:
        settings = ("--rpm", "4", "--models", "gpt-5", "--strict", "--on-hangup", "drain", "--expires-days", "9")
        run("key", "create", *settings)
        before = told("key", "show", "1")
        assert answer("key", "edit", "1", "--tpm", "70") == "Key 1 (key) is changed.\n"
        assert told("key", "show", "1") == before | {"tpm": 70}
        answer(
            "key", "edit", "1", "--models", "", "--default-strict", "--on-hangup", "default", "--expires-at", "never"
        )
        cleared = {"models": [], "is_strict": None, "on_hangup": None, "expires_at": None}
        assert told("key", "show", "1") == before | {"tpm": 70} | cleared

    def test_rotate_prints_the_new_key_alone(self, data_dir: Path) -> None:
        old = run("key", "create", "--name", "ci").stdout.strip()
        made = run("key", "rotate", "1", "--overlap-hours", "2")
        assert made.stderr == "Key 2 (ci) of group default. It is shown this once:\n"
        assert key_of(data_dir, made.stdout.strip()).replaces_id == 1
        ends_ms = key_of(data_dir, old).expires_ms
        assert ends_ms is not None
        assert abs(ends_ms - wall_ms() - 2 * 3_600_000) < 60_000
        assert run("key", "rotate", "2").exit_code == 0
        assert [row["id"] for row in told("key", "list")] == [1, 3]

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--cap-usd", "x"), "cap_usd: expected US dollars such as 12.50"),
            (("--rpm", "-1"), "rpm: Expected `int` >= 0."),
            (("--ip-allow", "10.0.0.0/40"), "ip_allow[0]: expected an address or a network"),
            (("--expires-at", "soon"), "expires_at: Invalid RFC3339"),
            (("--expires-at", "never", "--expires-days", "1"), "expires_at: name either this or expires_in_days"),
            (("--name", ""), "name: Expected `str` of length >= 1."),
        ],
    )
    def test_what_is_written_wrong_is_named(self, data_dir: Path, options: tuple[str, ...], sentence: str) -> None:
        result = run("key", "create", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"Error: {sentence}")
        assert told("key", "list") == []


def test_a_group_with_limits(data_dir: Path) -> None:
    answer("group", "create", "trial", "--models", "gpt-5-mini", "--cap-usd", "5", "--rpm", "10", "--multiplier", "1.2")
    before = told("group", "show", "2")
    assert (before["multiplier"], before["defaults"]["cap_usd"], before["defaults"]["rpm"]) == ("1.2", "5.00", 10)
    assert answer("group", "edit", "2", "--rpm", "0") == "Group trial is changed.\n"
    assert told("group", "show", "2") == before | {"defaults": before["defaults"] | {"rpm": 0}}
    assert answer("group", "delete", "2", "--yes") == "Group trial is deleted.\n"
    assert [row["name"] for row in told("group", "list")] == ["default"]


def test_a_group_says_what_stands_in_for_a_model(data_dir: Path) -> None:
    fallbacks = {"gpt-5": {"outage": ["gpt-5-mini"]}}
    answer("group", "create", "trial", "--on-cut", "resume-if-identical", "--fallbacks", json.dumps(fallbacks))
    shown = told("group", "show", "2")
    assert (shown["on_cut"], shown["fallbacks"], shown["managed_by"]) == ("resume-if-identical", fallbacks, "")
    answer("group", "edit", "2", "--on-cut", "error", "--fallbacks", "{}")
    assert told("group", "show", "2")["fallbacks"] == {}
    refused = run("group", "edit", "2", "--fallbacks", "[]")
    assert (refused.exit_code, refused.stderr[:19]) == (2, "Error: --fallbacks:")


class TestChannels:
    @pytest.fixture(autouse=True)
    def key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UP_KEY", "sk-the-key-of-an-upstream-9876")

    def test_every_setting_has_an_option(self, data_dir: Path) -> None:
        view = told(
            "channel", "create", "main", "--kind", "openai", "--key", "env:UP_KEY", "--models", "a, b=up-b",
            "--base-url", "https://up.example/v1", "--dialects", "openai-chat", "--priority", "3", "--weight", "4",
            "--groups", "x, y", "--disabled",
            "--concurrency", "5", "--queue-s", "1.5", "--on-cut", "error", "--hedge", "--probe-s", "30",
            "--connect-s", "1", "--head-s", "2", "--first-token-s", "3", "--idle-s", "4", "--total-s", "5",
        )  # fmt: skip
        named = {
            "base_url": "https://up.example/v1", "models": {"a": "a", "b": "up-b"}, "dialects": ["openai-chat"],
            "priority": 3, "weight": 4, "groups": ["x", "y"], "concurrency": 5, "queue_s": 1.5, "on_cut": "error",
            "hedge": True, "probe_s": 30.0, "is_enabled": False, "deadlines": {
                "connect_s": 1.0, "head_s": 2.0, "first_token_s": 3.0, "idle_s": 4.0, "total_s": 5.0,
            },
        }  # fmt: skip
        assert {name: view[name] for name in named} == named
        assert [(each["name"], each["shown"]) for each in view["credentials"]] == [("default", "…9876")]

    def test_a_life(self, data_dir: Path) -> None:
        made = run("channel", "create", "main", "--kind", "openai", "--key", "-", stdin="sk-from-standard-input-1234\n")
        assert (made.exit_code, made.stdout) == (0, "Channel 1 (main) is there.\n")
        before = told("channel", "show", "1")
        assert answer("channel", "edit", "1", "--weight", "3", "--idle-s", "9") == "Channel 1 (main) is changed.\n"
        assert told("channel", "show", "1") == before | {"weight": 3, "deadlines": {"idle_s": 9.0}}
        more = '{"models": {"a": {"model": "up-a", "deadlines": {"idle_s": 5}}}}'
        answer("channel", "edit", "1", "--reset", "weight, idle_s", "--name", "prime", "--set", more)
        models = {"a": {"model": "up-a", "deadlines": {"idle_s": 5.0}}}
        assert told("channel", "show", "1") == before | {"name": "prime", "models": models}
        assert answer("channel", "disable", "1") == "Channel 1 (prime) is disabled.\n"
        assert answer("channel", "list").splitlines()[1].split() == [
            "1", "prime", "openai", "no", "10", "1", "all", "a", "1",
        ]  # fmt: skip
        assert answer("channel", "enable", "1") == "Channel 1 (prime) is enabled.\n"
        assert '"shown":"…1234"' in answer("channel", "show", "1")
        assert answer("channel", "delete", "1", "--yes") == "Channel 1 (prime) is deleted.\n"
        assert told("channel", "list") == []

    def test_its_keys(self, data_dir: Path) -> None:
        answer("channel", "create", "main", "--kind", "openai", "--key", "env:UP_KEY")
        names = "The keys of channel 1 (main): {}.\n"
        added = answer("channel", "credential", "add", "1", "second", "--key", "env:UP_KEY")
        assert added == names.format("default, second")
        answer("channel", "credential", "rename", "1", "second", "spare")
        replaced = run("channel", "credential", "replace", "1", "spare", "--key", "-", stdin="sk-0123456789abcdefgh")
        assert replaced.stdout == "The key spare of channel 1 (main) is replaced.\n"
        shown = told("channel", "show", "1")["credentials"]
        assert [(each["name"], each["shown"]) for each in shown] == [("default", "…9876"), ("spare", "…efgh")]
        assert answer("channel", "credential", "remove", "1", "default") == names.format("spare")
        assert run("channel", "credential", "remove", "1", "spare").exit_code == 2
        assert run("channel", "credential", "remove", "1", "nobody").exit_code == 1

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--kind", "nope"), "kind: expected one of openai, anthropic"),
            (("--kind", "openai"), "credentials: a channel of kind openai needs one"),
            (("--kind", "openai", "--key", "sk-0123456789"), "--key: expected env: and the name of a variable"),
            (("--kind", "openai", "--key", "env:NOBODY"), "--key: there is no key in env:NOBODY."),
            (("--kind", "openai", "--key", "-"), "--key: there is no key in standard input."),
            (("--kind", "openai", "--key", "env:UP_KEY", "--idle-s", "0"), "deadlines.idle_s: Expected `float` > 0"),
            (("--kind", "openai", "--key", "env:UP_KEY", "--set", "{"), "--set: "),
            (("--kind", "openai", "--key", "env:UP_KEY", "--set", '{"x": 1}'), "x: there is no such field."),
        ],
    )
    def test_what_is_written_wrong_is_named(self, data_dir: Path, options: tuple[str, ...], sentence: str) -> None:
        result = run("channel", "create", "main", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"Error: {sentence}")
        assert "sk-0123456789" not in result.stderr
        assert told("channel", "list") == []


def test_an_account_and_its_money(data_dir: Path) -> None:
    run("key", "create")  # makes the operator's account
    assert answer("account", "create", "ada@example.com", "--name", "Ada") == (
        "Account 2 (ada@example.com) is there. A key of it: torouter key create --account 2\n"
    )
    balance = "The balance of account 2 (ada@example.com) is {} USD.\n"
    assert answer("account", "credit", "2", "25.00", "--note", "invoice 17") == balance.format("25.00")
    assert answer("account", "adjust", "2", "-0.000000001", "--note", "odd") == balance.format("24.999999999")
    assert answer("account", "refund", "2", "5") == balance.format("19.999999999")
    assert [(row["kind"], row["amount_usd"]) for row in told("account", "money", "2")] == [
        ("refund", "-5.00"),
        ("adjustment", "-0.000000001"),
        ("top_up", "25.00"),
    ]
    assert "invoice 17" in answer("account", "money", "2")
    refused = run("account", "refund", "2", "20")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Error: The balance of account 2 is 19.999999999 USD: no more can be given back.\n",
    )
    assert answer("account", "suspend", "2") == "Account 2 (ada@example.com) is suspended.\n"
    assert answer("account", "activate", "2") == "Account 2 (ada@example.com) is active.\n"
    answer("account", "edit", "2", "--billing", "unlimited", "--name", "Ada Lovelace")
    view = told("account", "show", "2")
    assert (view["billing"], view["display_name"], view["email"]) == ("unlimited", "Ada Lovelace", "ada@example.com")
    assert answer("account", "delete", "2", "--yes") == "Account 2 is deleted.\n"


def test_the_last_administrator_stays(data_dir: Path) -> None:
    run("key", "create")
    for words in (("suspend", "1"), ("edit", "1", "--role", "user"), ("delete", "1", "--yes")):
        refused = run("account", *words)
        assert (refused.exit_code, refused.stderr) == (1, "Error: Account 1 is the last administrator.\n"), words


def test_plans_and_subscriptions(data_dir: Path) -> None:
    run("key", "create")
    assert answer("plan", "create", "pro", "--daily-usd", "5", "--monthly-usd", "60") == "Plan 1 (pro) is there.\n"
    answer("plan", "edit", "1", "--weekly-usd", "20")
    assert answer("plan", "list").splitlines()[1].split() == ["1", "pro", "5.00", "20.00", "60.00"]
    assert answer("subscription", "set", "1", "default", "1") == "Subscription 1 of account 1 is active.\n"
    assert answer("subscription", "edit", "1", "--status", "paused", "--ends-at", "2030-01-01") == (
        "Subscription 1 of account 1 is paused.\n"
    )
    (row,) = told("subscription", "list", "--account", "1")
    assert (row["status"], row["ends_at"], row["weekly_usd"]) == ("paused", "2030-01-01T00:00:00Z", "20.00")
    assert run("plan", "delete", "1", "--yes").exit_code == 1
    answer("subscription", "edit", "1", "--status", "cancelled", "--ends-at", "never")
    assert answer("plan", "delete", "1", "--yes") == "Plan 1 is deleted.\n"


def test_prices_in_dollars(data_dir: Path) -> None:
    answer(
        "price", "add", "llama3.2", "--input", "0.05", "--output", "0.20", "--request", "0.001", "--from", "2026-01-01"
    )
    (row,) = told("price", "list")
    assert row["rates"] == {"input_per_mtok": 50_000_000, "output_per_mtok": 200_000_000, "request_nusd": 1_000_000}
    assert row["from_at"] == "2026-01-01T00:00:00Z"
    answer("price", "add", "m", "--rates", '{"input_per_mtok": 1, "tiers": [{"above_tokens": 9, "rates": {}}]}')
    assert re.search(
        r"^1 +llama3\.2 +any +2026-01-01 00:00 UTC +- +0\.05 +0\.20", answer("price", "list"), re.MULTILINE
    )
    assert answer("price", "end", "1") == "Price 1 of llama3.2 is ended.\n"
    assert [row["id"] for row in told("price", "list")] == [2]
    assert [row["id"] for row in told("price", "list", "--all")] == [1, 2]
    for rates in ("{", '{"input": 1}', "[]"):
        result = run("price", "add", "m", "--rates", rates)
        assert result.exit_code == 2
        assert "rates" in result.stderr


def test_tokens(data_dir: Path) -> None:
    made = run("token", "create", "ci", "--expires-days", "9")
    assert (made.exit_code, made.stderr) == (0, "Token 1 (ci). It is shown this once:\n")
    assert re.fullmatch(r"tra-[A-Za-z0-9]{48}\n", made.stdout)
    assert f"{made.stdout[:7]}…" in answer("token", "list")
    assert made.stdout[7:-1] not in answer("token", "list")
    assert answer("token", "revoke", "1") == "Token 1 (ci) is revoked.\n"
    assert told("token", "list") == []


def test_the_audit_trail_says_who(data_dir: Path) -> None:
    run("key", "create")
    answer("key", "edit", "1", "--rpm", "5")
    row = told("audit", "list", "--kind", "key", "--id", "1")[0]
    assert (row["actor"], row["address"], row["action"]) == (
        f"cli {getpass.getuser()}@{platform.node()}",
        "",
        "key.edit",
    )
    assert "rpm: 0 -> 5" in answer("audit", "list")
    assert run("audit", "list", "--kind", "cat").exit_code == 2


def test_the_audit_trail_is_filtered(data_dir: Path) -> None:
    run("key", "create")
    (row,) = told("audit", "list", "--actor", f"cli {getpass.getuser()}@", "--since", "2000-01-01")
    assert row["action"] == "key.create"
    for wrong in (("--actor", "nobody"), ("--until", "2000-01-01"), ("--since", "2999-01-01")):
        assert told("audit", "list", *wrong) == []
    assert run("audit", "list", "--since", "soon").exit_code == 2


class TestUsage:
    @pytest.fixture(autouse=True)
    def used(self, data_dir: Path) -> None:
        with Store.open(data_dir) as store:
            store.write_entries([entry(number, cost_nusd=10**9) for number in range(3)])

    def test_lists_and_sums(self, data_dir: Path) -> None:
        assert len(answer("usage", "list", "--limit", "2").splitlines()) == 3
        assert re.search(r"^cost_usd +3\.00$", answer("usage", "totals"), re.MULTILINE)
        assert answer("usage", "models").splitlines()[1].split() == ["gpt-5", "3", "0", "30", "0", "0", "15", "3.00"]
        assert answer("usage", "series").splitlines()[1].startswith("2026-11-30 00:00 UTC  3 ")
        assert told("usage", "totals", "--key", "2")["requests"] == 0
        assert told("usage", "totals", "--since", "2026-12-01")["requests"] == 0
        assert [told("usage", "totals", "--status", code)["requests"] for code in ("200", "4xx", "502")] == [3, 0, 0]
        assert run("usage", "list", "--status", "9xx").exit_code == 2

    def test_one_request(self, data_dir: Path) -> None:
        request_id = entry(0).usage.request_id
        shown = answer("usage", "show", request_id)
        assert re.search(r"^model +gpt-5$", shown, re.MULTILINE)
        assert re.search(r"^1 +main +- +gpt-5-2025 +- +200 +ok +- +- +100 +1\.00 +1\.00$", shown, re.MULTILINE)
        assert len(told("usage", "show", request_id)["attempts"]) == 1
        assert run("usage", "show", "req_none").exit_code == 1

    def test_a_file(self, data_dir: Path) -> None:
        result = run("usage", "export", "--since", "2026-11-30", "--until", "2026-12-01")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "usage-2026-11-30_2026-12-01.csv is written.\n"
        with Path("usage-2026-11-30_2026-12-01.csv").open(newline="", encoding="utf-8") as file:
            assert [row["cost_usd"] for row in csv.DictReader(file)] == ["1.00"] * 3
        assert len(answer("usage", "export", "--output", "-").splitlines()) == 4
        assert run("usage", "export", "--output", "nowhere/x.csv").exit_code == 1


def test_a_change_that_is_not_in_force_everywhere_fails(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torouter.cli.place._CONFIRM_S", 0.2)
    run("key", "create")
    with Store.open(data_dir) as store:
        now_ms = wall_ms()
        row = ProcessRow(id="p1", place="box:4000", replica="r", started_ms=now_ms, seen_ms=now_ms, revision=0)
        store.beat(row)
    result = run("key", "disable", "1")
    assert (result.exit_code, result.stdout) == (1, "Key 1 (key) is disabled.\n")
    assert result.stderr == (
        "Error: The change is stored, but these processes have not said that they work by it: box:4000 (p1).\n"
    )
    assert told("key", "show", "1")["status"] == "disabled"
    assert "box:4000" in answer("process", "list")


def test_another_database(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server().database() as url:
        there = ("--database", url.reveal())
        assert run("db", "check", *there).exit_code == 1
        assert answer("db", "upgrade", *there).endswith(" has this version's schema.\n")
        assert run("key", "create", "--name", "there", *there).exit_code == 0
        assert [row["name"] for row in told("key", "list", *there)] == ["there"]
        assert told("key", "list") == []
        monkeypatch.setenv("TOROUTER_DATABASE", url.reveal())
        assert [row["name"] for row in told("key", "list")] == ["there"]
        assert answer("db", "check").endswith(f" has this version's schema, {REVISIONS[-1]}.\n")
    result = run("key", "list", "--database", "mysql://localhost/x")
    assert result.exit_code == 2


class TestExplain:
    def test_from_the_configuration(self, data_dir: Path) -> None:
        Path("torouter.yaml").write_text(
            "channels:\n"
            "  - {name: main, kind: openai, api_key: sk-up, models: {gpt-5: gpt-5-2025}, groups: [research]}\n"
            "  - {name: spare, kind: openai, api_key: sk-up, models: [gpt-5], priority: 20}\n"
        )
        config = ("--config", "torouter.yaml")
        answer("group", "create", "research")
        run("key", "create", "--group", "research", "--models", "o3")
        shown = run("explain", "gpt-5", "--group", "research", *config)
        assert shown.exit_code == 0
        rows = [line.split() for line in shown.stdout.splitlines()[1:]]
        assert [row[:6] for row in rows] == [
            ["main", "-", "openai", "gpt-5-2025", "openai-chat", "10"],
            ["spare", "-", "openai", "gpt-5", "openai-chat", "20"],
        ]
        assert shown.stderr == "For the group research, as configured; --url asks how channels fare.\n"
        assert "not for group default" in run("explain", "gpt-5", *config).stdout
        assert told("explain", "gpt-5", "--key", "1", *config)["refused"].startswith("The key's own list")

    def test_what_cannot_be_asked(self, data_dir: Path) -> None:
        assert run("explain", "gpt-5", "--group", "none").exit_code == 1
        assert run("explain", "gpt-5", "--dialect", "cobol").exit_code == 2
        refused = run("explain", "gpt-5", "--url", "http://127.0.0.1:9")
        assert (refused.exit_code, "TOROUTER_ADMIN_TOKEN is not set" in refused.stderr) == (2, True)

    def test_a_gateway_that_is_not_there(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOROUTER_ADMIN_TOKEN", "operators-own-admin-token-0001")
        away = run("explain", "gpt-5", "--url", "http://127.0.0.1:9")
        assert (away.exit_code, away.stdout) == (1, "")
