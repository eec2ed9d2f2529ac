"""Sealing: only the owner's ciphertext opens, only with its key, and keys are told apart by name."""

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.model import Sealed
from opengrant.vault import Keyring, MasterKey, MasterKeyError, Owner, Unsealable, Vault

OWNER = Owner("app", "grant", "id", "live")


def ring(*names: str) -> Keyring:
    return Keyring([MasterKey(name, name.encode().ljust(32, b".")) for name in names])


@given(
    st.binary(max_size=5000),
    st.tuples(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20)),
)
def test_what_was_sealed_opens_for_its_owner(plain: bytes, owner: tuple[str, str, str, str]) -> None:
    vault = Vault(ring("1"))
    assert vault.open(vault.seal(plain, Owner(*owner)), Owner(*owner)) == plain


@given(st.lists(st.text(max_size=8), min_size=4, max_size=4), st.lists(st.text(max_size=8), min_size=4, max_size=4))
def test_it_opens_for_nobody_else(one: list[str], other: list[str]) -> None:
    vault = Vault(ring("1"))
    sealed = vault.seal(b"plain", Owner(*one))
    if one != other:
        with pytest.raises(Unsealable):
            vault.open(sealed, Owner(*other))


def test_where_one_part_ends_and_the_next_begins_matters() -> None:
    vault = Vault(ring("1"))
    sealed = vault.seal(b"plain", Owner("a", "bc", "d", "e"))
    with pytest.raises(Unsealable):
        vault.open(sealed, Owner("ab", "c", "d", "e"))


@given(st.integers(min_value=0, max_value=32 + 5), st.integers(min_value=1, max_value=255))
def test_one_altered_byte_is_noticed(position: int, flip: int) -> None:
    vault = Vault(ring("1"))
    data = bytearray(vault.seal(b"plain", OWNER).data)
    data[position] ^= flip
    with pytest.raises(Unsealable):
        vault.open(Sealed("1", bytes(data)), OWNER)


@given(st.binary(max_size=60))
def test_garbage_is_refused_and_never_crashes(data: bytes) -> None:
    with pytest.raises(Unsealable):
        Vault(ring("1")).open(Sealed("1", data), OWNER)


def test_the_same_plaintext_never_looks_the_same() -> None:
    vault = Vault(ring("1"))
    assert len({vault.seal(b"plain", OWNER).data for _ in range(100)}) == 100


def test_the_first_key_seals_and_all_open() -> None:
    old, new = Vault(ring("1")), Vault(ring("2", "1"))
    assert new.seal(b"x", OWNER).key_id == "2"
    assert new.open(old.seal(b"x", OWNER), OWNER) == b"x"


def test_a_missing_key_is_named() -> None:
    sealed = Vault(ring("lost")).seal(b"x", OWNER)
    with pytest.raises(Unsealable, match="'lost'"):
        Vault(ring("1")).open(sealed, OWNER)


def test_numeric_ids_stand_in_the_ciphertext_as_they_are() -> None:
    assert Vault(ring("305419896")).seal(b"x", OWNER).data[:5] == b"\x01\x12\x34\x56\x78"


def test_neither_key_nor_ciphertext_shows_in_a_repr() -> None:
    key = MasterKey("1", b"k" * 32)
    assert "kkk" not in repr(key)
    assert "plain" not in repr(Vault(Keyring([key])).seal(b"plain", OWNER))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no master key"),
        ("abc", "entry 1 is not of the form id:base64"),
        ("1:***", "'1' is not valid base64"),
        ("1:\u00e9", "'1' is not valid base64"),
        ("\udcff:AAAA", "entry 1 is too long, or is not text"),
        (f"{'1' * 5000}:AAAA", "entry 1 is too long, or is not text"),
        (f"1:{base64.b64encode(b'short').decode()}", "'1' has 5 bytes"),
        (f"1:{base64.b64encode(b'k' * 32).decode()},1:{base64.b64encode(b'j' * 32).decode()}", "same id"),
    ],
)
def test_a_wrong_key_list_says_what_is_wrong_with_it(text: str, says: str) -> None:
    with pytest.raises(MasterKeyError, match=says):
        Keyring.parse(text, source="here")


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.keys"
    first = Keyring.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring.from_file(path).sealing == first.sealing
    assert [file.name for file in path.parent.iterdir()] == ["master.keys"]


def test_a_key_file_that_cannot_be_used_says_why_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"
    Keyring.from_file(path)
    text = path.read_bytes()
    for mode, refused in ((0o400, False), (0o600, False), (0o640, True), (0o604, True), (0o644, True), (0o660, True)):
        path.chmod(mode)
        if refused:
            with pytest.raises(MasterKeyError, match=rf"mode {mode:04o}.*chmod 600 {path}"):
                Keyring.from_file(path)
        else:
            Keyring.from_file(path)
    path.chmod(0o600)
    for content in (b"\xff\xfe" + text, b"\x00" * 2_000_000):
        path.write_bytes(content)
        with pytest.raises(MasterKeyError, match=r"not a master key file.*backup"):
            Keyring.from_file(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(MasterKeyError, match="is a directory"):
        Keyring.from_file(path)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(MasterKeyError, match="Not a directory"):
        Keyring.from_file(file / "master.keys")
