"""The upstream's part of a journey in each of the four dialects."""

from __future__ import annotations

from tests.agents.upstreams.chat import ChatPart
from tests.agents.upstreams.gemini import GeminiPart
from tests.agents.upstreams.messages import MessagesPart
from tests.agents.upstreams.part import Part
from tests.agents.upstreams.responses import ResponsesPart

__all__ = ["PARTS", "Part"]

PARTS: dict[str, type[Part]] = {
    part.channel.dialect: part for part in (ChatPart, ResponsesPart, MessagesPart, GeminiPart)
}
