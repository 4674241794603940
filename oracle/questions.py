"""What each mirror is asked in one slot: one question always, and as many more as the plan and the budget allow.

A mirror that did not answer rightly in the slot before is asked one question only, and whatever it failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from oracle.canary import canary
from oracle.manifest import Manifest, ReleaseFile, url_path
from oracle.model import ANSWERED_REASONS, PRIMARY, MirrorId, Reason
from oracle.probes.integrity import Expected
from oracle.probes.question import (
    Kind,
    Question,
    canary_question,
    check_question,
    cold_question,
    file_question,
    owner_question,
    route_question,
)
from oracle.rounds import DOWN, Round
from oracle.schedule import asks_in, choice, files_for, is_away, is_six, nth_file, permuted, subsecret
from oracle.standing import Draw
from oracle.store.ledger import Mirror

CANARIES_AN_EPOCH = 4
COLD_AN_EPOCH = 1
COLD_AN_EPOCH_HEARD = 5
"""Where the primary's log can be heard, so that an echo shows within the epoch: one more than it takes, since a slot or
an answer may be lost."""
_NONCES = 1 << 64
_WORDS_BITS = 60
_ONE_AND_ANOTHER = 2
_LARGE = frozenset({Kind.FILE, Kind.CHECK})
"""What the budget of bytes is for; the answers to all else are short."""
_ANSWERED = ANSWERED_REASONS | {Reason.TLS}
_SUSPECT = ANSWERED_REASONS - {Reason.NOT_OWNER, Reason.NOT_ADMITTED, Reason.HIDDEN}

Expect = Callable[[ReleaseFile], Expected]


def questions_for(
    this: Round,
    mirror: Mirror | None,
    draw: Draw,
    manifest: Manifest,
    expect: Expect,
    cold: int | None,
    elsewhere: bool,
) -> tuple[Question, ...]:
    """A mirror's questions (the primary's for None), the one that is always asked first.

    `draw` and `manifest` are of the release it is held to; `cold` is the cold file that is due for it; `elsewhere`
    whether others are asked by the slot's route, for which the primary is asked too.
    """
    number = mirror.mirror if mirror else PRIMARY
    times = this.delays_ms(number)
    first, *further = _usual(this, number, draw, manifest, expect, times)
    if mirror is None:
        witness = [route_question(this.route, next(times))] if elsewhere else []
        return _within(this, number, draw, [first, *witness, *further])
    besides = []
    if cold is not None:
        besides.append(cold_question(this.manifest.cold[cold], next(times)))
    if is_asked_elsewhere(this, number):
        away = _elsewhere(this, number, draw, manifest, expect, next(times))
        if this.tally(number).hidden and len(_within(this, number, draw, [first, away])) < 2:
            return (replace(away, retries=0), *besides)
        besides.append(away)
    if _owner_is_due(this, number):
        besides.append(owner_question(mirror.operator, next(times)))
    if number not in this.before or this.before[number] not in DOWN:
        besides += _canaries(this, number, draw, times)
    six = [replace(first, six=True)] if is_asked_over_six(this, number) else []
    return _within(this, number, draw, [first, *besides, *further, *six])


def is_asked_elsewhere(this: Round, mirror: MirrorId) -> bool:
    """Whether a question leaves by the slot's route: in a tenth of the slots, and again after it failed there."""
    return this.tally(mirror).hidden or is_away(this.times, mirror, this.task.epoch, this.slot)


def is_asked_over_six(this: Round, mirror: MirrorId) -> bool:
    """Whether the first question goes over IPv6 too, where the name has that beside IPv4: in a tenth of the slots, and
    again while the mirror answers wrongly. Not while it is silent: in the other slots anybody could vouch for this
    node's IPv6, and take every slot from a mirror whose own is dead."""
    return this.before.get(mirror) in _ANSWERED or is_six(this.times, this.task.epoch, this.slot)


def _usual(
    this: Round, mirror: MirrorId, draw: Draw, manifest: Manifest, expect: Expect, times: Iterator[int]
) -> Iterator[Question]:
    """Files and checks. A mirror that was down in the slot before is asked for one of them only.

    Half of the files are asked for in a browser's words, so that each file is met in them in every other round.
    """
    light, heavy = files_due(this, mirror, draw)
    drawn = words(this.secret, mirror, this.task.epoch, this.slot)

    def question(number: int, file: ReleaseFile) -> Question:
        browser = drawn >> number % _WORDS_BITS & 1 == 1
        return file_question(expect(file), this.task.policy.max_file_bytes, next(times), browser=browser)

    for file in light[:1]:
        yield question(0, file)
    if light and this.before.get(mirror) in DOWN:
        return
    if manifest.checks:
        secret, slots = subsecret(this.secret, b"checks"), this.task.policy.slots
        for index in files_for(secret, mirror, this.task.epoch, this.slot, slots, len(manifest.checks), 1):
            yield check_question(manifest.checks[index], this.now_ms / 1000, next(times))
    for number, file in enumerate((*light[1:], *heavy), start=1):
        yield question(number, file)


def words(secret: bytes, mirror: MirrorId, epoch: int, slot: int) -> int:
    """In whose words a slot's files are asked for: bit n is 1 if it is a browser's for the n-th; one draw for all."""
    return choice(subsecret(secret, b"words"), b"words", 1 << _WORDS_BITS, mirror, epoch, slot)


def files_due(this: Round, mirror: MirrorId, draw: Draw) -> tuple[list[ReleaseFile], list[ReleaseFile]]:
    """The light files of this slot's part of the walk, and the heavy ones of theirs."""
    plan, slots, epoch = draw.plan, this.task.policy.slots, this.task.epoch
    light = files_for(this.secret, mirror, epoch, this.slot, slots, len(plan.light), plan.each) if plan.light else ()
    heavy = _heavy_due(this, mirror, draw) if plan.heavy else ()
    return (
        [draw.files[plan.light[index]] for index in dict.fromkeys(light)],
        [draw.files[plan.heavy[index]] for index in dict.fromkeys(heavy)],
    )


def _heavy_due(this: Round, mirror: MirrorId, draw: Draw) -> list[int]:
    secret, slots = subsecret(this.secret, b"heavy"), this.task.policy.slots
    place = this.task.epoch * slots + permuted(secret, (mirror, this.task.epoch), this.slot, slots)
    return [nth_file(secret, mirror, 0, turn, len(draw.plan.heavy)) for turn in draw.plan.heavy_turns(place)]


def _left(this: Round, mirror: MirrorId, draw: Draw) -> tuple[int, int]:
    """How many requests and bytes of the epoch's budget this slot may use: one file is kept for every slot to come."""
    tally, slots_left = this.tally(mirror), this.task.policy.slots - this.slot - 1
    requests = draw.plan.requests - tally.requests - slots_left
    return requests, draw.plan.bytes - tally.bytes - slots_left * draw.plan.light_bytes


def bears_another(this: Round, mirror: MirrorId) -> bool:
    """Whether the epoch's budget has a request for it besides the one of this slot."""
    draw = this.draws.get(this.held(mirror) or this.standing.current)
    return draw is None or _left(this, mirror, draw)[0] >= _ONE_AND_ANOTHER


def _within(this: Round, mirror: MirrorId, draw: Draw, wanted: Sequence[Question]) -> tuple[Question, ...]:
    """What the budget bears of the questions, which come by rank, and the first one in any case; a second attempt only
    for as many as it bears too. Who breaks connections must not use up by second attempts what shows a cheat."""
    (requests, length), kept = _left(this, mirror, draw), _kept(this, draw)
    asked: list[Question] = []
    for question in wanted:
        least = kept if question.kind in _LARGE and question.route is None and not question.six else 0
        if not asked or (requests > least and (length >= question.max_bytes or question.kind not in _LARGE)):
            asked.append(question)
            requests, length = requests - 1, length - question.max_bytes
    return tuple(one if number < requests - kept else replace(one, retries=0) for number, one in enumerate(asked))


def _kept(this: Round, draw: Draw) -> int:
    """What further files and second attempts leave: one request more for every slot to come, where there are several
    files a slot and so a budget to use up."""
    return this.task.policy.slots - this.slot - 1 if draw.plan.each > 1 else 0


def _owner_is_due(this: Round, mirror: MirrorId) -> bool:
    """Once an epoch from a secret slot on; again where the host's right to be asked is in doubt."""
    owner, epoch = this.owners[mirror], this.task.epoch
    if owner.epoch != epoch:
        return this.slot >= choice(this.times, b"ownership", this.task.policy.slots, mirror, epoch)
    suspect = this.before.get(mirror) in _SUSPECT
    return owner.may_ask(epoch, this.now_ms - this.retry_ms, suspect=suspect)


def _elsewhere(
    this: Round, mirror: MirrorId, draw: Draw, manifest: Manifest, expect: Expect, delay_ms: int
) -> Question:
    """Another file (or a check), by the slot's route: what failed there, until it is right."""
    failed, most = this.tally(mirror).hidden_path, this.task.policy.max_file_bytes
    if failed:
        for file in (file for file in draw.files if file.path == failed):
            return file_question(expect(file), most, delay_ms, this.route)
        for check in (check for check in manifest.checks if check.path == failed):
            return check_question(check, this.now_ms / 1000, delay_ms, this.route)
    if not draw.plan.light:
        index = choice(this.times, b"elsewhere", len(manifest.checks), mirror, this.task.epoch, this.slot)
        return check_question(manifest.checks[index], this.now_ms / 1000, delay_ms, this.route)
    index = choice(this.times, b"elsewhere", len(draw.plan.light), mirror, this.task.epoch, this.slot)
    file = draw.files[draw.plan.light[index]]
    return file_question(expect(file), most, delay_ms, this.route)


# ------------------------------------------------------------------------------------------- canaries and cold files


def _canaries(this: Round, mirror: MirrorId, draw: Draw, times: Iterator[int]) -> Iterator[Question]:
    """Now beside a file, now as its version: a relay that keeps to the manifest's paths may still pass on queries."""
    if this.key is None:
        return
    secret, epoch, slots = subsecret(this.secret, b"canary"), this.task.epoch, this.task.policy.slots
    for ask in asks_in(secret, mirror, epoch, this.slot, slots, CANARIES_AN_EPOCH):
        nonce = choice(secret, b"nonce", _NONCES, mirror, epoch, ask).to_bytes(8, "big")
        number = choice(secret, b"like", max(1, len(draw.files)), mirror, epoch, ask)
        like = "/" + (url_path(draw.files[number].path) if draw.files else "")
        yield canary_question(canary(this.key, nonce, like, as_query=ask % 2 == 1), next(times))


def cold_due(this: Round, mirrors: Sequence[Mirror]) -> dict[MirrorId, int]:
    """The cold file, by its place in the manifest, that each of these mirrors is asked for in this slot, if it is.

    No two get the same at about the same time, or an echo would not say whose it is; while the primary is down there is
    none to hear, and there are more mirrors than files.
    """
    due: dict[MirrorId, int] = {}
    for mirror in mirrors:
        if this.held(mirror.mirror) == this.standing.current and cold_is_due(this, mirror.mirror):
            others = set() if this.outage else {*due.values(), *this.cold_recent}
            gone = this.cold_asked.get(mirror.mirror, set()) | others
            if (
                file := next((file for file in _cold_order(this, mirror.mirror) if file not in gone), None)
            ) is not None:
                due[mirror.mirror] = file
    return due


def cold_is_due(this: Round, mirror: MirrorId) -> bool:
    """A few times an epoch; in every slot while the primary is down, when a relay has it from nowhere; and again while
    the last one was not answered rightly; always as long as the budget bears it."""
    if not bears_another(this, mirror):
        return False
    if this.outage or this.tally(mirror).cold_failed:
        return True
    many = COLD_AN_EPOCH if this.key is None else COLD_AN_EPOCH_HEARD
    secret, slots = subsecret(this.times, b"cold"), this.task.policy.slots
    return bool(asks_in(secret, mirror, this.task.epoch, this.slot, slots, many))


def controls_for(this: Round, due: Mapping[MirrorId, int]) -> dict[MirrorId, int]:
    """For each mirror that is asked for a cold file another one that nobody is asked for, to compare the echo with."""
    controls: dict[MirrorId, int] = {}
    for mirror in due:
        gone = {*due.values(), *controls.values(), *this.cold_recent, *this.cold_asked.get(mirror, ())}
        left = (file for file in reversed(list(_cold_order(this, mirror))) if file not in gone)
        if (file := next(left, None)) is not None:
            controls[mirror] = file
    return controls


def _cold_order(this: Round, mirror: MirrorId) -> Iterator[int]:
    secret, count_ = subsecret(this.secret, b"cold"), len(this.cold_pool)
    return (this.cold_pool[permuted(secret, (mirror,), turn, count_)] for turn in range(count_))
