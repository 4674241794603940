"""What is offered for gas: enough for some blocks to come, more when they did not take it, and never above the cap."""

import pytest

from oracle.chain.fees import Fees, current_fees, raised
from oracle.devnet.chain import DevChain
from oracle.errors import FeeTooHigh


def test_fees_follow_the_base_fee_up_to_the_cap(chain: DevChain) -> None:
    chain.chain.rpc("hardhat_setNextBlockBaseFeePerGas", hex(10 * 10**9))
    chain.mine()
    fees = current_fees(chain.chain, "pay", cap_wei=10**12)
    assert 10**9 < fees.most_wei < 25 * 10**9
    capped = current_fees(chain.chain, "pay", cap_wei=fees.most_wei * 3 // 4)
    assert capped.most_wei == fees.most_wei * 3 // 4
    with pytest.raises(FeeTooHigh, match=r"pay: a unit of gas costs .* over the cap of 1: .* MIRRORBOND_FEE_CAP_GWEI"):
        current_fees(chain.chain, "pay", cap_wei=10**9)


@pytest.mark.parametrize(
    ("offered", "now", "cap", "then"),
    [
        (Fees(100, 3), Fees(50, 1), 1_000, Fees(125, 4)),
        (Fees(101, 1), Fees(400, 9), 1_000, Fees(400, 9)),
        (Fees(101, 1), Fees(1, 1), 1_000, Fees(127, 2)),
        (Fees(100, 3), Fees(400, 9), 111, Fees(111, 9)),
        (Fees(100, 3), Fees(400, 9), 109, Fees(100, 3)),
        (Fees(100, 100), Fees(1, 1), 120, Fees(120, 120)),
    ],
)
def test_what_replaces_an_offer_is_a_tenth_more_of_both_fees_or_the_same(
    offered: Fees, now: Fees, cap: int, then: Fees
) -> None:
    assert raised(offered, now, cap) == then
