"""The kinds of upstream, one row each. Base URLs, dialects and names are from the vendors' documentation, seen 2026-11.

Name patterns only matter for channels that declare no models and whose server could not be asked for its list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torouter.channels.kind import Auth, Kind
from torouter.units import Dialect, Operation

__all__ = ["KINDS"]

_CHAT: Final[frozenset[Operation]] = frozenset({"chat"})
_CHAT_AND_COUNT: Final[frozenset[Operation]] = frozenset({"chat", "count_tokens"})
_BEARER_EVERYWHERE: Final[Mapping[Dialect, Auth]] = {"anthropic": "bearer", "gemini": "bearer"}
_MB: Final = 1024 * 1024
_LOCAL: Final[tuple[Dialect, ...]] = ("openai-chat", "openai-responses", "anthropic")

_ROWS: Final = (
    Kind(
        name="openai",
        base_url="https://api.openai.com/v1",
        dialects=("openai-chat", "openai-responses"),
        operations=frozenset(
            {"chat", "count_tokens", "embeddings", "images", "image_edits", "transcriptions", "speech"}
        ),
        env_key="OPENAI_API_KEY",
        priced_as="openai",
        vendor="openai",
        media_limit_bytes=50 * _MB * 4 // 3,  # 50 MB of files, before they are base64
        # gpt-oss are open weights that OpenAI itself does not serve; text-embedding-00x is Google's, -vN is Alibaba's.
        patterns=(
            *("!gpt-oss", "gpt-", "chatgpt-", "o1", "o3", "o4", "codex-", "computer-use-", "ft:"),
            *("!text-embedding-00", "!text-embedding-v", "text-embedding-", "gpt-image", "dall-e", "sora-"),
            *("whisper-1", "tts-", "omni-moderation"),
        ),
    ),
    Kind(
        name="anthropic",
        base_url="https://api.anthropic.com",
        dialects=("anthropic",),
        operations=_CHAT_AND_COUNT,
        env_key="ANTHROPIC_API_KEY",
        priced_as="anthropic",
        vendor="anthropic",
        patterns=("claude-",),
        media_limit_bytes=32 * _MB,  # of the whole request
        state_family="claude",
    ),
    Kind(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com",
        dialects=("gemini",),
        operations=frozenset({"chat", "count_tokens", "embeddings"}),
        env_key="GEMINI_API_KEY",
        priced_as="google",
        vendor="google",
        media_limit_bytes=100 * _MB,  # of the whole request; older models take 20
        patterns=("gemini-", "gemma-", "text-embedding-00", "embedding-001", "models/", "tunedModels/"),
    ),
    Kind(
        # One key for all vendors; the Anthropic path takes the key as Bearer. Prefixed names pass as they are.
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        dialects=("openai-chat", "openai-responses", "anthropic"),
        auth=_BEARER_EVERYWHERE,
        operations=frozenset({"chat", "embeddings"}),
        env_key="OPENROUTER_API_KEY",
        priced_as="openrouter",
        patterns=("*/*",),
    ),
    Kind(
        # Its v1 API, under https://RESOURCE.openai.azure.com/openai/v1: no api-version, and `model` is the name of a
        # deployment. Its list of models is of all that could be deployed. Speech is not among them.
        name="azure",
        dialects=("openai-chat", "openai-responses"),
        auth={"openai-chat": "api-key", "openai-responses": "api-key"},
        operations=frozenset({"chat", "embeddings", "images", "image_edits", "transcriptions"}),
        priced_as="azure",
        vendor="openai",
        patterns=("gpt-", "o1", "o3", "o4", "codex-", "text-embedding-3", "text-embedding-ada", "dall-e", "whisper"),
        has_list=False,
    ),
    Kind(
        name="deepseek",
        base_url="https://api.deepseek.com/v1",
        base_urls={"anthropic": "https://api.deepseek.com/anthropic"},
        dialects=("openai-chat", "anthropic"),
        operations=_CHAT,
        env_key="DEEPSEEK_API_KEY",
        priced_as="deepseek",
        vendor="deepseek",
        patterns=("deepseek-",),
    ),
    Kind(
        # Alibaba Cloud Model Studio, international; mainland keys need base_url dashscope.aliyuncs.com. Responses
        # is there for some of its models only. The catalogue of prices does not have it.
        name="qwen",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        base_urls={"anthropic": "https://dashscope-intl.aliyuncs.com/apps/anthropic"},
        dialects=("openai-chat", "anthropic"),
        operations=frozenset({"chat", "embeddings"}),
        env_key="DASHSCOPE_API_KEY",
        vendor="qwen",
        patterns=("qwen", "qwq-", "qvq-", "text-embedding-v"),
    ),
    Kind(
        name="moonshot",
        base_url="https://api.moonshot.ai/v1",
        base_urls={"anthropic": "https://api.moonshot.ai/anthropic"},
        dialects=("openai-chat", "openai-responses", "anthropic"),
        auth=_BEARER_EVERYWHERE,
        operations=_CHAT,
        env_key="MOONSHOT_API_KEY",
        priced_as="moonshotai",
        vendor="moonshotai",
        patterns=("kimi-", "moonshot-"),
    ),
    Kind(
        name="minimax",
        base_url="https://api.minimax.io/v1",
        base_urls={"anthropic": "https://api.minimax.io/anthropic"},
        dialects=("openai-chat", "openai-responses", "anthropic"),
        auth=_BEARER_EVERYWHERE,
        operations=_CHAT,
        env_key="MINIMAX_API_KEY",
        priced_as="minimax",
        vendor="minimax",
        patterns=("MiniMax-",),
    ),
    Kind(
        # Refuses request fields it does not know; the last chunk of a stream has its usage unasked.
        name="mistral",
        base_url="https://api.mistral.ai/v1",
        dialects=("openai-chat",),
        operations=frozenset({"chat", "embeddings", "transcriptions"}),
        env_key="MISTRAL_API_KEY",
        priced_as="mistral",
        vendor="mistralai",
        patterns=(
            *("mistral-", "ministral-", "magistral-", "codestral-", "devstral-", "pixtral-", "voxtral-"),
            *("open-mistral-", "open-mixtral-"),
        ),
        may_ask_usage=False,
    ),
    Kind(
        # Its names are those of open models with their makers' prefixes, so no vendor's prefix is taken off.
        name="groq",
        base_url="https://api.groq.com/openai/v1",
        dialects=("openai-chat", "openai-responses"),
        operations=frozenset({"chat", "transcriptions", "speech"}),
        env_key="GROQ_API_KEY",
        priced_as="groq",
        patterns=(
            *("llama-", "meta-llama/", "openai/gpt-oss-", "qwen/qwen3-", "moonshotai/kimi-"),
            *("groq/", "whisper-large-", "canopylabs/orpheus-"),
        ),
    ),
    Kind(
        # Responses is its first endpoint by now, Chat Completions its legacy; /v1/messages there is switched off.
        name="xai",
        base_url="https://api.x.ai/v1",
        dialects=("openai-chat", "openai-responses"),
        operations=frozenset({"chat", "images"}),
        env_key="XAI_API_KEY",
        priced_as="x-ai",
        vendor="x-ai",
        patterns=("grok-",),
    ),
    Kind(
        name="together",
        base_url="https://api.together.ai/v1",
        dialects=("openai-chat",),
        operations=frozenset({"chat", "embeddings", "images", "transcriptions", "speech", "rerank"}),
        env_key="TOGETHER_API_KEY",
        priced_as="together",
        patterns=(
            *("meta-llama/", "deepseek-ai/", "Qwen/", "mistralai/", "moonshotai/Kimi-", "zai-org/"),
            *("openai/gpt-oss-", "togethercomputer/", "black-forest-labs/", "BAAI/", "Salesforce/"),
        ),
    ),
    Kind(
        name="fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        dialects=("openai-chat", "openai-responses", "anthropic"),
        auth=_BEARER_EVERYWHERE,
        operations=frozenset({"chat", "embeddings", "rerank"}),
        env_key="FIREWORKS_API_KEY",
        priced_as="fireworks",
        patterns=("accounts/", "fireworks/"),
    ),
    Kind(
        # Responses since Ollama 0.13, Messages since 0.14. Takes any key, wants none. Images as data only.
        name="ollama",
        base_url="http://127.0.0.1:11434/v1",
        dialects=_LOCAL,
        auth=_BEARER_EVERYWHERE,
        operations=frozenset({"chat", "embeddings"}),
        patterns=("*",),
        takes_links=False,
        is_free=True,
    ),
    Kind(
        # vLLM's own default port is 8000, which is also the gateway's: with both on one machine name a base_url.
        name="vllm",
        base_url="http://127.0.0.1:8000/v1",
        dialects=_LOCAL,
        auth=_BEARER_EVERYWHERE,
        operations=frozenset({"chat", "count_tokens", "embeddings", "transcriptions", "rerank"}),
        counters=frozenset({"anthropic"}),
        patterns=("*",),
        is_free=True,
    ),
    Kind(
        name="llamacpp",
        base_url="http://127.0.0.1:8080/v1",
        dialects=_LOCAL,
        auth=_BEARER_EVERYWHERE,
        operations=frozenset({"chat", "count_tokens", "embeddings", "rerank"}),
        counters=frozenset({"anthropic"}),
        patterns=("*",),
        is_free=True,
    ),
    Kind(name="openai-compatible", dialects=("openai-chat",), patterns=("*",), priced_as="*"),
    Kind(name="anthropic-compatible", dialects=("anthropic",), patterns=("*",), priced_as="*"),
    Kind(name="gemini-compatible", dialects=("gemini",), patterns=("*",), priced_as="*", takes_json_schema=False),
    Kind(
        name="demo",
        base_url="memory://demo/v1",
        dialects=("openai-chat", "openai-responses", "anthropic", "gemini"),
        auth={"openai-chat": "none", "openai-responses": "none", "anthropic": "none", "gemini": "none"},
        models=(
            *("gpt-5", "claude-opus-4-7", "gemini-3-flash-preview", "gpt-5-mini"),
            *("text-embedding-3-small", "gemini-embedding-001"),
            *("gpt-image-1", "whisper-1", "tts-1", "rerank-demo"),
        ),
        is_free=True,
    ),
)

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _ROWS}
"""Every kind of upstream by its name in the configuration file."""
