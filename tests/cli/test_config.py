"""`torouter config`: what a file would change, what it changes, and the file that describes what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.test_managing import told
from tests.house.project import code_blocks
from tests.test_cli import answer, data_dir, run

__all__ = ["data_dir"]

FILE = """\
groups:
  - name: research
    multiplier: 1.25
    models: [gpt-5]
    defaults: {cap_usd: 12.5, rpm: 60}
    on_cut: resume-if-identical
    fallbacks: {gpt-5: {outage: [gpt-5-mini]}}
channels:
  - name: main
    kind: openai
    credentials: [{name: a, api_key: env:KEY_A}, {name: b, api_key: env:KEY_B}]
    models: {gpt-5: {model: gpt-5-2026, deadlines: {first_token_s: 90}}, gpt-5-mini: gpt-5-mini}
    deadlines: {idle_s: 20}
    weight: 3
    groups: [research]
    hedge: true
  - {name: local, kind: vllm, base_url: "http://127.0.0.1:9/v1", is_enabled: false}
"""
KEY_A = "sk-hunter2-a-0123456789"
KEY_B = "sk-hunter2-b-0123456789"


@pytest.fixture
def file(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEY_A", KEY_A)
    monkeypatch.setenv("KEY_B", KEY_B)
    path = tmp_path / "channels.yaml"
    path.write_text(FILE)
    return path


def plan(file: Path) -> list[dict[str, Any]]:
    result = run("config", "plan", str(file), "--json")
    steps: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == (2 if steps else 0), result.output
    assert "hunter2" not in result.output
    return steps


def apply(file: Path, text: str | None = None) -> str:
    if text is not None:
        file.write_text(text)
    printed = answer("config", "apply", str(file))
    assert "hunter2" not in printed
    return printed


def channel(name: str) -> dict[str, Any]:
    (found,) = [row for row in told("channel", "list") if row["name"] == name]
    view: dict[str, Any] = told("channel", "show", str(found["id"]))
    return view


class TestPlan:
    def test_shows_what_would_come_and_changes_nothing(self, file: Path) -> None:
        result = run("config", "plan", str(file))
        assert result.exit_code == 2
        assert result.stdout == (
            '+ group research: multiplier: "1.25"; models: ["gpt-5"]; defaults: {"cap_usd":"12.50","limit_5h":0,'
            '"limit_1d":0,"limit_7d":0,"rpm":60,"tpm":0,"concurrency":0}; on_cut: "resume-if-identical"; '
            'fallbacks: {"gpt-5":{"outage":["gpt-5-mini"]}}\n'
            '+ channel main: kind: "openai"; weight: 3; groups: ["research"]; hedge: true; models: {"gpt-5":{"model":'
            '"gpt-5-2026","deadlines":{"first_token_s":90.0}},"gpt-5-mini":"gpt-5-mini"}; deadlines: {"idle_s":20.0}; '
            "credential a; credential b\n"
            '+ channel local: kind: "vllm"; is_enabled: false; base_url: "http://127.0.0.1:9/v1"\n'
        )
        assert told("channel", "list") == []

    def test_is_empty_after_apply(self, file: Path) -> None:
        apply(file)
        assert plan(file) == []
        assert run("config", "plan", str(file)).stdout == "Nothing would change.\n"
        assert apply(file) == "Nothing to change.\n"

    def test_a_fault_is_told_with_its_place_and_is_no_change(self, file: Path) -> None:
        file.write_text("channels:\n  - {name: a, kind: vllm, weight: 0}\n  - {kind: vllm}\nserver: {}\n")
        result = run("config", "plan", str(file))
        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            f"Error: {file}:2: channels[0].weight: expected a whole number from 1 to 1000000, got the number 0",
            f"{file}:3: channels[1]: expected a name",
            f"{file}:4: server: this belongs into the server's own file, of `torouter serve --config`",
        ]

    def test_each_difference_is_named(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(file)
        monkeypatch.setenv("KEY_A", "sk-hunter2-another-key")
        file.write_text(
            FILE.replace("weight: 3\n", "priority: 1\n")
            .replace("{name: b, api_key: env:KEY_B}", "{name: c, api_key: env:KEY_B}")
            .replace("rpm: 60", "rpm: 61")
        )
        first, second = plan(file)
        assert (first["action"], first["object"], first["name"]) == ("change", "group", "research")
        assert len(first["changes"]) == 1
        assert first["changes"][0].startswith("defaults: ")
        assert second["changes"] == [
            "priority: the default → 1",
            "weight: 3 → the default",
            "credential c: new",
            "credential a: another key",
            "credential b: removed",
        ]


class TestApply:
    def test_makes_the_store_as_the_file_says(self, file: Path) -> None:
        assert apply(file).startswith("+ group research: ")
        main = channel("main")
        assert main["managed_by"] == "file"
        assert [each["name"] for each in main["credentials"]] == ["a", "b"]
        assert (main["weight"], main["groups"], main["hedge"]) == (3, ["research"], True)
        assert main["models"]["gpt-5"] == {"model": "gpt-5-2026", "deadlines": {"first_token_s": 90.0}}
        assert channel("local")["is_enabled"] is False
        (group,) = [row for row in told("group", "list") if row["name"] == "research"]
        assert (group["multiplier"], group["defaults"]["rpm"], group["managed_by"]) == ("1.25", 60, "file")
        assert group["fallbacks"] == {"gpt-5": {"outage": ["gpt-5-mini"]}}

    def test_changes_what_differs_and_nothing_else(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(file)
        before = channel("main")
        monkeypatch.setenv("KEY_A", "sk-hunter2-another-key-9999")
        apply(file, FILE.replace("weight: 3\n", "priority: 1\n").replace("hedge: true", "concurrency: 4"))
        assert plan(file) == []
        after = channel("main")
        assert (after["id"], after["priority"], after["weight"], after["hedge"]) == (before["id"], 1, None, None)
        assert [each["shown"] for each in after["credentials"]] == ["…9999", "…6789"]

    def test_what_is_gone_from_the_file_goes_and_what_was_made_by_hand_stays(self, file: Path) -> None:
        answer("channel", "create", "mine", "--kind", "vllm")
        apply(file)
        assert apply(file, "channels: []\ngroups: []\n") == "- channel main\n- channel local\n- group research\n"
        assert [row["name"] for row in told("channel", "list")] == ["mine"]
        assert [row["name"] for row in told("group", "list")] == ["default"]

    def test_what_the_file_does_not_speak_of_stays(self, file: Path) -> None:
        apply(file)
        assert apply(file, "groups: []\n") == "- group research\n"
        assert [row["name"] for row in told("channel", "list")] == ["main", "local"]

    def test_takes_over_by_name(self, file: Path) -> None:
        answer("channel", "create", "local", "--kind", "vllm", "--weight", "7")
        text = "channels: [{name: local, kind: ollama}]\n"
        assert apply(file, text) == (
            '~ channel local: kind: "vllm" → "ollama"; weight: 7 → the default; takes over what was made by hand\n'
        )
        assert (channel("local")["managed_by"], channel("local")["kind"]) == ("file", "ollama")
        assert run("channel", "edit", "1", "--weight", "2").exit_code != 0

    def test_the_default_group_is_let_go(self, file: Path) -> None:
        apply(file, "groups: [{name: default, multiplier: '2'}]\n")
        assert apply(file, "groups: []\n") == ("~ group default: stays as it is, and may be changed by hand again\n")
        assert answer("group", "edit", "1", "--multiplier", "1") == "Group default is changed.\n"

    def test_is_all_or_nothing(self, file: Path) -> None:
        apply(file)
        run("key", "create", "--group", "research")
        file.write_text("channels: [{name: new, kind: vllm}]\ngroups: []\n")
        result = run("config", "apply", str(file))
        assert result.exit_code == 2
        assert result.stderr.startswith(f"Error: {file}: group research: cannot delete: ")
        assert "key" in result.stderr
        assert [row["name"] for row in told("channel", "list")] == ["main", "local"]

    def test_what_cannot_be_is_refused_with_its_place(self, file: Path) -> None:
        name = "n" * 101
        file.write_text(f"channels:\n  - {{name: ok, kind: vllm}}\n  - {{name: {name}, kind: vllm}}\n")
        result = run("config", "apply", str(file))
        assert result.exit_code == 2
        assert result.stderr.startswith(f"Error: {file}:3: channel {name}: cannot create: ")
        assert told("channel", "list") == []

    def test_a_key_that_is_needed_comes_before_and_one_that_is_not_goes_after(self, file: Path) -> None:
        apply(file, "channels: [{name: x, kind: vllm}]\n")
        apply(file, "channels: [{name: x, kind: openai, api_key: env:KEY_A}]\n")
        assert [each["name"] for each in channel("x")["credentials"]] == ["default"]
        apply(file, "channels: [{name: x, kind: vllm}]\n")
        assert channel("x")["credentials"] == []

    def test_each_step_is_in_the_audit_trail(self, file: Path) -> None:
        apply(file)
        trail = told("audit", "list")
        assert {"group.create", "channel.create"} <= {row["action"] for row in trail}
        assert "hunter2" not in str(trail)


def test_the_file_of_the_page_can_be_applied(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = [text for language, text in code_blocks("docs/channels.md") if text.startswith("groups:")]
    for variable in ("OPENAI_KEY_1", "OPENAI_KEY_2"):
        monkeypatch.setenv(variable, f"hunter2-{variable}")
    assert apply(file, shown).startswith("+ group research")
    assert plan(file) == []


class TestExport:
    def test_describes_what_there_is(self, file: Path) -> None:
        apply(file)
        text = answer("config", "export")
        assert "hunter2" not in text
        found = yaml.safe_load(text)
        assert [group["name"] for group in found["groups"]] == ["research"]
        assert found["channels"][0]["credentials"] == [
            {"name": "a", "api_key": "env:MAIN_A_KEY"},
            {"name": "b", "api_key": "env:MAIN_B_KEY"},
        ]

    def test_applied_again_it_changes_nothing_but_keys(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(file)
        file.write_text(answer("config", "export"))
        monkeypatch.setenv("MAIN_A_KEY", KEY_A)
        monkeypatch.setenv("MAIN_B_KEY", KEY_B)
        assert plan(file) == []
        monkeypatch.setenv("MAIN_A_KEY", "sk-other")
        (step,) = plan(file)
        assert step["changes"] == ["credential a: another key"]

    def test_variables_differ(self, file: Path) -> None:
        apply(file, "channels: [{name: a b, kind: openai, api_key: k}, {name: a-b, kind: openai, api_key: k},"
                    " {name: 4o, kind: openai, api_key: k}]\n")  # fmt: skip
        keys = [channel["api_key"] for channel in yaml.safe_load(answer("config", "export"))["channels"]]
        assert keys == ["env:A_B_KEY", "env:A_B_2_KEY", "env:_4O_KEY"]

    def test_of_nothing_is_a_file_that_changes_nothing(self, file: Path) -> None:
        file.write_text(answer("config", "export"))
        assert yaml.safe_load(file.read_text()) == {"groups": [], "channels": []}
        assert plan(file) == []
