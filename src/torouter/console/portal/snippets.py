"""Settings to copy, for the SDKs and the agents that people use, with this host's address and a key filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Snippet", "snippets"]


@dataclass(frozen=True, slots=True)
class Snippet:
    """`name` is the client's own. `place` is where the text goes, a key of the words."""

    id: str
    name: str
    place: str
    text: str


def snippets(base: str, key: str, models: Sequence[str]) -> list[Snippet]:
    """`models` are those that the key may call: an example of each family is taken from there, if there is one."""
    openai = _like(models, "gpt-", "gpt-5")
    claude = _like(models, "claude-", "claude-opus-4-7")
    gemini = _like(models, "gemini-", "gemini-3-flash-preview")
    return [
        Snippet("curl", "curl", "shell", _CURL.format(base=base, key=key, model=openai)),
        Snippet("python", "Python", "python", _PYTHON.format(base=base, key=key, model=openai, claude=claude)),
        Snippet("node", "Node", "node", _NODE.format(base=base, key=key, model=openai)),
        Snippet("claude-code", "Claude Code", "shell", _CLAUDE_CODE.format(base=base, key=key)),
        Snippet("codex", "Codex CLI", "codex", _CODEX.format(base=base, key=key, model=openai)),
        Snippet("gemini-cli", "Gemini CLI", "shell", _GEMINI_CLI.format(base=base, key=key, model=gemini)),
        Snippet("cursor", "Cursor", "cursor", _CURSOR.format(base=base, key=key, model=openai)),
        Snippet("cline", "Cline", "cline", _CLINE.format(base=base, key=key, model=openai)),
    ]


def _like(models: Sequence[str], prefix: str, otherwise: str) -> str:
    if otherwise in models:
        return otherwise
    return next((name for name in models if name.startswith(prefix)), models[0] if models else otherwise)


_CURL = """\
curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'"""

_PYTHON = """\
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.chat.completions.create(
    model="{model}",
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
  model: "{model}",
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);"""

_CLAUDE_CODE = """\
export ANTHROPIC_BASE_URL={base}
export ANTHROPIC_AUTH_TOKEN={key}
claude"""

_CODEX = """\
# ~/.codex/config.toml
model = "{model}"
model_provider = "torouter"

[model_providers.torouter]
name = "ToRouter"
base_url = "{base}/v1"
env_key = "TOROUTER_API_KEY"
wire_api = "responses"

# in the shell
export TOROUTER_API_KEY={key}
codex"""

_GEMINI_CLI = """\
export GOOGLE_GEMINI_BASE_URL={base}
export GEMINI_API_KEY={key}
gemini --model {model}"""

_CURSOR = """\
OpenAI API Key            {key}
Override OpenAI Base URL  {base}/v1
Custom model              {model}"""

_CLINE = """\
API Provider  OpenAI Compatible
Base URL      {base}/v1
API Key       {key}
Model ID      {model}"""
