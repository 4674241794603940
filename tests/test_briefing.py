"""What is asked in a slice: its members, and of others only what tells whether a route works."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oracle.briefing import Part, brief
from oracle.model import PRIMARY, MirrorId, Reason, Slot
from oracle.probes.question import Kind
from oracle.rota import Grid, Members, Shard, rota, span_of
from oracle.store.observations import record_admission
from oracle.store.tallies import Asked, add_to_tallies
from tests.fixtures.hostile import serves
from tests.fixtures.scene import EPOCH, FUND, Scene
from tests.test_measure import AWAY

GRID = Grid(4, 2_000)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def parts(scene: Scene, members: Members, slot: int = 0) -> list[Part]:
    """The briefing of slot 0 for these members."""
    of, clock = rota(scene.engine, 1, EPOCH), scene.ledger.clock
    shard = Shard(EPOCH, Slot(slot), GRID, 0, 0, 1)
    span = span_of(clock, EPOCH, slot, GRID, 0)
    return list(brief(scene.engine, scene.settings, clock, of, shard, span, members))


def test_only_the_members_of_a_shard_are_asked(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack).ready()
    (part,) = parts(scene, {FUND: (MirrorId(2),)})
    assert [target.mirror for target in part.targets] == [2]
    assert not part.waiting
    assert [target.mirror for target in parts(scene, {FUND: (PRIMARY, MirrorId(1))})[0].targets] == [PRIMARY, 1]


def test_who_is_not_to_be_asked_has_its_vote_at_once(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack).ready()
    record_admission(scene.engine, "node", 2, scene.manifest.digest, Reason.CONNECT)
    (part,) = parts(scene, {FUND: (MirrorId(1), MirrorId(2))})
    assert [(vote.mirror, vote.reason) for vote in part.waiting] == [(2, Reason.CONNECT)]
    assert [target.mirror for target in part.targets] == [1]


def test_where_somebody_is_asked_elsewhere_a_primary_of_another_slice_is_asked_by_that_route_alone(
    tmp_path: Path, stack: ExitStack
) -> None:
    """Else a mirror that hides from others, alone in its slice, would pass for a route that is broken."""
    scene = Scene(tmp_path, stack, routes=("127.1.77.1",), secret=AWAY).ready()
    (part,) = parts(scene, {FUND: (MirrorId(1),)})
    mirror, witness = part.targets
    assert (mirror.mirror, witness.mirror, witness.url) == (1, PRIMARY, scene.primary.url)
    assert [question.kind for question in witness.questions] == [Kind.ROUTE]
    (part,) = parts(scene, {FUND: (MirrorId(2),)})
    assert [target.mirror for target in part.targets] == [2]
    (part,) = parts(scene, {FUND: (PRIMARY, MirrorId(1))})
    assert [target.mirror for target in part.targets] == [PRIMARY, 1]


@pytest.mark.parametrize(
    ("before", "tally", "witnesses"),
    [
        ("U", Asked(MirrorId(2)), [1, PRIMARY, 2]),
        ("D", Asked(MirrorId(2)), [1, PRIMARY]),
        ("U", Asked(MirrorId(2), hidden=True), [1, PRIMARY]),
        ("U", Asked(MirrorId(2), requests=1_000_000), [1, PRIMARY]),
    ],
)
def test_in_an_outage_a_mirror_that_was_up_and_did_not_hide_is_a_witness_beside_the_primary(
    tmp_path: Path, stack: ExitStack, before: str, tally: Asked, witnesses: list[int]
) -> None:
    scene = Scene(tmp_path, stack, routes=("127.1.77.1",), secret=AWAY).ready()
    scene.ledger.vote(2, f"...{before}", epoch=1)
    add_to_tallies(scene.engine, FUND, EPOCH, "node", [tally])
    assert [target.mirror for target in parts(scene, {FUND: (MirrorId(1),)})[0].targets] == [1, PRIMARY]
    scene.ledger.vote(PRIMARY, "...D", epoch=1)
    (part,) = parts(scene, {FUND: (MirrorId(1),)})
    assert [target.mirror for target in part.targets] == witnesses
    assert {question.kind for target in part.targets[1:] for question in target.questions} == {Kind.ROUTE}


def targets_in_an_outage(scene: Scene, *members: int, slot: int = 0) -> dict[int, list[Kind]]:
    """The kinds of the questions by whom they are for; nobody is asked in two targets."""
    (part,) = parts(scene, {FUND: tuple(MirrorId(member) for member in members)}, slot)
    targets = {target.mirror: [question.kind for question in target.questions] for target in part.targets}
    assert len(targets) == len(part.targets)
    return {mirror: kinds for mirror, kinds in targets.items() if mirror != PRIMARY}


def test_a_witness_of_the_same_slice_is_asked_by_the_route_beside_its_own_questions(
    tmp_path: Path, stack: ExitStack
) -> None:
    scene = Scene(tmp_path, stack, routes=("127.1.77.1",), secret=AWAY).ready()
    scene.ledger.vote(PRIMARY, "...D", epoch=1)
    scene.ledger.vote(2, "...U", epoch=1)
    asked = targets_in_an_outage(scene, 1, 2)
    assert (asked[1].count(Kind.ROUTE), asked[2]) == (0, [Kind.FILE, Kind.ROUTE])


def test_neither_who_is_asked_elsewhere_nor_who_is_not_to_be_asked_is_a_witness(
    tmp_path: Path, stack: ExitStack
) -> None:
    scene = Scene(tmp_path, stack, routes=("127.1.77.1",), secret=AWAY).ready()
    for mirror, letters in ((PRIMARY, "...D"), (1, "...U"), (2, "...U")):
        scene.ledger.vote(mirror, letters, epoch=1)
    record_admission(scene.engine, "node", 2, scene.manifest.digest, Reason.CONNECT)
    asked = targets_in_an_outage(scene, 1, 2)
    assert list(asked) == [1]
    assert Kind.ROUTE not in asked[1]


def test_a_witness_is_drawn_for_each_slice_by_the_nodes_secret(tmp_path: Path, stack: ExitStack) -> None:
    """One for a whole slot would get a question from each slice, and could cover for everybody in it."""
    drawn = []
    for secret in (AWAY, AWAY[::-1]):
        behaviours = [serves({}) for _ in range(8)]
        scene = Scene(tmp_path / secret.hex(), stack, *behaviours, routes=("127.1.77.1",), secret=secret).ready()
        for epoch in (1, 2):
            for mirror in (PRIMARY, 1, 2, 3):
                scene.ledger.vote(mirror, "DDDD" if mirror == PRIMARY else "UUUU", epoch)
        add_to_tallies(scene.engine, FUND, EPOCH, "node", [Asked(MirrorId(m), hidden=True) for m in range(4, 9)])
        asked = [targets_in_an_outage(scene, beside, slot=slot) for slot in range(4) for beside in range(4, 9)]
        drawn.append([next(mirror for mirror in one if mirror < 4) for one in asked])
    assert set(drawn[0]) == {1, 2, 3}
    assert len(set(drawn[0][:5])) > 1  # of one slot
    assert drawn[0] != drawn[1]


def test_a_fund_whose_release_nobody_has_read_is_told_so(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    (part,) = parts(scene, {FUND: (PRIMARY, MirrorId(1))})
    assert part.this is None
    assert {vote.mirror: vote.reason for vote in part.waiting} == dict.fromkeys((PRIMARY, 1), Reason.RELEASE_UNREAD)


def test_the_primarys_last_slot_counts_though_it_is_in_another_slice(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack).ready()
    scene.ledger.vote(PRIMARY, "D", EPOCH)
    (part,) = parts(scene, {FUND: (MirrorId(1),)}, slot=1)
    assert part.this is not None
    assert part.this.outage
