"""The deployment's secret: made once, kept to its owner, never made anew over keys that need the old one."""

from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest

from torouter.accounts import load_pepper
from torouter.errors import ConfigError, StoreError

BYTES = bytes(range(200, 232))


class TestFile:
    def test_is_made_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        pepper = load_pepper(tmp_path, {}, may_create=True)
        assert len(pepper) == 32
        assert [path.name for path in tmp_path.iterdir()] == ["secret"]
        assert (tmp_path / "secret").read_bytes() == pepper
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
        assert load_pepper(tmp_path, {}, may_create=True) == pepper
        assert load_pepper(tmp_path, {}, may_create=False) == pepper

    def test_is_another_for_every_deployment(self, tmp_path: Path) -> None:
        peppers = set()
        for name in "ab":
            (tmp_path / name).mkdir()
            peppers.add(load_pepper(tmp_path / name, {}, may_create=True))
        assert len(peppers) == 2

    def test_those_who_make_it_at_once_agree(self, tmp_path: Path) -> None:
        peppers: list[bytes] = []
        start = threading.Barrier(8)

        def load() -> None:
            start.wait(10)
            peppers.append(load_pepper(tmp_path, {}, may_create=True))

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(peppers) == 8
        assert set(peppers) == {(tmp_path / "secret").read_bytes()}
        assert [path.name for path in tmp_path.iterdir()] == ["secret"]

    def test_a_lost_one_is_not_replaced(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError) as caught:
            load_pepper(tmp_path, {}, may_create=False)
        assert caught.value.message == (
            f"{tmp_path}/secret is missing, and the keys in the store were hashed with it: put it back from a backup, "
            "or set TOROUTER_SECRET to what it held, in hexadecimal. To begin anew, move the store away as well."
        )
        assert list(tmp_path.iterdir()) == []

    def test_a_damaged_one_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"short")
        with pytest.raises(StoreError, match=r"secret is damaged: it has 5 bytes instead of 32; put it back"):
            load_pepper(tmp_path, {}, may_create=True)


class TestVariable:
    @pytest.mark.parametrize(
        "text",
        [
            BYTES.hex(),
            BYTES.hex().upper(),
            base64.b64encode(BYTES).decode(),
            base64.b64encode(BYTES).decode().rstrip("="),
            base64.urlsafe_b64encode(BYTES).decode(),
        ],
    )
    def test_wins_in_any_spelling(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "secret").write_bytes(bytes(32))
        assert load_pepper(tmp_path, {"TOROUTER_SECRET": text}, may_create=False) == BYTES

    def test_no_file_is_made_beside_it(self, tmp_path: Path) -> None:
        load_pepper(tmp_path, {"TOROUTER_SECRET": BYTES.hex()}, may_create=True)
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_one_is_none(self, tmp_path: Path) -> None:
        assert load_pepper(tmp_path, {"TOROUTER_SECRET": ""}, may_create=True) == (tmp_path / "secret").read_bytes()

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("not base64 at all!", "TOROUTER_SECRET: expected 32 to 64 bytes in hexadecimal or base64."),
            ("schlüssel", "TOROUTER_SECRET: expected 32 to 64 bytes in hexadecimal or base64."),
            ("00" * 31, "TOROUTER_SECRET: expected 32 to 64 bytes, got 31."),
            ("00" * 65, "TOROUTER_SECRET: expected 32 to 64 bytes, got 65."),
            ("c2hvcnQ=", "TOROUTER_SECRET: expected 32 to 64 bytes, got 5."),
        ],
    )
    def test_a_malformed_one_is_refused_without_being_shown(self, tmp_path: Path, text: str, sentence: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load_pepper(tmp_path, {"TOROUTER_SECRET": text}, may_create=True)
        assert caught.value.message == sentence
