"""How long a demo waits for its node: as long as this machine may take for it."""

from dataclasses import replace

import pytest

from oracle.devnet.plan import Plan
from oracle.devnet.run import _check_time
from oracle.errors import ProcessFailed
from oracle.model import Clock

CLOCK = Clock(1_000, 20, 40, 3)
LAST = 3
END_S = CLOCK.end_s(LAST)


@pytest.mark.parametrize("restart_s", [5, 30])
def test_the_last_settlement_may_take_as_long_as_the_chain_and_four_restarts(restart_s: int) -> None:
    plan = replace(Plan(), restart_s=restart_s)
    latest_s = END_S + plan.grace_s + plan.window_s + 4 * restart_s
    _check_time(CLOCK, LAST, plan, latest_s)
    with pytest.raises(ProcessFailed, match=f"epoch 3 was not settled within {latest_s - END_S} seconds of its end"):
        _check_time(CLOCK, LAST, plan, latest_s + 1)
