"""Hashes have one spelling each, and nothing is padded to fit."""

import hashlib

import pytest

from oracle.digests import (
    address_word,
    checksum_address,
    is_digest,
    keccak256,
    sha256_digest,
    to_bytes32,
    to_digest,
    uint_word,
)


def test_keccak_is_ethereums_and_not_sha3() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"") != hashlib.sha3_256(b"").digest()


def test_sha256_digest_is_0x_hex() -> None:
    assert sha256_digest(b"abc") == "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "address",
    [  # the examples of EIP-55
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksum_is_that_of_eip_55(address: str) -> None:
    assert checksum_address(address.lower()) == address
    assert checksum_address("0x" + address[2:].upper()) == address


@pytest.mark.parametrize("text", ["", "0x", "0x12", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x" + "g" * 40])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        checksum_address(text)


@pytest.mark.parametrize("value", [b"\0" * 31, b"\0" * 33, "0x" + "00" * 31, "0x" + "00" * 33, ""])
def test_a_digest_of_another_length_is_never_padded(value: bytes | str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        to_bytes32(value)


def test_digests_and_bytes_are_the_same_words() -> None:
    word = bytes(range(32))
    assert to_bytes32(to_digest(word)) == to_bytes32(word) == word
    with pytest.raises(ValueError, match="32 bytes"):
        to_digest(word[1:])


@pytest.mark.parametrize(
    ("text", "fits"),
    [("0x" + "0a" * 32, True), ("0x" + "0A" * 32, False), ("0a" * 32, False), ("0x" + "0a" * 32 + "\n", False)],
)
def test_a_digest_has_one_spelling(text: str, fits: bool) -> None:
    assert is_digest(text) is fits


def test_words_are_those_of_the_abi() -> None:
    assert uint_word(258) == bytes(30) + b"\x01\x02"
    assert address_word("0x" + "11" * 20) == bytes(12) + b"\x11" * 20
    for number in (-1, 1 << 256):
        with pytest.raises(ValueError, match="uint256"):
            uint_word(number)
