"""What a transaction offers for gas (EIP-1559), and what more when blocks come without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from web3.exceptions import Web3RPCError

from oracle.chain.client import FEE_CAP_WEI, Chain
from oracle.errors import ChainUnreachable, FeeTooHigh

_MOST_TIMES = 4
"""What is offered at most, as a multiple of what is asked now: the block's producer is paid the whole tip."""


@dataclass(frozen=True, slots=True)
class Fees:
    """The most that a unit of gas may cost, and the part of it that goes to the block's producer."""

    most_wei: int
    tip_wei: int


def current_fees(chain: Chain, action: str, cap_wei: int = FEE_CAP_WEI) -> Fees:
    """Twice the next block's base fee and the median tip of late, but never more than the cap. Where blocks took what
    gives no tip, it is the endpoint's suggestion: what waits for a block may have to give one.

    Raises: FeeTooHigh if not even the base fee is within the cap.
    """
    history: Any = chain.web3.eth.fee_history(5, "latest", [50])
    base = int(history["baseFeePerGas"][-1])
    tips = sorted(int(rewards[0]) for rewards in history.get("reward") or [] if rewards)
    tip = tips[len(tips) // 2] if tips else 0
    tip = max(1, tip or min(_suggested_tip(chain), cap_wei - base))
    if base + tip > cap_wei:
        raise FeeTooHigh(action, base + tip, cap_wei)
    return Fees(min(2 * base + tip, cap_wei), tip)


def _suggested_tip(chain: Chain) -> int:
    """0 where the endpoint does not know the method."""
    try:
        return int(chain.rpc("eth_maxPriorityFeePerGas"), 16)
    except (ChainUnreachable, Web3RPCError, ValueError, TypeError):
        return 0


def raised(offered: Fees, now: Fees, cap_wei: int) -> Fees:
    """What is offered next for the same nonce: a quarter more, or what is asked now, but of neither fee more than four
    times of that. Nodes replace nothing for less than a tenth more of both: it is what was offered already where there
    is no room for so much; where one fee has fallen behind, the other makes room."""
    behind = offered.most_wei < now.most_wei or offered.tip_wei < now.tip_wei
    most = min(cap_wei, _more(offered.most_wei, now.most_wei, behind))
    tip = min(most, _more(offered.tip_wei, now.tip_wei, behind))
    enough = most * 10 >= offered.most_wei * 11 and tip * 10 >= offered.tip_wei * 11
    return Fees(most, tip) if enough else offered


def _more(offered_wei: int, now_wei: int, behind: bool) -> int:
    wanted = min(max(-(-offered_wei * 5 // 4), now_wei), _MOST_TIMES * now_wei)
    return max(wanted, -(-offered_wei * 11 // 10)) if behind else wanted
