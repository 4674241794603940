"""The EVM in this process speaks as the ABI says, and reads many views as it reads one."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from tests.differential import stage
from tests.differential.chain import Reverted, function, pack
from tests.differential.stage import Stage


@pytest.fixture(scope="module")
def staged() -> Stage:
    return stage.build(stage.SETTINGS[0])


def test_static_values_are_packed_as_the_abi_encodes_them() -> None:
    types, values = ("address", "uint256", "bool", "int104"), ("0x" + "a1" * 20, 5, True, -7)
    assert pack(values) == encode(types, values)


def test_nested_arguments_are_typed_as_the_interface_says() -> None:
    settle = function("RedundancyFund", "settle")
    assert settle.types == ("uint256", "(bytes,bytes32[])[]")
    assert settle.calldata(1, [(b"", [])])[4:] == encode(settle.types, (1, [(b"", [])]))


def test_many_views_are_read_as_one_by_one(staged: Stage) -> None:
    world, chain = staged.world, staged.chain
    calls = [
        (world.fund_contract, function("RedundancyFund", "terms").calldata()),
        (world.wrapped, function("DemoToken", "balanceOf").calldata(stage.DEPOSITORS[0])),
        (world.committee_contract, function("OracleCommittee", "configAt").calldata(1, 0)),
    ]
    assert chain.reads(calls) == b"".join(chain.read(*call) for call in calls)


def test_a_view_that_is_refused_leaves_only_its_error_among_many(staged: Stage) -> None:
    call = (staged.world.fund_contract, function("RedundancyFund", "fundOf").calldata(9))
    with pytest.raises(RuntimeError):
        staged.chain.read(*call)
    assert len(staged.chain.reads([call])) == 36, "the error's selector and its one word"


def test_a_refusal_has_the_name_of_the_contracts_error(staged: Stage) -> None:
    call = function("RedundancyFund", "exit").calldata(1)
    with pytest.raises(Reverted) as refusal:
        staged.chain.send(stage.ANYONE, staged.world.fund_contract, call)
    assert refusal.value.name == "UnknownMirror"
