"""What is offered for gas: enough for some blocks to come, more when they did not take it, and never above the cap."""

import pytest

from oracle.chain.client import FEE_CAP_WEI, connect
from oracle.chain.fees import Fees, current_fees, raised
from oracle.devnet.chain import DevChain
from oracle.errors import FeeTooHigh
from tests.fixtures.relay import relaying


def test_fees_follow_the_base_fee_up_to_the_cap(chain: DevChain) -> None:
    chain.chain.rpc("hardhat_setNextBlockBaseFeePerGas", hex(10 * 10**9))
    chain.mine()
    fees = current_fees(chain.chain, "pay", cap_wei=10**12)
    assert 10**9 < fees.most_wei < 25 * 10**9
    capped = current_fees(chain.chain, "pay", cap_wei=fees.most_wei * 3 // 4)
    assert capped.most_wei == fees.most_wei * 3 // 4
    with pytest.raises(FeeTooHigh, match=r"pay: a unit of gas costs .* over the cap of 1: .* MIRRORBOND_FEE_CAP_GWEI"):
        current_fees(chain.chain, "pay", cap_wei=10**9)


def test_where_blocks_ask_for_no_tip_the_endpoints_suggestion_is_given_if_it_has_one(chain: DevChain) -> None:
    """Empty blocks have no median tip."""
    chain.mine(5)
    suggested = int(chain.chain.rpc("eth_maxPriorityFeePerGas"), 16)
    assert current_fees(chain.chain, "pay").tip_wei == suggested > 1
    base = chain.chain.web3.eth.fee_history(5, "latest")["baseFeePerGas"][-1]
    assert current_fees(chain.chain, "pay", cap_wei=base + 7) == Fees(base + 7, 7)
    with relaying(chain.rpc_url) as relay:
        relay.refused = {"eth_maxPriorityFeePerGas": {"code": -32601, "message": "no such method"}}
        assert current_fees(connect(relay.url), "pay").tip_wei == 1
        relay.refused, relay.statuses = {}, {"eth_maxPriorityFeePerGas": 403}
        assert current_fees(connect(relay.url), "pay").tip_wei == 1
        relay.statuses, relay.null = {}, {"eth_maxPriorityFeePerGas": 1}
        assert current_fees(connect(relay.url), "pay").tip_wei == 1


@pytest.mark.parametrize("now", [Fees(3 * 10**9, 10**9), Fees(21_000_000, 1_000_000), Fees(9, 1), Fees(1, 1)])
def test_however_often_no_more_is_offered_than_four_times_what_is_asked(now: Fees) -> None:
    offers = [now]
    for _ in range(50):
        offers.append(raised(offers[-1], now, FEE_CAP_WEI))
    assert offers[-1].most_wei <= 4 * now.most_wei
    assert offers[-1].tip_wei <= 4 * now.tip_wei
    assert offers[-1] == offers[-2]
    if now.tip_wei > 10:
        assert offers[-1].tip_wei > 3 * now.tip_wei


@pytest.mark.parametrize(
    ("offered", "now", "cap", "then"),
    [
        (Fees(100, 3), Fees(50, 1), 1_000, Fees(125, 4)),
        (Fees(101, 1), Fees(400, 9), 1_000, Fees(400, 9)),
        (Fees(101, 1), Fees(50, 1), 1_000, Fees(127, 2)),
        (Fees(100, 3), Fees(400, 9), 111, Fees(111, 9)),
        (Fees(100, 3), Fees(400, 9), 109, Fees(100, 3)),
        (Fees(100, 100), Fees(90, 90), 120, Fees(120, 120)),
        (Fees(100, 3), Fees(31, 2), 1_000, Fees(124, 4)),
        (Fees(100, 3), Fees(27, 2), 1_000, Fees(100, 3)),
        (Fees(100, 4), Fees(100, 1), 1_000, Fees(100, 4)),
        (Fees(100, 4), Fees(101, 1), 1_000, Fees(125, 5)),
        (Fees(100, 3), Fees(20, 4), 1_000, Fees(110, 4)),
    ],
)
def test_what_replaces_an_offer_is_a_tenth_more_of_both_fees_or_the_same(
    offered: Fees, now: Fees, cap: int, then: Fees
) -> None:
    assert raised(offered, now, cap) == then
