"""Settings: what wins, what channels there are, and every fault in its own words."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from torouter.channels import KINDS, Credential, Policy
from torouter.config import (
    ChannelSettings,
    ErrorsSettings,
    FetchSettings,
    LimitsSettings,
    Overrides,
    PricesSettings,
    RedisSettings,
    ResponsesSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TranslationSettings,
    UpstreamSettings,
    VaultSettings,
    channel_settings_from,
    check_sharing,
    data_directory,
    load_settings,
)
from torouter.config.channels import CHANNEL_KEYS
from torouter.errors import ConfigError
from torouter.routing.fallbacks import Fallbacks
from torouter.units import Secret
from torouter.wire.upstream import Deadlines

DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"

CONTRACT = """\
channels:
  - name: up-chat
    kind: openai                 # openai, anthropic, gemini, openrouter, …
    base_url: http://127.0.0.1:9001/v1
    api_key: env:UPSTREAM_KEY    # or the key itself
    dialects: [openai-chat]      # optional; of openai-chat, openai-responses, anthropic, gemini
    models: {gw: up-n100}        # name that clients use: name upstream; or a list
"""


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as an operator names them, relative to where they stand."""
    monkeypatch.chdir(tmp_path)


def load(text: str | bytes = "", environ: dict[str, str] | None = None, **overrides: object) -> Settings:
    Path("gateway.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    said = Overrides(config=Path("gateway.yaml"), **overrides)  # type: ignore[arg-type]
    return load_settings(said, {"HOME": "/home/me"} | (environ or {}))


def faults(text: str | bytes, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, environ)
    return caught.value.message.split("\n")


def key_of(channel: ChannelSettings) -> str:
    (credential,) = channel.credentials
    assert credential.secret is not None
    assert credential.label == ""
    return credential.secret.reveal()


KEYS = "server, store, redis, limits, prices, errors, upstream, translation, fetch, responses, vault, channels, "
KEYS += "fallbacks"
SECTIONS = f"a mapping with the keys {KEYS} and environment"


class TestDefaults:
    def test_nothing_said_is_a_demo_on_the_loopback(self) -> None:
        settings = load_settings(Overrides(), {"HOME": "/home/me"})
        assert settings.data_dir == Path("/home/me/.local/share/torouter")
        assert settings.config_file is None
        assert settings.server == ServerSettings(
            host="127.0.0.1",
            port=8000,
            workers=1,
            grace_s=30.0,
            body_limit_mb=64,
            header_timeout_s=15.0,
            body_timeout_s=60.0,
            cors_origins=("*",),
        )
        assert settings.upstream == UpstreamSettings(
            connect_s=10.0,
            head_s=300.0,
            first_token_s=40.0,
            thinking_s=300.0,
            idle_s=40.0,
            total_s=1800.0,
            max_switches=3,
            max_attempts=6,
            retry_s=10.0,
        )
        assert settings.upstream.deadlines == Deadlines(10.0, 300.0, 40.0, 40.0, 1800.0)
        assert settings.upstream.thinking_deadlines == Deadlines(10.0, 300.0, 100.0, 300.0, 1800.0)
        assert settings.fallbacks == {}
        assert settings.fetch == FetchSettings(enabled=True, private_networks=False, size_mb=20, timeout_s=20.0)
        assert settings.translation == TranslationSettings(strict=False)
        assert settings.vault == VaultSettings(enabled=True, ttl_s=86400.0, memory_mb=16, rows=100_000)
        assert [(channel.name, channel.kind) for channel in settings.channels] == [("demo", "demo")]
        assert settings.is_demo

    def test_strict_translation(self) -> None:
        assert load("translation: {strict: true}").translation.strict

    def test_an_empty_file_says_nothing(self) -> None:
        nothing = load_settings(Overrides(), {"HOME": "/home/me"})
        for text in ("", "# only a comment\n", "---\n", "{}"):
            settings = load(text)
            assert settings.vault == nothing.vault
            assert (settings.server, settings.upstream, settings.channels) == (
                nothing.server,
                nothing.upstream,
                nothing.channels,
            )


class TestPrecedence:
    FILE = "server: {host: 10.0.0.1, port: 1111, workers: 2, grace_s: 5}"
    ENVIRON: ClassVar = {"TOROUTER_HOST": "10.0.0.2", "TOROUTER_PORT": "2222", "TOROUTER_WORKERS": "3"}

    def test_the_file_wins_over_the_defaults(self) -> None:
        server = load(self.FILE).server
        assert (server.host, server.port, server.workers, server.grace_s) == ("10.0.0.1", 1111, 2, 5.0)
        assert server.body_limit_mb == 64

    def test_the_environment_wins_over_the_file(self) -> None:
        server = load(self.FILE, self.ENVIRON).server
        assert (server.host, server.port, server.workers, server.grace_s) == ("10.0.0.2", 2222, 3, 5.0)

    def test_the_command_line_wins_over_all(self) -> None:
        server = load(self.FILE, self.ENVIRON, host="10.0.0.3", port=0, workers=4).server
        assert (server.host, server.port, server.workers) == ("10.0.0.3", 0, 4)

    def test_empty_variables_say_nothing(self) -> None:
        names = ("HOST", "PORT", "WORKERS", "DATA", "CONFIG")
        settings = load_settings(Overrides(), {"HOME": "/home/me"} | {f"TOROUTER_{name}": "" for name in names})
        assert settings == load_settings(Overrides(), {"HOME": "/home/me"})

    def test_the_file_may_come_from_the_environment(self) -> None:
        Path("a.yaml").write_text("server: {port: 1}")
        Path("b.yaml").write_text("server: {port: 2}")
        environ = {"HOME": "/home/me", "TOROUTER_CONFIG": "a.yaml"}
        assert load_settings(Overrides(), environ).server.port == 1
        assert load_settings(Overrides(config=Path("b.yaml")), environ).server.port == 2
        assert load_settings(Overrides(), environ).config_file == Path("a.yaml")

    @pytest.mark.parametrize(
        ("given", "environ", "expected"),
        [
            (None, {"HOME": "/home/me"}, "/home/me/.local/share/torouter"),
            (None, {"HOME": "/home/me", "XDG_DATA_HOME": "/xdg"}, "/xdg/torouter"),
            (None, {"HOME": "/home/me", "XDG_DATA_HOME": "not/absolute"}, "/home/me/.local/share/torouter"),
            (None, {"HOME": "/home/me", "XDG_DATA_HOME": "/xdg", "TOROUTER_DATA": "/env"}, "/env"),
            (Path("/cli"), {"HOME": "/home/me", "TOROUTER_DATA": "/env"}, "/cli"),
        ],
    )
    def test_of_the_data_directory(self, given: Path | None, environ: dict[str, str], expected: str) -> None:
        assert data_directory(given, environ) == Path(expected)
        assert load_settings(Overrides(data=given), environ).data_dir == Path(expected)

    def test_the_data_directory_is_absolute(self, tmp_path: Path) -> None:
        assert data_directory(Path("here"), {}) == tmp_path / "here"

    @pytest.mark.parametrize(
        ("environ", "sentence"),
        [
            ({"TOROUTER_PORT": "http"}, "TOROUTER_PORT: expected a whole number from 0 to 65535, got 'http'"),
            ({"TOROUTER_PORT": "65536"}, "TOROUTER_PORT: expected a whole number from 0 to 65535, got '65536'"),
            ({"TOROUTER_PORT": "-1"}, "TOROUTER_PORT: expected a whole number from 0 to 65535, got '-1'"),
            ({"TOROUTER_WORKERS": "0"}, "TOROUTER_WORKERS: expected a whole number from 1 to 256, got '0'"),
            ({"TOROUTER_WORKERS": "²"}, "TOROUTER_WORKERS: expected a whole number from 1 to 256, got '²'"),
        ],
    )
    def test_a_malformed_variable_is_named(self, environ: dict[str, str], sentence: str) -> None:
        assert faults("", environ) == [sentence]


class TestChannels:
    def test_the_contract(self) -> None:
        (channel,) = load(CONTRACT, {"UPSTREAM_KEY": "k-1"}).channels
        assert (channel.name, channel.kind, channel.source) == ("up-chat", "openai", "gateway.yaml:2")
        assert (channel.base_url, key_of(channel)) == ("http://127.0.0.1:9001/v1", "k-1")
        assert (channel.dialects, channel.models) == (("openai-chat",), {"gw": "up-n100"})
        assert (channel.priority, channel.weight, channel.groups) == (10, 1, ())

    def test_becomes_a_channel(self) -> None:
        settings = load(CONTRACT, {"UPSTREAM_KEY": "k-1"})
        channel = settings.channels[0].open(settings.upstream)
        assert channel.upstream_model("gw") == "up-n100"
        assert channel.target("openai-chat", "chat") is not None
        assert channel.target("openai-responses", "chat") is None

    def test_a_list_of_models_has_the_same_names_on_both_sides(self) -> None:
        (channel,) = load("channels: [{kind: ollama, models: [qwen3, 'llama3.2']}]").channels
        assert channel.models == {"qwen3": "qwen3", "llama3.2": "llama3.2"}

    def test_a_local_server_is_one_line(self) -> None:
        (channel,) = load("channels: [{kind: ollama}]").channels
        assert (channel.name, channel.base_url, channel.credentials, channel.models) == ("ollama", None, (), None)
        assert channel.open(UpstreamSettings()).target("openai-chat", "chat") is not None

    def test_names_left_out_are_made_and_do_not_meet_those_given(self) -> None:
        text = "channels: [{kind: ollama}, {kind: ollama}, {kind: vllm, name: ollama-2}, {kind: ollama}]"
        assert [channel.name for channel in load(text).channels] == ["ollama", "ollama-3", "ollama-2", "ollama-4"]

    def test_the_rest_of_a_channel(self) -> None:
        (channel,) = load("channels: [{kind: vllm, priority: -5, weight: 7, groups: [a, b]}]").channels
        assert (channel.priority, channel.weight, channel.groups) == (-5, 7, ("a", "b"))
        assert channel.open(UpstreamSettings()).groups == {"a", "b"}

    def test_settings_reach_other_processes(self) -> None:
        settings = load(CONTRACT, {"UPSTREAM_KEY": "k-1", "GEMINI_API_KEY": "k-2"})
        assert pickle.loads(pickle.dumps(settings)) == settings

    def test_a_key_is_shown_nowhere(self) -> None:
        settings = load("channels: [{kind: openai, api_key: hunter2-in-file}]", {"GEMINI_API_KEY": "hunter2-in-env"})
        assert [key_of(channel) for channel in settings.channels] == [
            "hunter2-in-file",
            "hunter2-in-env",
        ]
        assert "hunter2" not in repr(settings)
        assert not any("hunter2" in channel.summary for channel in settings.channels)

    def test_a_summary_says_where_and_what(self) -> None:
        first, second = load(CONTRACT, {"UPSTREAM_KEY": "k-1", "ANTHROPIC_API_KEY": "k-2"}).channels
        assert first.summary == (
            "up-chat (openai) · http://127.0.0.1:9001/v1 · openai-chat · models: gw · from gateway.yaml:2"
        )
        assert second.summary == (
            "anthropic (anthropic) · https://api.anthropic.com · anthropic · models: whatever it serves · "
            "from ANTHROPIC_API_KEY"
        )


class TestCredentials:
    @staticmethod
    def read(credentials: str) -> list[tuple[str, str]]:
        (channel,) = load(f"channels: [{{kind: vllm, credentials: {credentials}}}]", {"K": "k-env"}).channels
        return [(each.label, each.secret.reveal()) for each in channel.credentials if each.secret]

    def test_have_a_label_each(self) -> None:
        assert self.read("[{name: a, api_key: k-1}, {name: b, api_key: env:K}]") == [("a", "k-1"), ("b", "k-env")]
        assert self.read("[{api_key: k-1}, {name: b, api_key: k-2}, {api_key: k-3}]") == [
            ("1", "k-1"),
            ("b", "k-2"),
            ("3", "k-3"),
        ]
        assert self.read("[{api_key: k-1}]") == [("", "k-1")]
        assert self.read("[{name: a, api_key: k-1}]") == [("a", "k-1")]

    def test_reach_the_channel(self) -> None:
        text = "channels: [{kind: vllm, credentials: [{name: a, api_key: k-1}, {name: b, api_key: k-2}]}]"
        (channel,) = load(text).channels
        assert [each.label for each in channel.open(UpstreamSettings()).credentials] == ["a", "b"]
        assert channel.summary.endswith("credentials: a, b · from gateway.yaml:1")
        assert "k-1" not in repr(channel)

    @pytest.mark.parametrize(
        ("channel", "sentence"),
        [
            (
                "api_key: hunter2, credentials: [{api_key: hunter2}]",
                "api_key: give either an api_key or credentials, not both",
            ),
            (
                "credentials: []",
                "credentials: expected at least 1 of the credentials",
            ),
            (
                "credentials: hunter2",
                "credentials: expected a list of credentials, such as {name: main, api_key: env:KEY}",
            ),
            (
                "credentials: [hunter2]",
                "credentials[0]: expected a mapping such as {name: main, api_key: env:KEY}",
            ),
            ("credentials: [{name: a}]", "credentials[0]: expected an api_key"),
            ("credentials: [{key: a}]", "credentials[0]: unknown key 'key'"),
            (
                "credentials: [{name: sk-hunter2, api_key: k}]",
                "credentials[0].name: expected a name of at most 40 letters, digits and . _ - / @, which is no key",
            ),
            (
                "credentials: [{name: a, api_key: k-1}, {name: a, api_key: k-2}]",
                "credentials: there are several credentials named a",
            ),
            (
                "credentials: [{api_key: k-1}, {name: '1', api_key: k-2}]",
                "credentials: there are several credentials named 1",
            ),
        ],
    )
    def test_faults(self, channel: str, sentence: str) -> None:
        found = faults(f"channels: [{{kind: vllm, {channel}}}]")
        assert found[0].startswith(f"{AT}:1: channels[0].{sentence}")
        assert "hunter2" not in "\n".join(found)


class TestPolicies:
    def test_what_is_said_reaches_the_channel(self) -> None:
        text = "{kind: vllm, concurrency: 20, queue_s: 2.5, on_cut: resume-if-identical, hedge: yes, probe_s: 30}"
        (settings,) = load(f"channels: [{text}]").channels
        policy = settings.open(UpstreamSettings()).policy
        assert (policy.concurrency, policy.queue_s, policy.on_cut) == (20, 2.5, "resume-if-identical")
        assert (policy.hedges, policy.probe_s) == (True, 30.0)
        assert "at most 20 at once · a cut: resume-if-identical · hedged · probed every 30 s" in settings.summary

    def test_nothing_said_is_the_default(self) -> None:
        (settings,) = load("channels: [{kind: vllm}]").channels
        deadlines = UpstreamSettings().deadlines
        assert settings.open(UpstreamSettings()).policy == Policy(
            deadlines=deadlines, thinking=UpstreamSettings().thinking_deadlines
        )

    def test_deadlines_of_a_model_win_over_the_channels_and_those_over_the_upstreams(self) -> None:
        text = (
            "upstream: {connect_s: 1, first_token_s: 2, thinking_s: 3, idle_s: 4, head_s: 5, total_s: 0}\n"
            "channels:\n  - kind: vllm\n    deadlines: {idle_s: 40, head_s: 50}\n"
            "    models: {a: {model: up-a, deadlines: {head_s: 500}}, b: up-b, gpt-5: {deadlines: {idle_s: 400}}}"
        )
        settings = load(text)
        assert settings.channels[0].models == {"a": "up-a", "b": "up-b", "gpt-5": "gpt-5"}
        channel = settings.channels[0].open(settings.upstream)
        assert channel.deadlines_for("up-b") == Deadlines(1.0, 50.0, 40.0, 2.0, 0.0)
        assert channel.deadlines_for("up-a") == Deadlines(1.0, 500.0, 40.0, 2.0, 0.0)
        assert channel.deadlines_for("gpt-5") == Deadlines(1.0, 50.0, 400.0, 3.0, 0.0)

    def test_models_that_reason_may_take_longer_for_their_first_token(self) -> None:
        channel = load("channels: [{kind: openai, api_key: k}]").channels[0].open(UpstreamSettings())
        assert channel.deadlines_for("gpt-5").first_token_s == 300.0
        assert channel.deadlines_for("gpt-4.1").first_token_s == 40.0
        assert channel.deadlines_for("gpt-5").idle_s == 100.0
        assert channel.deadlines_for("gpt-4.1").idle_s == 40.0
        said = load("channels: [{kind: openai, api_key: k, deadlines: {first_token_s: 7}}]").channels[0]
        assert said.open(UpstreamSettings()).deadlines_for("gpt-5").first_token_s == 7.0
        routed = load("channels: [{kind: openrouter, api_key: k}]").channels[0].open(UpstreamSettings())
        assert routed.deadlines_for("openai/gpt-4.1").first_token_s == 40.0
        assert routed.deadlines_for("openai/gpt-5").first_token_s == 300.0

    @pytest.mark.parametrize(("first_token_s", "thinking_s", "both"), [(0, 300, 0), (40, 0, 0), (600, 300, 600)])
    def test_thinking_is_never_less(self, first_token_s: float, thinking_s: float, both: float) -> None:
        upstream = UpstreamSettings(first_token_s=first_token_s, thinking_s=thinking_s)
        assert upstream.thinking_deadlines.first_token_s == both

    def test_fallbacks(self) -> None:
        text = "fallbacks: {a: {context_length: [b], outage: [c, d]}, e: {outage: [a]}}"
        assert load(text).fallbacks == {
            "a": Fallbacks(context_length=("b",), outage=("c", "d")),
            "e": Fallbacks(outage=("a",)),
        }

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("upstream: {first_token_s: -1}", "upstream.first_token_s: expected a number of seconds, 0 or more"),
            ("upstream: {max_attempts: 0}", "upstream.max_attempts: expected a whole number from 1 to 100"),
            (
                "channels: [{kind: vllm, deadlines: 5}]",
                "channels[0].deadlines: expected a mapping with the keys connect_s",
            ),
            ("channels: [{kind: vllm, deadlines: {idle: 5}}]", "channels[0].deadlines: unknown key 'idle'"),
            ("channels: [{kind: vllm, deadlines: {idle_s: 0}}]", "channels[0].deadlines.idle_s: expected a number of"),
            ("channels: [{kind: vllm, concurrency: -1}]", "channels[0].concurrency: expected a whole number from 0"),
            (
                "channels: [{kind: vllm, on_cut: splice}]",
                "channels[0].on_cut: expected one of error, resume-if-identical",
            ),
            ("channels: [{kind: vllm, hedge: 1}]", "channels[0].hedge: expected true or false, got the number 1"),
            ("channels: [{kind: vllm, models: {a: {mdl: b}}}]", "channels[0].models.a: unknown key 'mdl'"),
            (
                "channels: [{kind: vllm, models: {a: {model: m, deadlines: {idle_s: 1}}, b: {model: m, deadlines: "
                "{idle_s: 2}}}}]",
                "channels[0].models: the deadlines of m are given twice, and differ",
            ),
            ("fallbacks: [a]", "fallbacks: expected a mapping such as {gpt-5:"),
            ("fallbacks: {a: [b]}", "fallbacks.a: expected a mapping with the keys context_length and outage"),
            ("fallbacks: {a: {outage: []}}", "fallbacks.a.outage: expected at least 1 of the names of models"),
            ("fallbacks: {a: {outage: [b, a]}}", "fallbacks.a.outage: expected each model once, and not a itself"),
            ("fallbacks: {a: {failure: [b]}}", "fallbacks.a: unknown key 'failure'"),
            ("groups: []", "groups: groups are kept in the store: declare them in a file for `torouter config apply`"),
        ],
    )
    def test_faults(self, text: str, sentence: str) -> None:
        (found,) = faults(text)
        assert found.startswith(f"{AT}:1: {sentence}")


class TestFromElsewhere:
    """Channels that do not come from a file, read by the same readers."""

    KEY: ClassVar = (Credential("a", Secret("k-1")),)

    def test_is_the_same_as_from_a_file(self) -> None:
        spec: dict[str, object] = {
            "base_url": "http://h/v1",
            "models": {"gw": {"model": "up", "deadlines": {"idle_s": 3}}, "b": "b"},
            "deadlines": {"head_s": 1.5},
            "priority": 3,
            "groups": ["a"],
            "hedge": True,
            "on_cut": "error",
        }
        made = channel_settings_from(spec, self.KEY, "c", "openai", "the store")
        text = (
            "channels: [{name: c, kind: openai, base_url: 'http://h/v1', credentials: [{name: a, api_key: k-1}], "
            "models: {gw: {model: up, deadlines: {idle_s: 3}}, b: b}, deadlines: {head_s: 1.5}, priority: 3, "
            "groups: [a], hedge: true, on_cut: error}]"
        )
        assert made == replace(load(text).channels[0], source="the store")

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"weight": "many"}, "weight: expected a whole number from 1 to 1000000, got 'many'"),
            ({"weights": 1}, "unknown key 'weights'; did you mean weight?"),
            ({"api_key": "hunter2"}, "unknown key 'api_key'; known are"),
            (
                {"models": {"a": {"deadlines": {"idle_s": 0}}}},
                "models.a.deadlines.idle_s: expected a number of seconds",
            ),
            ({"dialects": ["gemini"]}, "channel c: openai does not speak gemini at its own base URL"),
            (
                {"weight": 0, "hedge": None},
                "weight: expected a whole number from 1 to 1000000, got the number 0\nhedge: ",
            ),
        ],
    )
    def test_faults_name_the_field(self, spec: dict[str, object], message: str) -> None:
        with pytest.raises(ConfigError) as caught:
            channel_settings_from(spec, self.KEY, "c", "openai", "the store")
        assert caught.value.message.startswith(message)

    def test_a_provider_wants_a_credential(self) -> None:
        with pytest.raises(ConfigError, match="credentials: a channel of kind openai needs one"):
            channel_settings_from({}, (), "c", "openai", "the store")
        assert channel_settings_from({}, (), "c", "vllm", "the store").credentials == ()
        with pytest.raises(ConfigError, match="kind: expected one of"):
            channel_settings_from({}, (), "c", "opnai", "the store")


class TestEnvironmentChannels:
    KEYS: ClassVar = {
        "OPENAI_API_KEY": "k-openai",
        "ANTHROPIC_API_KEY": "k-anthropic",
        "GEMINI_API_KEY": "k-gemini",
        "OPENROUTER_API_KEY": "k-openrouter",
    }

    def test_every_key_makes_a_channel(self) -> None:
        channels = load_settings(Overrides(), {"HOME": "/home/me"} | self.KEYS).channels
        assert [(channel.name, key_of(channel), channel.source) for channel in channels] == [
            ("openai", "k-openai", "OPENAI_API_KEY"),
            ("anthropic", "k-anthropic", "ANTHROPIC_API_KEY"),
            ("gemini", "k-gemini", "GEMINI_API_KEY"),
            ("openrouter", "k-openrouter", "OPENROUTER_API_KEY"),
        ]

    @pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.env_key], ids=lambda kind: kind.name)
    def test_every_kind_with_a_variable_has_its_own(self, kind: object) -> None:
        assert isinstance(kind, type(KINDS["openai"]))
        assert kind.env_key is not None
        settings = load_settings(Overrides(), {"HOME": "/home/me", kind.env_key: "k-1"})
        assert [channel.kind for channel in settings.channels] == [kind.name]
        assert not settings.is_demo

    def test_a_declared_kind_is_not_added(self) -> None:
        text = "channels: [{name: mine, kind: openai, base_url: 'http://127.0.0.1:9/v1'}]"
        channels = load(text, {"OPENAI_API_KEY": "k-1", "GEMINI_API_KEY": "k-2"}).channels
        assert [(channel.name, channel.kind) for channel in channels] == [("mine", "openai"), ("gemini", "gemini")]

    def test_one_that_is_not_enabled_is_not_there_and_not_replaced(self) -> None:
        text = "channels: [{kind: openai, is_enabled: false}, {kind: vllm, is_enabled: true}]"
        assert [channel.name for channel in load(text, {"OPENAI_API_KEY": "k-1"}).channels] == ["vllm"]

    def test_a_providers_key_does_not_go_to_another_address(self) -> None:
        text = "channels: [{kind: openai, base_url: 'http://127.0.0.1:9/v1'}]"
        assert load(text, {"OPENAI_API_KEY": "k-1"}).channels[0].credentials == ()

    def test_a_key_left_out_is_the_providers_own(self) -> None:
        (channel,) = load("channels: [{kind: openai, priority: 1}]", {"OPENAI_API_KEY": "k-1"}).channels
        assert (key_of(channel), channel.priority) == ("k-1", 1)

    def test_the_file_may_shut_the_environment_out(self) -> None:
        assert load("environment: false", self.KEYS).is_demo
        assert len(load("environment: true", self.KEYS).channels) == 4
        text = "environment: no\nchannels: [{kind: openai}, {kind: gemini, api_key: env:GEMINI_API_KEY}]"
        assert faults(text, self.KEYS) == [
            "gateway.yaml:2: channels[0]: a channel of kind openai needs an api_key, for example: api_key: "
            "env:OPENAI_API_KEY"
        ]

    def test_a_name_that_the_file_took_is_not_taken_again(self) -> None:
        text = "channels: [{name: gemini, kind: ollama}]"
        assert [channel.name for channel in load(text, self.KEYS).channels][-2:] == ["gemini-2", "openrouter"]

    def test_a_malformed_key_is_refused_without_being_shown(self) -> None:
        assert faults("", {"OPENAI_API_KEY": "hunter2\n"}) == [
            "OPENAI_API_KEY: expected a key of printable ASCII characters without spaces or line ends"
        ]


KIND_NAMES = ", ".join(KINDS)
AT = "gateway.yaml"


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            # the file
            (
                "- 1",
                f"{AT}:1: expected {SECTIONS}, got a list",
            ),
            (
                "hello",
                f"{AT}:1: expected {SECTIONS}, got 'hello'",
            ),
            ("\n\nservr: {}", f"{AT}:3: unknown key 'servr'; did you mean server?"),
            ("zzz: 1", f"{AT}:1: unknown key 'zzz'; known are {KEYS}, environment"),
            ("server: {}\n\nserver: {}", f"{AT}:3: 'server' is given twice, first on line 1"),
            ("8000: 1", f"{AT}:1: expected text (put it in quotes), got the number 8000"),
            ("[a]: 1", f"{AT}:1: expected text, got a list"),
            ("environment: maybe", f"{AT}:1: environment: expected true or false, got 'maybe'"),
            ("a: b: c", f"{AT}:1: not valid YAML: mapping values are not allowed here"),
            ("server:\n\t- 1", f"{AT}:2: not valid YAML: found character '\\t' that cannot start any token"),
            ("a: *b", f"{AT}:1: not valid YAML: found undefined alias 'b'"),
            ("{}\n---\n{}", f"{AT}:2: not valid YAML: but found another document"),
            (b"a: 1\nb: \xff", f"{AT}:2: expected UTF-8 text"),
            (b"a: 1\nb: \x00", f"{AT}:2: a control character is not allowed here"),
            ("[" * 500, f"{AT}: nested too deeply"),
            # sections
            (
                "server: 8000",
                f"{AT}:1: server: expected a mapping with the keys host, port, workers, grace_s, body_limit_mb, "
                "header_timeout_s, body_timeout_s, cors_origins, trusted_proxies, got the number 8000",
            ),
            ("server:\n  prot: 1", f"{AT}:2: server: unknown key 'prot'; did you mean port?"),
            ("server: {port: '8000'}", f"{AT}:1: server.port: expected a whole number from 0 to 65535, got '8000'"),
            (
                "server: {port: 65536}",
                f"{AT}:1: server.port: expected a whole number from 0 to 65535, got the number 65536",
            ),
            (
                "server: {port: 010}",
                f"{AT}:1: server.port: expected a whole number from 0 to 65535, got the number 010",
            ),
            (
                "server: {port: 22:22}",
                f"{AT}:1: server.port: expected a whole number from 0 to 65535, got the number 22:22",
            ),
            ("server: {port: true}", f"{AT}:1: server.port: expected a whole number from 0 to 65535, got true"),
            ("server: {host: 127}", f"{AT}:1: server.host: expected text (put it in quotes), got the number 127"),
            ("server: {host: ''}", f"{AT}:1: server.host: expected some text, got ''"),
            ("server:\n  host:", f"{AT}:2: server.host: expected text, got nothing"),
            (
                "server: {grace_s: -1}",
                f"{AT}:1: server.grace_s: expected a number of seconds, 0 or more, got the number -1",
            ),
            (
                "server: {header_timeout_s: 0}",
                f"{AT}:1: server.header_timeout_s: expected a number of seconds above 0, got the number 0",
            ),
            (
                "upstream: {idle_s: .inf}",
                f"{AT}:1: upstream.idle_s: expected a number of seconds above 0, got the number .inf",
            ),
            (
                "upstream: {max_switches: 1.5}",
                f"{AT}:1: upstream.max_switches: expected a whole number from 0 to 100, got the number 1.5",
            ),
            ("translation: {strict: 1}", f"{AT}:1: translation.strict: expected true or false, got the number 1"),
            ("translation: {lax: yes}", f"{AT}:1: translation: unknown key 'lax'; known are strict"),
            ("server: {cors_origins: '*'}", f"{AT}:1: server.cors_origins: expected a list of origins, got '*'"),
            (
                "server:\n  cors_origins:\n    - https://a.example\n    - a.example/",
                f"{AT}:4: server.cors_origins[1]: expected '*' or an origin such as https://app.example.com, got "
                "'a.example/'",
            ),
            # channels
            ("channels: {}", f"{AT}:1: channels: expected a list of channels, got a mapping"),
            ("channels:", f"{AT}:1: channels: expected a list of channels, got nothing"),
            (
                "channels: [openai]",
                f"{AT}:1: channels[0]: expected a mapping such as {{kind: openai, api_key: env:OPENAI_API_KEY}}, got "
                "'openai'",
            ),
            ("channels:\n  - name: a", f"{AT}:2: channels[0]: expected a kind: one of {KIND_NAMES}"),
            (
                "channels:\n  - name: a\n    kind: opnai",
                f"{AT}:3: channels[0].kind: expected one of {KIND_NAMES}, got 'opnai'; did you mean openai?",
            ),
            (
                "channels:\n  - kind: ollama\n  - kind: ollama\n    api-key: x",
                f"{AT}:4: channels[1]: unknown key 'api-key'; did you mean api_key?",
            ),
            (
                "channels:\n  - kind: openai\n    api_key: k\n    dialects:\n      - openai-chat\n\n      - openai",
                f"{AT}:7: channels[0].dialects[1]: expected one of openai-chat, openai-responses, anthropic, gemini, "
                "got 'openai'; did you mean openai-chat?",
            ),
            (
                "channels: [{kind: vllm, dialects: openai-chat}]",
                f"{AT}:1: channels[0].dialects: expected a list of dialects, got 'openai-chat'",
            ),
            (
                "channels: [{kind: vllm, dialects: []}]",
                f"{AT}:1: channels[0].dialects: expected at least 1 of the dialects",
            ),
            (
                "channels:\n  - kind: gemini\n    api_key: k\n    dialects: [anthropic]",
                f"{AT}:2: channels[0]: channel gemini: gemini does not speak anthropic at its own base URL",
            ),
            (
                "channels: [{kind: openai-compatible}]",
                f"{AT}:1: channels[0]: a channel of kind openai-compatible needs a base_url",
            ),
            (
                "channels: [{kind: openai}]",
                f"{AT}:1: channels[0]: a channel of kind openai needs an api_key, for example: api_key: "
                "env:OPENAI_API_KEY",
            ),
            (
                "channels: [{kind: vllm, api_key: env:NOT_THERE}]",
                f"{AT}:1: channels[0].api_key: the environment variable NOT_THERE is not set",
            ),
            (
                "channels: [{kind: vllm, api_key: env:EMPTY}]",
                f"{AT}:1: channels[0].api_key: the environment variable EMPTY is empty",
            ),
            (
                "channels: [{kind: vllm, api_key: 'env:${KEY}'}]",
                f"{AT}:1: channels[0].api_key: expected the name of an environment variable after env:",
            ),
            (
                "channels: [{kind: vllm, base_url: 'ftp://h/v1'}]",
                f"{AT}:1: channels[0].base_url: expected a URL such as https://api.example.com/v1",
            ),
            (
                "channels: [{kind: vllm, base_url: 'memory://demo/v1'}]",
                f"{AT}:1: channels[0].base_url: expected a URL that starts with http:// or https://",
            ),
            (
                "channels: [{kind: vllm, base_url: 'http://h/v1?a=b'}]",
                f"{AT}:1: channels[0].base_url: a query or fragment is not allowed",
            ),
            (
                "channels: [{kind: vllm, models: m}]",
                f"{AT}:1: channels[0].models: expected a list of names, or a mapping {{name for clients: name "
                "upstream}, got 'm'",
            ),
            (
                "channels: [{kind: vllm, models: []}]",
                f"{AT}:1: channels[0].models: expected at least one model; leave `models` out to serve whatever the "
                "upstream has",
            ),
            (
                "channels:\n  - kind: vllm\n    models:\n      gpt-4: 4.1",
                f"{AT}:4: channels[0].models.gpt-4: expected text (put it in quotes), got the number 4.1",
            ),
            (
                "channels:\n  - kind: vllm\n    models: {a: b,\n      a: c}",
                f"{AT}:4: channels[0].models: 'a' is given twice, first on line 3",
            ),
            (
                "channels: [{kind: vllm, models: [a, no]}]",
                f"{AT}:1: channels[0].models[1]: expected text (put it in quotes), got no",
            ),
            (
                "channels: [{kind: vllm, weight: 0}]",
                f"{AT}:1: channels[0].weight: expected a whole number from 1 to 1000000, got the number 0",
            ),
            (
                "channels: [{kind: vllm, groups: a}]",
                f"{AT}:1: channels[0].groups: expected a list of names of groups, got 'a'",
            ),
            (
                "channels:\n  - {name: a, kind: vllm}\n  - {name: a, kind: ollama}",
                f"{AT}:3: channels[1]: there is another channel named a",
            ),
        ],
    )
    def test_say_where_and_what_was_expected(self, text: str | bytes, sentence: str) -> None:
        assert faults(text, {"EMPTY": ""}) == [sentence]

    def test_come_all_at_once_in_the_order_of_the_lines(self) -> None:
        text = (
            "channels:\n  - kind: opnai\n  - kind: vllm\n    weight: x\n"
            "upstream: {connect_s: no}\nserver: {port: 1.5}\nx: 1"
        )
        where = [fault.split(": ")[0:2] for fault in faults(text, {"TOROUTER_PORT": "x"})]
        assert where == [
            ["TOROUTER_PORT", "expected a whole number from 0 to 65535, got 'x'"],
            [f"{AT}:2", "channels[0].kind"],
            [f"{AT}:4", "channels[1].weight"],
            [f"{AT}:5", "upstream.connect_s"],
            [f"{AT}:6", "server.port"],
            [f"{AT}:7", f"unknown key 'x'; known are {KEYS}, environment"],
        ]

    def test_of_a_file_that_is_not_there(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings(Overrides(config=Path("none.yaml")), {})
        assert caught.value.message == "none.yaml: cannot be read: No such file or directory"

    @pytest.mark.parametrize(
        "channel",
        [
            "{kind: vllm, api_key: 'sk-hunter2 hunter2'}",
            "{kind: vllm, api_key: [sk-hunter2]}",
            "{kind: vllm, api_key: {sk-hunter2: 1}}",
            "{kind: vllm, base_url: 'http://me:hunter2@host/v1'}",
            "{kind: vllm, base_url: 'ftp://me:hunter2@host/v1'}",
            "{kind: vllm, models: sk-hunter2}",
            "{kind: vllm, weight: sk-hunter2}",
            "{kind: vllm, sk-hunter2}",
            "api_key:sk-hunter2",
            "'api_key: hunter2'",
            "{kind: vllm, api_key: 'sk-hunter2",
            "{kind: vllm, api_key: sk-hunter2: }",
            '{kind: vllm, api_key: "sk-hunter2\\q"}',
        ],
    )
    def test_never_show_a_key(self, channel: str) -> None:
        found = faults(f"channels:\n  - {channel}\n")
        assert found
        assert "hunter2" not in "\n".join(found)


class TestStoresAndLimits:
    URL = "postgresql://me:hunter2@db/torouter"
    REDIS = "rediss://:hunter2@redis:6380/1"

    def test_are_read(self) -> None:
        settings = load(
            "store: {database: env:HERE, when_away: refuse, stale_s: 30, retention_days: 0}\n"
            f"redis: {{url: '{self.REDIS}', when_away: serve}}\n"
            "limits: {strict: true, on_hangup: drain, drain_s: 5}\n"
            "prices: {unknown: flag}\nerrors: {insufficient_balance: 403}\n"
            "server: {trusted_proxies: [10.1.2.3, '2001:DB8::/32']}\n",
            {"HERE": self.URL},
        )
        assert settings.store == StoreSettings(
            database=Secret(self.URL), when_away="refuse", stale_s=30.0, retention_days=0
        )
        assert settings.redis == RedisSettings(url=Secret(self.REDIS), when_away="serve")
        assert settings.limits == LimitsSettings(strict=True, on_hangup="drain", drain_s=5.0)
        assert (settings.prices.unknown, settings.errors.insufficient_balance) == ("flag", 403)
        assert settings.server.trusted_proxies == ("10.1.2.3/32", "2001:db8::/32")
        assert "hunter2" not in repr(settings)

    def test_the_environment_and_the_command_line_win(self) -> None:
        file = f"store: {{database: '{self.URL}'}}\nredis: {{url: 'redis://a'}}"
        environ = {"TOROUTER_DATABASE": "postgresql://b", "TOROUTER_REDIS": "redis://b"}
        assert load(file, environ).store.database == Secret("postgresql://b")
        assert load(file, environ).redis.url == Secret("redis://b")
        told = load(file, environ, database=Secret("postgresql://c"), redis=Secret("unix:///c.sock"))
        assert (told.store.database, told.redis.url) == (Secret("postgresql://c"), Secret("unix:///c.sock"))

    def test_the_admin_token_is_the_environments(self) -> None:
        assert load("").admin_token is None
        assert load("", {"TOROUTER_ADMIN_TOKEN": "t" * 24}).admin_token == Secret("t" * 24)
        for short in ("hunter2", "hunter2 and some more words"):
            (fault,) = faults("", {"TOROUTER_ADMIN_TOKEN": short})
            assert fault == "TOROUTER_ADMIN_TOKEN: expected at least 24 printable ASCII characters without spaces"

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (
                "store: {database: 'mysql://me:hunter2@db'}",
                "store.database: expected a URL that starts with postgresql://, or env: and the name of the "
                "environment variable that holds it",
            ),
            ("store: {database: env:NOT_SET}", "store.database: the environment variable NOT_SET is not set"),
            ("store: {stale_s: 4}", "store.stale_s: expected 5 seconds or more, got the number 4"),
            ("store: {when_away: hope}", "store.when_away: expected one of serve, refuse, got 'hope'"),
            (
                "redis: {url: 'http://hunter2'}",
                "redis.url: expected a URL that starts with redis:// or rediss:// or unix://, or env: and the name of "
                "the environment variable that holds it",
            ),
            (
                "errors: {insufficient_balance: 401}",
                "errors.insufficient_balance: expected 402 or 403, got the number 401",
            ),
            ("limits: {on_hangup: stay}", "limits.on_hangup: expected one of cancel, drain, got 'stay'"),
        ],
    )
    def test_faults(self, text: str, sentence: str) -> None:
        assert faults(text) == [f"{AT}:1: {sentence}"]

    def test_a_proxy_that_is_no_network(self) -> None:
        (fault,) = faults("server: {trusted_proxies: [10.0.0.1/8]}")
        assert "server.trusted_proxies[0]: expected an address or a CIDR such as 192.0.2.0/24" in fault

    def test_urls_of_the_environment_are_checked_and_not_shown(self) -> None:
        found = faults("", {"TOROUTER_DATABASE": "mysql://hunter2", "TOROUTER_REDIS": "hunter2"})
        assert found == [
            "--database, TOROUTER_DATABASE: expected a URL that starts with postgresql://",
            "--redis, TOROUTER_REDIS: expected a URL that starts with redis:// or rediss:// or unix://",
        ]

    def test_several_workers_need_a_redis(self) -> None:
        check_sharing(load("server: {workers: 2}\nredis: {url: 'redis://a'}"))
        check_sharing(load("server: {workers: 1}"))
        with pytest.raises(ConfigError, match=r"2 workers need a Redis.*--redis, TOROUTER_REDIS or redis\.url"):
            check_sharing(load("server: {workers: 2}"))


class TestDocumentation:
    BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    VARIABLES = ("UPSTREAM", "ANTHROPIC_API", "GROQ_API", "OPENAI_API", "OPENROUTER_API")
    URLS: ClassVar = {"DATABASE_URL": "postgresql://me:hunter2@db/torouter", "REDIS_URL": "redis://:hunter2@redis/0"}
    ENVIRON: ClassVar = {f"{name}_KEY": "k-1" for name in VARIABLES} | URLS
    ENVIRON |= {"OPENAI_API_KEY_2": "k-2", "ANTHROPIC_API_KEY_2": "k-2"}

    @pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
    def test_its_examples_load(self, block: str) -> None:
        settings = load(block, self.ENVIRON)
        assert settings.channels
        assert not settings.is_demo

    def test_its_first_example_has_every_key_with_its_default(self) -> None:
        settings = load(self.BLOCKS[0], self.ENVIRON)
        defaults = load("")
        same = ("server", "limits", "prices", "errors", "upstream", "translation", "fetch", "responses", "vault")
        for name in same:
            assert getattr(settings, name) == getattr(defaults, name)
        assert replace(settings.store, database=None) == defaults.store
        assert replace(settings.redis, url=None) == defaults.redis
        sections = (
            ServerSettings,
            StoreSettings,
            RedisSettings,
            LimitsSettings,
            PricesSettings,
            ErrorsSettings,
            UpstreamSettings,
            TranslationSettings,
            FetchSettings,
            ResponsesSettings,
            VaultSettings,
        )
        for key in (key for section in sections for key in section.__struct_fields__):
            assert re.search(rf"^  {key}: ", self.BLOCKS[0], flags=re.MULTILINE), key
        declared = self.BLOCKS[0].partition("\nchannels:\n")[2].partition("\nfallbacks:")[0]
        assert set(re.findall(r"^(?:  - |    )(\w+):", declared, flags=re.MULTILINE)) == set(CHANNEL_KEYS)


class TestChannelsPage:
    PAGE = DOCUMENT.with_name("channels.md").read_text("utf-8")

    def test_its_table_lists_every_kind_as_its_row_is(self) -> None:
        rows = re.findall(r"^\| `([\w-]+)` \| (.+) \| (.+) \| (.+) \| (.+) \|$", self.PAGE, flags=re.MULTILINE)
        expected = [
            (
                kind.name,
                "built in" if kind.name == "demo" else kind.base_url or "needs `base_url`",
                ", ".join(kind.dialects),
                "–"
                if kind.name == "demo"
                else ", ".join(dict.fromkeys(f"`{kind.auth_of(dialect)}`" for dialect in kind.dialects)),
                f"`{kind.env_key}`" if kind.env_key else "–",
            )
            for kind in KINDS.values()
        ]
        assert rows == expected
