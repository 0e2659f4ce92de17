"""What becomes of an element of an answer on its way to a client: found out with it and without."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from tests.contract.fates.answers import Element
from tests.contract.fates.verdicts import Verdict
from torouter.canon.events import Keepalive
from torouter.canon.fold import fold
from torouter.canon.losses import Loss
from torouter.canon.request import ChatRequest, Settings
from torouter.codecs import CODECS, AnswerOptions, Framing, answer_losses
from torouter.errors import UpstreamError
from torouter.units import Dialect

__all__ = ["judge_answer"]

_ITSELF: Final = "the upstream's account of itself; the gateway gives its own"
_ECHO: Final = "it repeats what the request said"
_ASKED: Final = "only an answer to what is refused in requests"
_UNASKED: Final = "this client cannot have asked for it"
_NORMAL: Final = "it says what is so anyway"
_TOLD: Final = "the whole item tells it again"
_NO_OPS: Final[dict[Dialect, tuple[tuple[str, str], ...]]] = {
    "openai-chat": (
        (r"object.*|created|system_fingerprint|service_tier.*|model|metadata|obfuscation", _ITSELF),
        (r"moderation.*|choices\[\]\.message\.audio.*", _ASKED),
        (r".*logprobs", _UNASKED),
        (r".*role.*|.*finish_reason = (stop|tool_calls|function_call)", _NORMAL),
    ),
    "openai-responses": (
        (r"(created|completed)_at|model.*|service_tier.*|prompt_cache_diagnostics.*|tool_usage.*", _ITSELF),
        (r"(conversation|background|moderation|image|input_transformations|prompt)(\[.*)?", _ASKED),
        (r"output.*logprobs.*", _UNASKED),
        (
            r"(instructions|max_.*|metadata|tool_choice|tools|top_p|temperature|parallel_tool_calls|previous_.*|truncation|"
            r"reasoning|top_logprobs|safety_identifier|text|user|prompt_cache_.*|access_programs)([\[ ].*)?",
            _ECHO,
        ),
        (r"incomplete_details", _NORMAL),
        (r"event .*", _TOLD),
    ),
    "anthropic": (
        (r"container|context_management|diagnostics", _ASKED),
        (r"input_transformations.*", "it speaks of thinking, which no other dialect sends"),
        (r"stop_reason = (end_turn|stop_sequence|tool_use)|stop_details.*|stop_sequence", _NORMAL),
        (r"usage", "its figures are the answer's"),
    ),
    "gemini": (
        (r"createTime|modelVersion|responseId|modelStatus.*", _ITSELF),
        (r".*logprobsResult", _UNASKED),
        (r".*avgLogprobs", "the mean of what `logprobsResult` says"),
        (r".*(urlContextMetadata|continuationToken|groundingMetadata)", _ASKED),
        (r".*safetyRatings.*|promptFeedback", "filters that let the answer pass"),
        (r".*finishReason = STOP|.*finishMessage", _NORMAL),
        (r".*tokenCount|usageMetadata", "its figures are the answer's"),
    ),
}
"""What of an answer may go without a word, by its name, and why."""


def judge_answer(element: Element, client: Dialect) -> Verdict:
    """Said, reported, an error, or a declared no-op."""
    try:
        body, losses = _encoded(element.body, element.framing, element.upstream, client)
    except UpstreamError as error:
        return Verdict("error", error.message)
    base, known = _encoded(element.without, element.framing, element.upstream, client)
    new = [loss for loss in losses if loss not in known]
    if new:
        return Verdict("reported", new[0].reason)
    if body != base:
        return Verdict("mapped")
    for names, why in _NO_OPS[element.upstream]:
        if re.fullmatch(names, element.shown):
            return Verdict("no-op", why)
    return Verdict("silent")


@cache
def _encoded(body: bytes, framing: Framing, upstream: Dialect, client: Dialect) -> tuple[bytes, tuple[Loss, ...]]:
    decode, encode = CODECS[upstream].translation, CODECS[client].translation
    assert decode is not None
    assert encode is not None
    decoder = decode.decoder(framing)
    events = [event for event in (*decoder.feed(body), *decoder.close()) if not isinstance(event, Keepalive)]
    request = ChatRequest(dialect=client, messages=(), settings=Settings(logprobs=True))
    options = AnswerOptions(framing=framing, model="m", seed="s", created_s=1, ask_usage=True, request=request)
    if framing == "whole":
        answer = fold(events, upstream)
        return encode.encode_answer(answer, options), answer_losses(answer, client, options)
    encoder = encode.encoder(options)
    return b"".join(map(encoder.feed, events)), encoder.losses
