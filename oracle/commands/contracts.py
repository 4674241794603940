"""`mirrorbond contracts`: put the contracts on a chain, and see that those of the settings are this release's."""

from __future__ import annotations

from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands import terms
from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from oracle.chain.client import Chain
    from oracle.chain.structs import Terms
    from oracle.context import Context
    from oracle.model import Clock

app = typer.Typer(help="Put the contracts on a chain, and check those that are there.", no_args_is_help=True)

_HOUR_S, _DAY_S = 3_600, 86_400
_MOST_HOURS, _MOST_EPOCHS = 8_760, 10_000


def _hours(name: str, least: int, meaning: str) -> Any:
    return typer.Option(f"--{name}-hours", min=least, max=_MOST_HOURS, help=f"{meaning}.")


def _epochs(least: int, meaning: str) -> Any:
    return typer.Option(min=least, max=_MOST_EPOCHS, help=f"{meaning}, in epochs.")


@app.command()
def deploy(
    keystore: Keystore,
    wrapped_native: Annotated[str, typer.Option(help="The chain's wrapped native coin: what stakes are in.")],
    epoch_hours: Annotated[int, _hours("epoch", 1, "How long an epoch is; the first begins at midnight, UTC")] = 24,
    grace_hours: Annotated[int, _hours("grace", 1, "How long after its end an epoch can be reported")] = 6,
    window_hours: Annotated[int, _hours("window", 0, "How long a report can be challenged")] = 24,
    arbitration_hours: Annotated[int, _hours("arbitration", 0, "How long an arbiter has to rule on a challenge")] = 48,
    challenge_bond: Annotated[int, typer.Option(min=0, max=10**24, help="What a challenge takes, in wei.")] = 10**17,
    deposit_notice: Annotated[int, _epochs(1, "What a depositor's notice takes")] = 7,
    change_notice: Annotated[int, _epochs(1, "What a change of a fund takes")] = 10,
    unbonding: Annotated[int, _epochs(1, "How long a stake stays after its mirror's end")] = 7,
    settle_time: Annotated[int, _epochs(1, "After how long an epoch that nobody can settle is given up")] = 7,
    min_cover: Annotated[int, _epochs(1, "How much a fund must hold before it takes stakes")] = 7,
    lock_time: Annotated[int, _epochs(4, "How long an arbiter has to decide on a lock")] = 7,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Put both contracts on the chain of the settings. All that is given here is fixed for good, for all who use them;
    nobody owns them, whoever deploys them least of all."""
    from oracle.chain.contracts import deploy as create
    from oracle.chain.structs import Terms
    from oracle.context import Context
    from oracle.model import Clock
    from oracle.settings import settings

    asked = Terms(deposit_notice, change_notice, unbonding, settle_time, min_cover, lock_time)
    lengths_s = [hours * _HOUR_S for hours in (epoch_hours, grace_hours, window_hours, arbitration_hours)]
    _check(Clock(0, *lengths_s), asked)
    coin = terms.address_of_option("--wrapped-native", wrapped_native)
    account, context = opened(keystore, password_file), Context(settings())
    _check_coin(context.chain, coin, account.address)
    clock = Clock(_next_midnight(context.chain.head().timestamp_s), *lengths_s)
    committee, first = create(context.chain, account, "OracleCommittee", astuple(clock), coin, challenge_bond)
    typer.echo(f"OracleCommittee: {committee} ({first.tx_hash})", err=True)
    fund, second = create(context.chain, account, "RedundancyFund", committee, coin, astuple(asked))
    made = {
        "MIRRORBOND_CHAIN_ID": context.chain.chain_id,
        "MIRRORBOND_COMMITTEE_CONTRACT": committee,
        "MIRRORBOND_FUND_CONTRACT": fund,
        "MIRRORBOND_FIRST_BLOCK": first.block_number,
    }
    told = "\n".join(f"{name}={value}" for name, value in made.items())
    words = f"RedundancyFund: {fund} ({second.tx_hash})\neverybody who uses them sets:\n{told}"
    cost = str(first.cost_wei + second.cost_wei)
    say(as_json, words, settings=made, genesis_s=clock.genesis_s, tx=[first.tx_hash, second.tx_hash], cost_wei=cost)


def _check(clock: Clock, asked: Terms) -> None:
    """Whether RedundancyFund would take these (docs/protocol.md says what each relation is for).

    Raises: InvalidInput naming the option.
    """
    from oracle.errors import InvalidInput

    whole, rest = divmod(clock.finality_s, clock.epoch_length_s)
    reaches, exceeds = whole + (rest > 0), whole + 1
    longest = max(asked.deposit_notice, asked.settle_time)
    least = {
        "--deposit-notice": (asked.deposit_notice, reaches, "what an epoch takes to be final"),
        "--settle-time": (asked.settle_time, exceeds, "more than an epoch takes to be final"),
        "--unbonding": (asked.unbonding, exceeds, "more than an epoch takes to be final"),
        "--change-notice": (asked.change_notice, longest + 2, "two more than --deposit-notice and --settle-time"),
    }
    for option, (given, needed, reason) in least.items():
        if given < needed:
            raise InvalidInput(option, f"is {given}, but must be at least {needed} epochs: {reason}")
    if asked.settle_time > (most := 2 * asked.deposit_notice - 2):
        reason = "or a notice lapses before an epoch that is withheld is given up"
        raise InvalidInput("--settle-time", f"is {asked.settle_time}, but must be at most {most} epochs, {reason}")


def _check_coin(chain: Chain, coin: str, sender: str) -> None:
    """Raises: ChainMismatch without a contract there; InvalidInput if it is another."""
    from oracle.chain.contracts import WrappedNative
    from oracle.errors import InvalidInput

    if not WrappedNative(chain, coin).takes_native(sender):
        problem = "is no wrapped native coin: it takes no wei of this account, or has other decimals than 18"
        raise InvalidInput("--wrapped-native", f"{coin} {problem}")


def _next_midnight(now_s: int) -> int:
    return (now_s // _DAY_S + 1) * _DAY_S


@app.command()
def check(as_json: AsJson = False) -> None:
    """Say whether the contracts of the settings are byte for byte those of this release, and what is fixed in them.

    Exits with 1 if they are not."""
    from oracle.context import Context
    from oracle.settings import settings

    context = Context(settings())
    found = _found(context)
    clock, asked, coin = context.committees.clock(), context.funds.terms(), context.funds.wrapped_native()
    same_coin = coin == context.committees.wrapped_native()
    linked = context.funds.committee_contract() == context.committees.address and same_coin
    words = [f"{name} {address}: {_judged(ours)}" for name, (address, ours) in found.items()]
    words += [] if linked else ["the two do not belong together: another committee, or another wrapped coin"]
    words += [_of_clock(clock), _of_terms(asked), f"wrapped native coin: {coin}; whose code that is, look up yourself"]
    facts = {name: {"address": address, "ours": ours} for name, (address, ours) in found.items()}
    bond = str(context.committees.challenge_bond())
    say(as_json, "\n".join(words), contracts=facts, linked=linked, clock=asdict(clock), terms=asdict(asked),
        wrapped_native=coin, challenge_bond=bond)  # fmt: skip
    if not linked or not all(ours for _, ours in found.values()):
        raise typer.Exit(1)


def _found(context: Context) -> dict[str, tuple[str, bool]]:
    """Address and verdict of each contract that the settings name.

    Raises: ChainMismatch for one that has no such views.
    """
    from oracle.chain import code
    from oracle.errors import ChainMismatch, TransactionFailed

    committees, funds = context.committees, context.funds
    try:
        found = {
            "OracleCommittee": (str(committees.address), code.is_ours_committee(committees)),
            "RedundancyFund": (str(funds.address), code.is_ours_fund(funds)),
        }
        if context.settings.endowment_contract:
            found["Endowment"] = (str(context.endowments.address), code.is_ours_endowment(context.endowments))
    except TransactionFailed as error:
        raise ChainMismatch(f"one of the contracts in the settings is no Mirrorbond contract: {error}") from error
    return found


def _judged(ours: bool) -> str:
    return "the code of this release" if ours else "OTHER CODE than this release's; trust nothing that it says"


def _of_clock(clock: Clock) -> str:
    hours = {name: getattr(clock, f"{name}_s") / _HOUR_S for name in ("epoch_length", "grace", "window", "arbitration")}
    return "clock, in hours: " + ", ".join(f"{name} {value:g}" for name, value in hours.items())


def _of_terms(asked: Terms) -> str:
    return "terms, in epochs: " + ", ".join(f"{name} {value}" for name, value in asdict(asked).items())
