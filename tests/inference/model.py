"""Writes a GGUF model of half a megabyte: `python model.py FILE`, in the environment of `requirements.txt`.

It knows which byte of a few sentences follows which: a byte's embedding is a unit vector, and the output matrix holds
the logarithms of how often one byte followed another. Its one layer of attention looks at all of the prompt alike and
notices functions that nobody has called yet: then, and only then, it wants to call.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import gguf  # type: ignore[import-not-found]
import numpy as np  # type: ignore[import-not-found]

SPECIAL: Final = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<tools>", "<tool_response>",
)  # fmt: skip
ENDS, CALLS, CALLED, TOOLS, ANSWER = range(2, 7)
NEWLINE: Final = len(SPECIAL) + ord("\n")
"""The last token of every prompt."""
WIDTH: Final = 272
HEADS: Final = 4
URGE: Final = WIDTH - 1
"""The dimension in which attention writes that there is something to call."""
FEED_FORWARD: Final = 32
SENTENCES: Final = (
    "The gateway carries what it is given.",
    "A café in Zürich serves crêpes, naïve waiters bring them.",
    "Here 日本語の文字も流れる, and so does the rest.",
    "Nobody has seen the same river twice 🦊 and the fox ran on.",
)
"""None begins beyond ASCII: the server leaves out the beginning of a Messages stream that starts with half a letter."""


def letters() -> list[str]:
    """The printable letter that stands for each byte in a byte-level vocabulary (GPT-2's)."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def pairs() -> Iterator[tuple[int, int]]:
    """(token, the token that follows it), in the sentences and around them."""
    for sentence in SENTENCES:
        tokens = [len(SPECIAL) + byte for byte in sentence.encode()]
        yield from zip([NEWLINE, *tokens], [*tokens, ENDS], strict=True)


def write(path: Path) -> None:
    tokens = [*SPECIAL, *letters()]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.USER_DEFINED] * (len(SPECIAL) - 3)
    writer.add_token_types([*kinds, *[gguf.TokenType.NORMAL] * 256])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(ENDS)
    writer.add_add_bos_token(False)
    writer.add_chat_template(Path(__file__).with_name("template.jinja").read_text())
    for name, values in tensors(len(tokens)):
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors(count: int) -> Iterator[tuple[str, np.ndarray]]:
    seen = np.full((count, WIDTH), 1e-6)
    for token, following in pairs():
        seen[following, token] += 1
    output = np.log(seen) / np.sqrt(WIDTH)  # the norm before it makes a unit vector that long
    output[:, URGE] = 0
    output[CALLS, URGE] = 2
    output[ENDS, CALLED] = 3
    output[NEWLINE, CALLS] = 3  # as in the template; from there on the server's grammar leads
    value = np.zeros((WIDTH, WIDTH))
    value[URGE, TOOLS], value[URGE, ANSWER] = 1, -1
    yield "token_embd.weight", np.eye(count, WIDTH)
    yield "output.weight", output
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        yield f"{name}.weight", np.ones(WIDTH)
    for name in ("attn_q", "attn_k"):  # nothing to tell one place from another
        yield f"blk.0.{name}.weight", np.zeros((WIDTH, WIDTH))
    yield "blk.0.attn_v.weight", value
    yield "blk.0.attn_output.weight", 50 * np.eye(WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        yield f"blk.0.{name}.weight", np.zeros((FEED_FORWARD, WIDTH))
    yield "blk.0.ffn_down.weight", np.zeros((WIDTH, FEED_FORWARD))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
