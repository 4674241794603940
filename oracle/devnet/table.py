"""The demo's last word: who was paid what, and why."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from oracle.devnet.result import DemoResult, MirrorEpoch, MirrorOutcome
from oracle.model import ONE, Reason
from oracle.words import LABELS

TOKEN = 10**18


def in_words(reasons: Mapping[str, int]) -> str:
    """Every reason that took something, with its slots, the longest first."""
    taken = sorted((-slots, code) for code, slots in reasons.items() if code != Reason.UP and slots)
    return ", ".join(f"{LABELS[Reason(code)]} ({-slots})" for slots, code in taken) or "nothing deducted"


def tokens(wei: int) -> str:
    """An amount to four places, rounded down."""
    return f"{wei // TOKEN:,}.{wei % TOKEN * 10_000 // TOKEN:04}"


def fraction(weight: int) -> str:
    """A weight to three places, rounded down."""
    return f"{weight // ONE}.{weight % ONE * 1_000 // ONE:03}"


def short(digest: str) -> str:
    """Enough of a hash to find it by."""
    return f"{digest[:10]}…{digest[-4:]}"


def tables(result: DemoResult, symbol: str) -> RenderableType:
    """The mirrors, then the money of each epoch, then whether all checks held."""
    return Group(_mirrors(result, symbol), _epochs(result, symbol), _verdict(result))


def _mirrors(result: DemoResult, symbol: str) -> Table:
    table = Table(title=f"What each mirror was paid ({symbol})", title_justify="left", show_lines=True, expand=True)
    table.add_column("mirror", no_wrap=True)
    for epoch in result.epochs:
        outage = f", {epoch.outage_slots} slots of outage" if epoch.outage_slots else ""
        table.add_column(f"epoch {epoch.epoch}{outage}", ratio=1)
    table.add_column("credited", justify="right", no_wrap=True)
    table.add_column("received", justify="right", no_wrap=True)
    for mirror in result.mirrors:
        cells = [_epoch_cell(epoch) for epoch in mirror.epochs]
        table.add_row(_name(mirror), *cells, tokens(mirror.credited_wei), tokens(mirror.withdrawn_wei))
    return table


def _name(mirror: MirrorOutcome) -> Text:
    kind = "" if mirror.kind == mirror.name else f"{mirror.kind}\n"
    return Text.assemble((mirror.name, "bold"), "\n", kind, (mirror.url, "dim"))


def _epoch_cell(epoch: MirrorEpoch) -> Text:
    return Text.assemble(
        ("weight ", "dim"), fraction(epoch.weight), "\n", ("paid ", "dim"), tokens(epoch.credited_wei), "\n",
        (in_words(epoch.reasons), "" if epoch.weight else "yellow"),
    )  # fmt: skip


def _epochs(result: DemoResult, symbol: str) -> Table:
    table = Table(title=f"Where each epoch's reward went ({symbol})", title_justify="left", expand=True)
    for name in ("epoch", "n_eff", "reward", "credited", "fee", "returned"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("report", no_wrap=True)
    for epoch in result.epochs:
        amounts = (epoch.reward_wei, epoch.paid_wei - epoch.fee_wei, epoch.fee_wei, epoch.returned_wei)
        table.add_row(str(epoch.epoch), fraction(epoch.n_eff), *map(tokens, amounts), short(epoch.report_tx))
    return table


def _verdict(result: DemoResult) -> Text:
    if result.ok:
        return Text("✓ Every check of the accounting holds.", "green")
    return Text("\n".join(f"✗ {failure}" for failure in result.failures), "red")


def show(console: Console, result: DemoResult, symbol: str) -> None:
    """Print all of it."""
    console.print(tables(result, symbol))
