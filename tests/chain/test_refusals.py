"""A revert's data come from any contract: what they say is told by name, what they do not say is not guessed."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.exceptions import ContractLogicError, Web3RPCError

from oracle.chain.refusals import explain, failed


def data(signature: str, *values: object) -> bytes:
    kinds = signature[signature.index("(") + 1 : -1].split(",") if values else []
    return keccak(text=signature)[:4] + encode(kinds, values)


@pytest.mark.parametrize(
    ("revert", "told"),
    [
        (b"", ("Reverted", {})),
        (b"\x01", ("Reverted", {"data": "0x01"})),
        (data("SomebodyElses()"), ("Reverted", {"data": "0x" + keccak(text="SomebodyElses()")[:4].hex()})),
        (data("ZeroReward()"), ("ZeroReward", {})),
        (data("StakeTooLow(uint256,uint256)", 3, 5), ("StakeTooLow", {"stake": 3, "least": 5})),
        (
            data("NotOwner(uint256,address)", 1, "0x52908400098527886e0f7030069857d2e4169ee7"),
            ("NotOwner", {"fund": 1, "caller": "0x52908400098527886E0F7030069857D2E4169EE7"}),
        ),
        (
            data("WrongProof(uint256,bytes32)", 4, b"\x07" * 32),
            ("WrongProof", {"epoch": 4, "leaf": "0x" + "07" * 32}),
        ),
        (data("Error(string)", "no"), ("Reverted", {"reason": "no"})),
        (data("Panic(uint256)", 0x11), ("Panic", {"code": 0x11})),
    ],
)
def test_a_revert_is_told_by_name_and_facts(revert: bytes, told: tuple[str, dict[str, object]]) -> None:
    assert explain(revert) == told


def test_a_revert_that_is_cut_or_no_text_is_told_as_it_is() -> None:
    name, facts = explain(data("StakeTooLow(uint256,uint256)", 3, 5)[:20])
    assert (name, list(facts)) == ("Reverted", ["data"])
    assert explain(keccak(text="Error(string)")[:4] + encode(["bytes"], [b"\xff\xfe"]))[1] == {"reason": "��"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("0x" + data("ZeroReward()").hex(), "settle was refused: ZeroReward"),
        ({"data": "0x" + data("ZeroReward()").hex()}, "settle was refused: ZeroReward"),
        ("Reverted 0x" + data("ZeroReward()").hex(), "settle was refused: ZeroReward"),
        (None, "settle was refused: Reverted (reason execution reverted)"),
        ("no data", "settle was refused: Reverted (reason execution reverted)"),
    ],
)
def test_every_nodes_way_to_put_it_is_understood(given: str | dict[str, str] | None, told: str) -> None:
    error = ContractLogicError("execution reverted", data=given)
    assert str(failed("settle", error)) == told


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("insufficient funds for gas * price + value", "pay was refused: InsufficientFunds"),
        ("Sender doesn't have enough funds to send tx", "pay was refused: InsufficientFunds"),
        ("intrinsic gas too low", "pay was refused: intrinsic gas too low"),
        ("over the limit of\nhttps://node.example/v3/secret: wait", "pay was refused: over the limit of wait"),
    ],
)
def test_what_the_endpoint_itself_refuses_is_told_too(message: str, told: str) -> None:
    error = Web3RPCError("x", rpc_response={"error": {"code": -32000, "message": message}})
    assert str(failed("pay", error)) == told
