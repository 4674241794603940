"""Events come from strangers: whatever bytes they hold, the index goes on."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from oracle.chain.events import decode, decode_all
from oracle.model import canonical

FUND = "0x00000000000000000000000000000000000000f1"
OPERATOR = "0x52908400098527886E0F7030069857D2E4169EE7"
REGISTERED = "MirrorRegistered(uint256,uint256,address,address,uint256,uint256,string,uint256)"


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def registration(url: bytes) -> dict[str, Any]:
    """The log of a registration whose URL is any bytes."""
    data = encode(["address", "uint256", "uint256", "bytes", "uint256"], [OPERATOR, 3, 2**95, url, 8])
    return {
        "address": FUND.lower(),
        "topics": [keccak(text=REGISTERED), word(1), word(2), word(int(OPERATOR, 16))],
        "data": data,
        "blockNumber": 5,
        "blockHash": word(0xB5),
        "transactionHash": word(0xA5),
        "logIndex": 2,
    }


def test_an_event_is_plain_values() -> None:
    event = decode(registration(b"https://mirror.example/"))
    assert event is not None
    assert (event.name, event.contract, event.block_number, event.log_index) == ("MirrorRegistered", FUND, 5, 2)
    assert event.block_hash == "0x" + "00" * 31 + "b5"
    assert event.args == {
        "fund": 1,
        "mirror": 2,
        "operator": OPERATOR,
        "payout": OPERATOR,
        "position": 3,
        "stake": 2**95,
        "url": "https://mirror.example/",
        "bindsFrom": 8,
    }
    canonical(dict(event.args))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (b"http://\xff\xfe/", r"http://\xff\xfe/"),
        (b"http://a\x00b/", r"http://a\x00b/"),
        ("http://é/".encode()[:-2], "http://\\xc3"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    ],
)
def test_a_url_that_is_no_text_is_shown_escaped_and_kept_exactly(url: bytes, shown: str) -> None:
    event = decode(registration(url))
    assert event is not None
    assert event.args["url"] == shown
    assert event.args["urlRaw"] == "0x" + url.hex()
    shown.encode()


def test_what_is_no_event_of_ours_is_left_out() -> None:
    ours = registration(b"https://mirror.example/")
    cut = ours | {"data": ours["data"][:40]}
    fewer = ours | {"topics": ours["topics"][:2]}
    other = ours | {"topics": [keccak(text="Other()")]}
    bare = ours | {"topics": []}
    assert [event.args["mirror"] for event in decode_all([other, ours, cut, fewer, bare])] == [2]
