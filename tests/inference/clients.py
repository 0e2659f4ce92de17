"""The SDKs of four dialects under one roof: ask whole or streamed, with a schema or a function; one form of answer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import anthropic
import openai
from google import genai

__all__ = ["CLIENTS", "SCHEMA", "Answer", "Client"]

Body = dict[str, Any]

SCHEMA: Final[Body] = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}, "is_hot": {"type": "boolean"}},
    "required": ["city", "is_hot"],
    "additionalProperties": False,
}
"""Narrow enough for a model that babbles to come to its end."""

LIMIT: Final = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """`history`: the answer in its dialect's own form, for the next request. Tokens include what came from a cache."""

    text: str
    calls: tuple[tuple[str, object], ...]
    input_tokens: int
    output_tokens: int
    history: Any


class Client(ABC):
    dialect: ClassVar[str]

    def __init__(self, url: str, key: str, model: str) -> None:
        self.url, self.key, self.model = url, key, model

    @abstractmethod
    def ask(self, prompt: str, *, is_streamed: bool, **more: Any) -> Answer: ...

    @abstractmethod
    def schema(self) -> Body:
        """What `ask` wants to be told for an answer that obeys `SCHEMA`."""

    @abstractmethod
    def tool(self) -> Body:
        """… for a function whose arguments obey it."""

    @abstractmethod
    def result(self, answer: Answer, text: str) -> Body:
        """… to go on after a call with its result."""


class Chat(Client):
    dialect = "openai-chat"

    def ask(self, prompt: str, *, is_streamed: bool, **more: Any) -> Answer:
        messages = [{"role": "user", "content": prompt}, *more.pop("following", ())]
        asked: Body = {"model": self.model, "messages": messages, "max_tokens": LIMIT, **more}
        with openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.key, max_retries=0) as client:
            if is_streamed:
                with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
                    completion: Any = stream.get_final_completion()
            else:
                completion = client.chat.completions.create(**asked)
        message = completion.choices[0].message
        calls = message.tool_calls or ()
        return Answer(
            text=message.content or "",
            calls=tuple((call.function.name, json.loads(call.function.arguments)) for call in calls),
            input_tokens=completion.usage.prompt_tokens,
            output_tokens=completion.usage.completion_tokens,
            history=message,
        )

    def schema(self) -> Body:
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}}

    def tool(self) -> Body:
        return {"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]}

    def result(self, answer: Answer, text: str) -> Body:
        call = answer.history.tool_calls[0]
        said = {"role": "assistant", "content": answer.text or None, "tool_calls": [call.model_dump(exclude={"index"})]}
        return {"following": [said, {"role": "tool", "tool_call_id": call.id, "content": text}]}


class Responses(Client):
    dialect = "openai-responses"

    def ask(self, prompt: str, *, is_streamed: bool, **more: Any) -> Answer:
        items = [{"role": "user", "content": prompt}, *more.pop("following", ())]
        asked: Body = {"model": self.model, "input": items, "max_output_tokens": LIMIT, **more}
        with openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.key, max_retries=0) as client:
            if is_streamed:
                *_, last = client.responses.create(**asked, stream=True)
                response = last.response
            else:
                response = client.responses.create(**asked)
        calls = [item for item in response.output if item.type == "function_call"]
        return Answer(
            text=response.output_text,
            calls=tuple((call.name, json.loads(call.arguments)) for call in calls),
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
            history=response.output,
        )

    def schema(self) -> Body:
        return {"text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}}}

    def tool(self) -> Body:
        return {"tools": [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}]}

    def result(self, answer: Answer, text: str) -> Body:
        said = [item.model_dump(exclude_none=True) for item in answer.history]
        [call_id] = [item["call_id"] for item in said if item["type"] == "function_call"]
        return {"following": [*said, {"type": "function_call_output", "call_id": call_id, "output": text}]}


class Messages(Client):
    dialect = "anthropic"

    def ask(self, prompt: str, *, is_streamed: bool, **more: Any) -> Answer:
        messages = [{"role": "user", "content": prompt}, *more.pop("following", ())]
        asked: Body = {"model": self.model, "messages": messages, "max_tokens": LIMIT, **more}
        with anthropic.Anthropic(base_url=self.url, api_key=self.key, max_retries=0) as client:
            if is_streamed:
                with client.messages.stream(**asked) as stream:
                    message = stream.get_final_message()
            else:
                message = client.messages.create(**asked)
        usage = message.usage
        return Answer(
            text="".join(block.text for block in message.content if block.type == "text"),
            calls=tuple((block.name, block.input) for block in message.content if block.type == "tool_use"),
            input_tokens=usage.input_tokens + (usage.cache_read_input_tokens or 0),
            output_tokens=usage.output_tokens,
            history=message.content,
        )

    def schema(self) -> Body:
        return {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}

    def tool(self) -> Body:
        return {"tools": [{"name": "get_weather", "input_schema": SCHEMA}]}

    def result(self, answer: Answer, text: str) -> Body:
        [call] = [block for block in answer.history if block.type == "tool_use"]
        said = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": text}
        return {"following": [{"role": "assistant", "content": said}, {"role": "user", "content": [result]}]}


class Gemini(Client):
    dialect = "gemini"

    def ask(self, prompt: str, *, is_streamed: bool, **more: Any) -> Answer:
        contents: Any = [{"role": "user", "parts": [{"text": prompt}]}, *more.pop("following", ())]
        config: Any = {"max_output_tokens": LIMIT, "automatic_function_calling": {"disable": True}, **more}
        asked: Body = {"model": self.model, "contents": contents, "config": config}
        client = genai.Client(api_key=self.key, http_options={"base_url": self.url})
        try:
            if is_streamed:
                chunks = list(client.models.generate_content_stream(**asked))
            else:
                chunks = [client.models.generate_content(**asked)]
        finally:
            client.close()
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]
        usage = chunks[-1].usage_metadata
        calls = [part.function_call for part in parts if part.function_call]
        return Answer(
            text="".join(part.text or "" for part in parts),
            calls=tuple((call.name, call.args) for call in calls),
            input_tokens=usage.prompt_token_count,
            output_tokens=usage.candidates_token_count,
            history=parts,
        )

    def schema(self) -> Body:
        return {"response_mime_type": "application/json", "response_json_schema": SCHEMA}

    def tool(self) -> Body:
        return {"tools": [{"function_declarations": [{"name": "get_weather", "parameters_json_schema": SCHEMA}]}]}

    def result(self, answer: Answer, text: str) -> Body:
        [call] = [part.function_call for part in answer.history if part.function_call]
        response = {"id": call.id, "name": call.name, "response": {"output": text}}
        said = {"role": "model", "parts": answer.history}
        return {"following": [said, {"role": "user", "parts": [{"function_response": response}]}]}


CLIENTS: Final = {client.dialect: client for client in (Chat, Responses, Messages, Gemini)}
