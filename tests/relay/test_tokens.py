"""The tokenizer: exact on what its vocabulary knows, quick on what is meant to be slow, and never on the network."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from torouter.relay.tokens import Tokenizer, count_tokens

OFFLINE = """
import sys
def hook(event, _):
    if event.startswith(("socket.", "urllib.", "subprocess.")):
        raise RuntimeError(event)
sys.addaudithook(hook)
assert "bpe_openai" not in sys.modules
from torouter.relay.tokens import count_tokens
assert "bpe_openai" not in sys.modules, "it is loaded with the first text only"
print(count_tokens(["hello world"]))
"""


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("tiktoken is great!", 6),
        ("お誕生日おめでとう", 8),
        ("<|endoftext|>", 7),  # a text that says so is a text
    ],
)
def test_texts(text: str, tokens: int) -> None:
    assert count_tokens([text]) == tokens


def test_several_texts_and_pieces_of_long_ones_add_up() -> None:
    words = "The quick brown fox jumps over the lazy dog. " * 1000
    assert count_tokens(["hello world", "hello world"]) == 4
    assert count_tokens([words]) == pytest.approx(10_000, rel=0.002)


def test_nothing_is_fetched_and_nothing_is_loaded_before_it_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("2\n", "")


@pytest.mark.parametrize("sign", ["a", "=", " ", "\n", "世", "\U0001f600"])
async def test_ten_million_of_one_sign_do_not_hold_up_the_loop(sign: str) -> None:
    tokenizer = Tokenizer()
    await tokenizer.count(["warm"])
    longest_s = 0.0
    counting = asyncio.create_task(tokenizer.count([sign * 10_000_000]))
    began = last = time.perf_counter()
    while not counting.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest_s, last = max(longest_s, now - last), now
    assert await counting == pytest.approx(count_tokens([sign * 1_000_000]) * 10, rel=0.01)
    assert longest_s < 2  # in one piece, ten million `=` take five seconds without a break
    assert time.perf_counter() - began < 30
