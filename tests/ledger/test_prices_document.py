"""docs/prices.md is held to the code: its examples are read and reckoned again, its tables are compared."""

from __future__ import annotations

import re

import msgspec

from tests.house.project import ROOT, code_blocks, table
from torouter.canon.usage import Usage
from torouter.channels.rows import KINDS
from torouter.ledger.bounds import MAX_CONTEXT_TOKENS
from torouter.ledger.cost import cost, parts_text, read_parts
from torouter.ledger.holds import expected_tokens
from torouter.ledger.listed import ANY, Catalogue
from torouter.ledger.prices import OwnPrice, PriceBook
from torouter.ledger.rates import Price, Rates

DOCUMENT = "docs/prices.md"
TEXT = (ROOT / DOCUMENT).read_text("utf-8")
OWN, BILL = (text for language, text in code_blocks(DOCUMENT) if language == "json")
USAGE = Usage(input_tokens=1200, cache_read_tokens=800, output_tokens=300, reasoning_tokens=120)


def test_the_own_price_shown_is_one_and_makes_the_bill_shown(catalogue: Catalogue) -> None:
    own = msgspec.json.decode(OWN, type=OwnPrice)
    price = PriceBook(catalogue, [own]).find("openai", "azure-west", "gpt-5-mini", "small", own.from_ms)
    assert price is not None
    assert price.version == "own 17"
    assert parts_text(cost(price, USAGE, 800_000)) == BILL.strip()
    assert "times 0.8, are 1,200,000 nano-dollars" in TEXT
    assert cost(price, USAGE, 1_000_000, "flex").total_nusd == read_parts(BILL).total_nusd * 10 // 8 // 2


def test_every_rate_and_every_part_is_explained() -> None:
    told = set(re.findall(r"`(\w+)`", TEXT))
    assert {name for name in Rates.__struct_fields__ if name.endswith(("_per_mtok", "_nusd"))} <= told
    everything = Usage(**dict.fromkeys((name for name in Usage.__struct_fields__ if name.endswith("_tokens")), 4))
    rates = Rates(request_nusd=1, web_search_nusd=1)
    one = msgspec.structs.replace(everything, audio_input_tokens=1, image_input_tokens=1, web_searches=1)
    one = msgspec.structs.replace(one, audio_cache_read_tokens=1, audio_output_tokens=1, image_output_tokens=1)
    parts = {part[0] for part in cost(Price("own 1", rates), one, 1_000_000).parts}
    assert len(parts) == 14
    assert parts <= told


def test_the_table_of_providers_is_that_of_the_kinds() -> None:
    shown: dict[str, str] = {}
    for kinds, provider in table(DOCUMENT, "providers"):
        for kind in re.findall(r"`([\w-]+)`", kinds):
            shown[kind] = provider
    words = {ANY: "the vendor that the name tells", None: "none: only own prices"}
    paid = [kind for kind in KINDS.values() if not kind.is_free]
    assert shown == {kind.name: words.get(kind.priced_as, f"`{kind.priced_as}`") for kind in paid}
    free = ", ".join(f"`{kind.name}`" for kind in KINDS.values() if kind.is_free)
    assert set(re.findall(r"kind is (.*?)\.", TEXT)[0].replace(" or ", ", ").split(", ")) == set(free.split(", "))


def test_the_figures_of_holds_are_the_codes() -> None:
    assert expected_tokens("chat", 4, None) == (1, 1024)
    assert expected_tokens("chat", 4, 10**9) == (1, 4096)
    assert f"{MAX_CONTEXT_TOKENS:,} tokens" in TEXT
