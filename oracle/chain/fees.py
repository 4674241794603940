"""What a transaction offers for gas (EIP-1559), and what more when no block takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracle.chain.client import FEE_CAP_WEI, Chain
from oracle.errors import FeeTooHigh


@dataclass(frozen=True, slots=True)
class Fees:
    """The most that a unit of gas may cost, and the part of it that goes to the block's producer."""

    most_wei: int
    tip_wei: int


def current_fees(chain: Chain, action: str, cap_wei: int = FEE_CAP_WEI) -> Fees:
    """Twice the next block's base fee and the median tip of late, but never more than the cap.

    Raises: FeeTooHigh if not even the base fee is within the cap.
    """
    history: Any = chain.web3.eth.fee_history(5, "latest", [50])
    base = int(history["baseFeePerGas"][-1])
    tips = sorted(int(rewards[0]) for rewards in history.get("reward") or [] if rewards)
    tip = max(1, tips[len(tips) // 2] if tips else 1)
    if base + tip > cap_wei:
        raise FeeTooHigh(action, base + tip, cap_wei)
    return Fees(min(2 * base + tip, cap_wei), tip)


def raised(offered: Fees, now: Fees, cap_wei: int) -> Fees:
    """What is offered next for the same nonce: at least a quarter more, as nodes replace nothing for less than a tenth
    more of both; what was offered already where the cap leaves no room for that."""
    most = min(cap_wei, max(-(-offered.most_wei * 5 // 4), now.most_wei))
    tip = min(most, max(-(-offered.tip_wei * 5 // 4), now.tip_wei))
    enough = most * 10 >= offered.most_wei * 11 and tip * 10 >= offered.tip_wei * 11
    return Fees(most, tip) if enough else offered
