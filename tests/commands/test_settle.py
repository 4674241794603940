"""`mirrorbond settle`: what was done is printed, and what was not is an exit code, for people and machines."""

import io
import json
from contextlib import redirect_stdout
from typing import Any

import pytest

from oracle import settle
from oracle.chain.fund import FundContract
from oracle.errors import NotDone, TransactionFailed, TransactionPending
from oracle.model import ONE
from oracle.store import tables
from tests.fixtures.chain import WINDOW_S
from tests.fixtures.command import invoke, keystore_of, of_world
from tests.fixtures.stage import Stage


def run(stage: Stage, *args: object, store: str = "stage") -> str:
    """What the command prints for somebody who has this store."""
    _, file, _, password = keystore_of(stage.world.account("anyone"), stage.home)
    variables = of_world(stage.world, stage.home, keystores=file, password_file=password)
    url = {"DATABASE_URL": f"sqlite:///{stage.home / f'{store}.sqlite3'}"}
    return invoke("settle", *args, environment=variables | url)


def told(printed: io.StringIO) -> dict[str, Any]:
    text = printed.getvalue()
    found: dict[str, Any] = json.loads(text[text.index("{\n") :])
    return found


def test_who_has_no_evidence_gives_nothing_up_unless_asked_to(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]})
    assert (
        stage.world.next_epoch(stage.world.fund.terms().settle_time) == first + 1 + stage.world.fund.terms().settle_time
    )
    for args in (("--fund", fund), ()):
        with pytest.raises(
            NotDone, match=f"fund {fund}: the evidence of epoch {first} is not here; `mirrorbond verify"
        ):
            run(stage, *args, store="stranger")
    anyone = stage.world.account("anyone").address
    assert stage.world.dev.chain.web3.eth.get_transaction_count(anyone) == 0
    assert f"settled {first}" in run(stage, "--fund", fund, "--give-up", store="stranger")
    assert stage.rows(tables.settlements)[0]["settlement"] == "given_up"


def test_what_failed_is_told_and_is_no_success(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fund = stage.fund(1), stage.court(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {broken: [ONE], fund: [ONE, ONE]}, slashed=(3,))
    stage.world.dev.pass_time(WINDOW_S)
    ready, printed = settle.settle_ready, io.StringIO()

    def refuse(*args: Any) -> Any:
        if args[3] == broken:
            raise TransactionFailed("settle", "Reverted")
        return ready(*args)

    def late(*_: Any) -> Any:
        raise TransactionPending("lockStake", "0x" + "11" * 32, 120)

    monkeypatch.setattr(settle, "settle_ready", refuse)
    monkeypatch.setattr(FundContract, "lock_stake", late)
    monkeypatch.setattr("tests.fixtures.command.redirect_stdout", lambda _: redirect_stdout(printed))
    with pytest.raises(NotDone) as sentence:
        run(stage, "--json")
    assert sentence.value.failures == [
        f"fund {broken}: settle was refused: Reverted",
        f"lock:3:{first}: {TransactionPending('lockStake', '0x' + '11' * 32, 120)}",
    ]
    found = told(printed)
    assert [(one["epochs"], one["error"]) for one in found["funds"]] == [
        ([], "settle was refused: Reverted"),
        ([first], None),
    ]
    assert (found["locked"], list(found["failed"])) == ([], [f"lock:3:{first}"])
