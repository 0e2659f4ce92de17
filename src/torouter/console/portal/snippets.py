"""Settings to copy, for the SDKs and the agents that people use, with this host's address and a key filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["FAMILIES", "Snippet", "models_by_family", "ready_made", "snippets"]

FAMILIES: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("gpt-", "gpt-5"),
    "claude": ("claude-", "claude-opus-4-7"),
    "gemini": ("gemini-", "gemini-3-flash-preview"),
}
"""How the names of a family of models begin, and one of it."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """`name` is the client's own. `place` is where the text goes, a key of the words."""

    id: str
    name: str
    place: str
    text: str


def snippets(base: str, key: str, models: Sequence[str]) -> list[Snippet]:
    """`models` are those that the key may call: an example of each family is taken from there, if there is one."""
    texts = ready_made(base, key, models_by_family(models))
    return [Snippet(each, name, place, texts[each]) for each, name, place in _SHOWN]


def ready_made(base: str, key: str, models: Mapping[str, str]) -> dict[str, str]:
    """The texts by their ids, those in parts as well. `models` has a name for each of `FAMILIES`."""
    texts = {each: text.format(base=base, key=key, **models).strip() for each, text in _TEXTS.items()}
    return texts | {"codex": "{codex-file}\n\n# in the shell\n{codex-shell}".format_map(texts)}


def models_by_family(models: Sequence[str]) -> dict[str, str]:
    return {family: _like(models, *prefix_and_name) for family, prefix_and_name in FAMILIES.items()}


def _like(models: Sequence[str], prefix: str, otherwise: str) -> str:
    if otherwise in models:
        return otherwise
    return next((name for name in models if name.startswith(prefix)), models[0] if models else otherwise)


_SHOWN: Final = (
    ("curl", "curl", "shell"),
    ("python", "Python", "python"),
    ("node", "Node", "node"),
    ("claude-code", "Claude Code", "shell"),
    ("codex", "Codex CLI", "codex"),
    ("gemini-cli", "Gemini CLI", "shell"),
    ("opencode", "opencode", "opencode"),
    ("cursor", "Cursor", "cursor"),
    ("cline", "Cline", "cline"),
)
"""(id, name, place)"""


_CURL = """\
curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{openai}", "messages": [{{"role": "user", "content": "Hello"}}]}}'"""

_PYTHON = """\
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.chat.completions.create(
    model="{openai}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)

from anthropic import Anthropic

client = Anthropic(base_url="{base}", api_key="{key}")
answer = client.messages.create(
    model="{claude}",
    max_tokens=1024,
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.content[0].text)"""

_NODE = """\
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{key}" }});
const answer = await client.chat.completions.create({{
  model: "{openai}",
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);"""

_CLAUDE_CODE = """\
export ANTHROPIC_BASE_URL={base}
export ANTHROPIC_AUTH_TOKEN={key}
claude"""

_CODEX_FILE = """\
# ~/.codex/config.toml
model = "{openai}"
model_provider = "torouter"

[model_providers.torouter]
name = "ToRouter"
base_url = "{base}/v1"
env_key = "TOROUTER_API_KEY"
wire_api = "responses"
"""

_CODEX_SHELL = """\
export TOROUTER_API_KEY={key}
codex"""

_GEMINI_CLI = """\
export GOOGLE_GEMINI_BASE_URL={base}
export GEMINI_API_KEY={key}
gemini --model {gemini}"""

_CURSOR = """\
OpenAI API Key            {key}
Override OpenAI Base URL  {base}/v1
Custom model              {openai}"""

_CLINE = """\
API Provider  OpenAI Compatible
Base URL      {base}/v1
API Key       {key}
Model ID      {openai}"""

_OPENCODE = """\
{{
  "$schema": "https://opencode.ai/config.json",
  "provider": {{
    "torouter": {{
      "npm": "@ai-sdk/openai-compatible",
      "name": "ToRouter",
      "options": {{"baseURL": "{base}/v1", "apiKey": "{key}"}},
      "models": {{"{openai}": {{}}, "{claude}": {{}}}}
    }}
  }}
}}"""

_TEXTS: Final = {
    "curl": _CURL,
    "python": _PYTHON,
    "node": _NODE,
    "claude-code": _CLAUDE_CODE,
    "codex-file": _CODEX_FILE,
    "codex-shell": _CODEX_SHELL,
    "gemini-cli": _GEMINI_CLI,
    "opencode": _OPENCODE,
    "cursor": _CURSOR,
    "cline": _CLINE,
}
