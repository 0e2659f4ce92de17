"""How to call one model: a request for each of its endpoints, for a shell and for the vendors' own SDKs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from shlex import quote
from typing import Final

from torouter.console.portal.snippets import Snippet

__all__ = ["model_snippets"]

_KEY: Final = "$TOROUTER_KEY"


def model_snippets(base: str, model: str, paths: Iterable[str]) -> list[Snippet]:
    """In the order of the endpoints. The key stands in a variable of the shell, `TOROUTER_KEY`. Whatever stands in a
    name is quoted for each language."""
    words = {"base": base, "key": _KEY, "name": json.dumps(model), "shell_name": _within_single(json.dumps(model))}
    words["shell_plain"] = _within_single(model)
    words["url_name"] = quote(f"{base}/v1beta/models/{model}:generateContent")
    return [
        Snippet(id_, name, place, text.format_map(words))
        for path in paths
        for id_, name, place, text in _TEXTS.get(path, ())
    ]


def _within_single(text: str) -> str:
    """Of a shell's text in single quotes."""
    return text.replace("'", "'\\''")


_OPENAI_CURL: Final = """\
curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": {shell_name}, "messages": [{{"role": "user", "content": "Hello"}}]}}'"""

_OPENAI_PYTHON: Final = """\
import os
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key=os.environ["TOROUTER_KEY"])
answer = client.chat.completions.create(
    model={name},
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)"""

_RESPONSES_PYTHON: Final = """\
import os
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key=os.environ["TOROUTER_KEY"])
answer = client.responses.create(model={name}, input="Hello")
print(answer.output_text)"""

_ANTHROPIC_CURL: Final = """\
curl {base}/v1/messages \\
  -H "x-api-key: {key}" \\
  -H "anthropic-version: 2023-06-01" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": {shell_name}, "max_tokens": 1024, "messages": [{{"role": "user", "content": "Hello"}}]}}'"""

_ANTHROPIC_PYTHON: Final = """\
import os
from anthropic import Anthropic

client = Anthropic(base_url="{base}", api_key=os.environ["TOROUTER_KEY"])
answer = client.messages.create(
    model={name},
    max_tokens=1024,
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.content[0].text)"""

_GEMINI_CURL: Final = """\
curl {url_name} \\
  -H "x-goog-api-key: {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"contents": [{{"role": "user", "parts": [{{"text": "Hello"}}]}}]}}'"""

_GEMINI_PYTHON: Final = """\
import os
from google import genai

client = genai.Client(api_key=os.environ["TOROUTER_KEY"], http_options={{"base_url": "{base}"}})
answer = client.models.generate_content(model={name}, contents="Hello")
print(answer.text)"""

_EMBEDDINGS_CURL: Final = """\
curl {base}/v1/embeddings \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": {shell_name}, "input": "Hello"}}'"""

_EMBEDDINGS_PYTHON: Final = """\
import os
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key=os.environ["TOROUTER_KEY"])
found = client.embeddings.create(model={name}, input="Hello")
print(len(found.data[0].embedding))"""

_IMAGES_CURL: Final = """\
curl {base}/v1/images/generations \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": {shell_name}, "prompt": "A lighthouse in fog"}}'"""

_EDITS_CURL: Final = """\
curl {base}/v1/images/edits \\
  -H "Authorization: Bearer {key}" \\
  -F 'model={shell_plain}' -F image=@lighthouse.png -F prompt=night"""

_TRANSCRIPTIONS_CURL: Final = """\
curl {base}/v1/audio/transcriptions \\
  -H "Authorization: Bearer {key}" \\
  -F 'model={shell_plain}' -F file=@speech.mp3"""

_SPEECH_CURL: Final = """\
curl {base}/v1/audio/speech -o speech.mp3 \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": {shell_name}, "voice": "alloy", "input": "Hello"}}'"""

_RERANK_CURL: Final = """\
curl {base}/v1/rerank \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": {shell_name}, "query": "light", "documents": ["a lamp", "a stone"]}}'"""

_TEXTS: Final[dict[str, tuple[tuple[str, str, str, str], ...]]] = {
    "/v1/chat/completions": (
        ("openai-curl", "OpenAI · curl", "shell", _OPENAI_CURL),
        ("openai-python", "OpenAI · Python", "openai", _OPENAI_PYTHON),
    ),
    "/v1/responses": (("responses-python", "OpenAI Responses · Python", "openai", _RESPONSES_PYTHON),),
    "/v1/messages": (
        ("anthropic-curl", "Anthropic · curl", "shell", _ANTHROPIC_CURL),
        ("anthropic-python", "Anthropic · Python", "anthropic", _ANTHROPIC_PYTHON),
    ),
    "/v1beta/models/{model}:generateContent": (
        ("gemini-curl", "Gemini · curl", "shell", _GEMINI_CURL),
        ("gemini-python", "Gemini · Python", "genai", _GEMINI_PYTHON),
    ),
    "/v1/embeddings": (
        ("embeddings-curl", "OpenAI · curl", "shell", _EMBEDDINGS_CURL),
        ("embeddings-python", "OpenAI · Python", "openai", _EMBEDDINGS_PYTHON),
    ),
    "/v1/images/generations": (("images-curl", "Images · curl", "shell", _IMAGES_CURL),),
    "/v1/images/edits": (("edits-curl", "Image edits · curl", "shell", _EDITS_CURL),),
    "/v1/audio/transcriptions": (("transcriptions-curl", "Transcription · curl", "shell", _TRANSCRIPTIONS_CURL),),
    "/v1/audio/speech": (("speech-curl", "Speech · curl", "shell", _SPEECH_CURL),),
    "/v1/rerank": (("rerank-curl", "Rerank · curl", "shell", _RERANK_CURL),),
}
