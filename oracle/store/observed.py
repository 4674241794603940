"""What each node has seen so far of a mirror in an epoch: one row with a letter a slot and sums.

It is kept up with every vote, so that no page counts votes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from oracle.model import Epoch, FundId, MirrorId, Reason, Vote, VoteState, state_of
from oracle.store.db import chunks, upsert
from oracle.store.past import forget_before
from oracle.store.tables import observed as rows_of

NO_VOTE = " "
LETTERS: Mapping[Reason, str] = {
    Reason.UP: "U",
    Reason.NOT_MEASURED: ".",
    Reason.SELF_DOUBT: "d",
    Reason.DISPUTED: "x",
    Reason.RELEASE_UNREAD: "r",
    Reason.DNS: "n",
    Reason.ADDRESS_REFUSED: "a",
    Reason.CONNECT: "c",
    Reason.TIMEOUT: "t",
    Reason.TLS: "s",
    Reason.PROTOCOL: "p",
    Reason.HTTP_STATUS: "h",
    Reason.REDIRECT: "e",
    Reason.TOO_LARGE: "l",
    Reason.WRONG_BYTES: "W",
    Reason.CHECK_FAILED: "k",
    Reason.STALE_RELEASE: "o",
    Reason.HIDDEN: "i",
    Reason.NOT_OWNER: "w",
    Reason.NOT_ADMITTED: "m",
}
"""How a vote stands in a row; never change one, old rows have it."""
REASON_OF = {letter: reason for reason, letter in LETTERS.items()}
STATE_OF = {letter: state_of(reason) for letter, reason in REASON_OF.items()}
_NAMES = ("fund", "epoch", "mirror", "node", "slots", "ups", "downs", "unknowns", "latency_sum_ms", "latency_most_ms")
_ALL = sa.select(*(rows_of.c[name] for name in _NAMES))


@dataclass(slots=True)
class Observed:
    """One node's slots of a mirror in an epoch: a letter each, NO_VOTE where there is none, and not longer than needed.

    The latencies are of the up votes: their sum, and the greatest."""

    fund: FundId
    epoch: Epoch
    mirror: MirrorId
    node: str
    slots: str = ""
    ups: int = 0
    downs: int = 0
    unknowns: int = 0
    latency_sum_ms: int = 0
    latency_most_ms: int = 0

    def take(self, vote: Vote) -> bool:
        """Add a vote; False if the slot has one already."""
        if self.slots[vote.slot : vote.slot + 1] not in ("", NO_VOTE):
            return False
        padded = self.slots.ljust(vote.slot + 1, NO_VOTE)
        self.slots = padded[: vote.slot] + LETTERS[vote.reason] + padded[vote.slot + 1 :]
        state = STATE_OF[LETTERS[vote.reason]]
        self.ups += state is VoteState.UP
        self.downs += state is VoteState.DOWN
        self.unknowns += state is VoteState.UNKNOWN
        if state is VoteState.UP and vote.latency_ms is not None:
            self.latency_sum_ms += vote.latency_ms
            self.latency_most_ms = max(self.latency_most_ms, vote.latency_ms)
        return True

    @property
    def reasons(self) -> dict[Reason, int]:
        """In how many slots it was voted so."""
        return {REASON_OF[letter]: slots for letter, slots in Counter(self.slots).items() if letter != NO_VOTE}


def observe(connection: sa.Connection, node: str, votes: Iterable[Vote]) -> list[Vote]:
    """Adds one node's votes, inside the caller's transaction, and gives those that are new."""
    of_epoch: defaultdict[tuple[FundId, Epoch], list[Vote]] = defaultdict(list)
    for vote in votes:
        of_epoch[vote.fund, vote.epoch].append(vote)
    new: list[Vote] = []
    changed: list[Observed] = []
    for (fund, epoch), given in of_epoch.items():
        rows = _rows(connection, node, fund, epoch, {vote.mirror for vote in given})
        taken = [vote for vote in given if rows[vote.mirror].take(vote)]
        new += taken
        changed += [rows[mirror] for mirror in {vote.mirror for vote in taken}]
    upsert(connection, rows_of, [{name: getattr(one, name) for name in _NAMES} for one in changed])
    return new


def _rows(
    connection: sa.Connection, node: str, fund: FundId, epoch: Epoch, mirrors: set[MirrorId]
) -> dict[MirrorId, Observed]:
    found = {mirror: Observed(fund, epoch, mirror, node) for mirror in mirrors}
    rows = rows_of.c
    query = _ALL.where(rows.fund == fund, rows.epoch == epoch, rows.node == node).with_for_update()
    for some in chunks(mirrors):
        for row in connection.execute(query.where(rows.mirror.in_(some))):
            found[row.mirror] = Observed(*row)
    return found


def observed(connection: sa.Connection, fund: int, epoch: int, mirrors: Sequence[int]) -> dict[int, list[Observed]]:
    """What the nodes have seen of these mirrors (PRIMARY is one) in an epoch, by mirror."""
    rows = rows_of.c
    found: dict[int, list[Observed]] = {mirror: [] for mirror in mirrors}
    query = _ALL.where(rows.fund == fund, rows.epoch == epoch, rows.mirror.in_(mirrors)).order_by(rows.node)
    for row in connection.execute(query):
        found[row.mirror].append(Observed(*row))
    return found


@dataclass(frozen=True, slots=True)
class Sums:
    """One node's epoch over all mirrors: slots by reason."""

    epoch: int
    votes: int
    reasons: Mapping[Reason, int] = field(default_factory=dict)


def sums(connection: sa.Connection, node: str, epoch: int) -> Sums:
    """What one node has seen in an epoch, all mirrors together."""
    rows = rows_of.c
    query = sa.select(rows.slots).where(rows.epoch == epoch, rows.node == node)
    letters: Counter[str] = Counter()
    for slots in connection.execute(query).scalars():
        letters.update(slots)
    letters.pop(NO_VOTE, None)
    return Sums(epoch, letters.total(), {REASON_OF[letter]: count for letter, count in letters.items()})


def forget_observed(engine: sa.Engine, before_epoch: int) -> int:
    """Deletes the rows of epochs before `before_epoch`, and says how many."""
    return forget_before(engine, rows_of, before_epoch)
