"""Follows the contracts' logs into the store: may be killed anywhere, run twice at once and meet reorganisations."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from oracle.chain.client import Block, Chain
from oracle.chain.committee import CommitteeContract
from oracle.chain.contracts import Token
from oracle.chain.events import Event, decode_all
from oracle.chain.fund import FundContract
from oracle.errors import ChainMismatch, ChainUnreachable, RangeRefused, TransactionFailed
from oracle.model import Clock, printable
from oracle.settings import Settings
from oracle.store import facts, journal, ledger
from oracle.store.journal import KnownBlock
from oracle.store.log import Log

log = structlog.get_logger(__name__)

NEAR_HEAD, NEAR_HEAD_S, MOST_NEAR_HEAD = 64, 300, 1_200
"""So many of the newest blocks are asked for one by one, and those of so many seconds, up to so many: not every machine
behind an endpoint has them yet, and one that lags finds no logs there without saying so."""
NEAR_BATCH = 8
"""So many blocks near the head are one batch, of two requests for each: what an endpoint with limits gave before it
refused is kept."""


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What one run did: the newest block now in the store, the chain's head (less the confirmations), how many logs
    came, and to which block it had to go back first (None: it had not)."""

    indexed: int
    head: int
    logs: int
    rewound_to: int | None

    @property
    def complete(self) -> bool:
        """Whether the store is at the head."""
        return self.indexed >= self.head


def index_once(engine: sa.Engine, chain: Chain, settings: Settings, most_batches: int | None = None) -> IndexResult:
    """Brings the store to the head of the chain, batch by batch; each is in the store wholly or not at all.

    Raises: ChainUnreachable; ChainMismatch if the store belongs to another chain or other contracts.
    """
    tip = journal.tip(engine)
    held = None if tip is None else _holds(chain, tip)
    # A chain that still has our newest block has our contracts too.
    known = facts.get_clock(engine) if held and _is_bound(engine, chain, settings) else None
    clock = known or bind(engine, chain, settings)
    newest_block = chain.head()
    newest = newest_block.number
    head = newest - settings.confirmations
    rewound_to = None
    if tip is not None and not held:
        replaced = tip if held is False else _replaced(engine, chain, newest)
        if replaced is None:  # the endpoint has not come as far as the store
            return IndexResult(tip.number, head, 0, None)
        rewound_to = _go_back(engine, chain, tip, replaced, clock)
    reach, logs, batches = settings.index_blocks, 0, 0
    far = newest - _near_head(chain, newest_block, _next(engine, settings))
    while (first := _next(engine, settings)) <= head and batches != most_batches:
        near = first > far
        last = min(head, first + min(reach, NEAR_BATCH) - 1) if near else min(head, far, first + reach - 1)
        try:
            found = _batch(engine, chain, settings, clock, first, last, near)
        except RangeRefused as refusal:
            if reach == 1:
                raise ChainUnreachable(str(refusal)) from refusal
            reach = max(1, (last - first + 1) // 2)
            continue
        if found is None:
            break  # the chain or the store changed meanwhile: the next run sees how
        logs += found
        batches += 1
    _learn_tokens(engine, chain)
    return IndexResult(_next(engine, settings) - 1, head, logs, rewound_to)


def forget_chain(engine: sa.Engine) -> None:
    """Takes back all that was read of the chain, to be read anew; nothing else is touched."""
    clock = facts.get_clock(engine)
    while clock is not None and (tip := journal.tip(engine)) is not None:
        if journal.rewind(engine, tip, None, clock):
            break
    facts.put(engine, facts.COMPARED, None)


def _near_head(chain: Chain, newest: Block, first: int) -> int:
    """How many of the newest blocks are asked for one by one, where those from `first` on are wanted."""
    if first > newest.number - NEAR_HEAD:
        return NEAR_HEAD
    before = chain.block(newest.number - NEAR_HEAD)
    took_s = newest.timestamp_s - before.timestamp_s if before else 0
    recent = -(-NEAR_HEAD * NEAR_HEAD_S // took_s) if took_s > 0 else MOST_NEAR_HEAD
    return max(NEAR_HEAD, min(MOST_NEAR_HEAD, recent))


def bind(engine: sa.Engine, chain: Chain, settings: Settings) -> Clock:
    """Makes sure that the store is of this chain and these contracts; a fresh one is from now on.

    Raises: ChainMismatch.
    """
    committee = CommitteeContract(chain, settings.committee_contract)
    fund = FundContract(chain, settings.fund_contract)
    clock = committee.clock()
    here: Mapping[str, Any] = {
        facts.CHAIN_ID: chain.chain_id,
        facts.CONTRACTS: {"fund": fund.address, "committee": committee.address},
        facts.CLOCK: asdict(clock),
        facts.TERMS: asdict(fund.terms()),
    }
    for name, value in here.items():
        known = facts.get(engine, name)
        if known is None:
            facts.put(engine, name, value)
        elif known != value:
            raise ChainMismatch(
                f"the store follows another deployment ({name} {known}, here {value}): "
                "use another MIRRORBOND_HOME or DATABASE_URL"
            )
    return clock


def _is_bound(engine: sa.Engine, chain: Chain, settings: Settings) -> bool:
    contracts = facts.get(engine, facts.CONTRACTS) or {}
    here = {"fund": settings.fund_contract.lower(), "committee": settings.committee_contract.lower()}
    return facts.get(engine, facts.CHAIN_ID) == chain.chain_id and here == {
        name: address.lower() for name, address in contracts.items()
    }


def _next(engine: sa.Engine, settings: Settings) -> int:
    tip = journal.tip(engine)
    return settings.first_block if tip is None else tip.number + 1


def _go_back(engine: sa.Engine, chain: Chain, tip: KnownBlock, replaced: KnownBlock, clock: Clock) -> int:
    """Takes back what the chain has dropped: everything after the newest block before `replaced` that has no other in
    its place. Too little, where a machine that lags was asked, is seen by the parent of what would follow."""
    known = [block for block in journal.known_blocks(engine) if block.number < replaced.number]
    # Of blocks that follow each other, once one holds all before it do.
    held = bisect.bisect_left(known, True, key=lambda block: _holds(chain, block) is not False)
    ancestor = known[held] if held < len(known) else None
    to = -1 if ancestor is None else ancestor.number
    log.warning("chain_reorganised", tip=tip.number, back_to=to)
    journal.rewind(engine, tip, ancestor, clock)
    return to


def _replaced(engine: sa.Engine, chain: Chain, newest: int) -> KnownBlock | None:
    """Of an endpoint that lacks our newest block, the newest block that it should have, if the chain has another in its
    place. None: it has merely not come as far as the store. A chain that became shorter looks the same until it grows
    again."""
    below = next((block for block in journal.known_blocks(engine) if block.number <= newest), None)
    return below if below and _holds(chain, below) is False else None


def _holds(chain: Chain, block: KnownBlock) -> bool | None:
    """Whether the chain has this very block; None, which proves nothing, if the endpoint has none of this number: of
    several machines behind it one may lack any block."""
    now = chain.block(block.number)
    return None if now is None else now.hash == block.hash


def _batch(
    engine: sa.Engine, chain: Chain, settings: Settings, clock: Clock, first: int, last: int, near: bool
) -> int | None:
    """Adds the blocks `first` to `last`, which are `near` the head or not; None if they are not one chain with what the
    store has."""
    before = journal.tip(engine)
    end = chain.block(last)
    found = (_one_by_one if near else _at_once)(chain, settings, first, last)
    if found is None or not _is_one_chain(before, found[0], end):
        return None
    blocks, events = found
    if any(blocks[event.block_number].hash != event.block_hash for event in events):
        return None
    logs = [
        Log(
            block_hash=event.block_hash,
            log_index=event.log_index,
            block_number=event.block_number,
            block_timestamp_s=blocks[event.block_number].timestamp_s,
            tx_hash=event.tx_hash,
            contract=event.contract,
            event=event.name,
            args=event.args,
        )
        for event in events
    ]
    known = [KnownBlock(**asdict(blocks[number])) for number in sorted(blocks)]
    return len(logs) if journal.append(engine, before, known, logs, clock) else None


def _contracts(settings: Settings) -> list[str]:
    return [settings.committee_contract, settings.fund_contract]


Found = tuple[dict[int, Block], tuple[Event, ...]]
"""Blocks by number, those of all events among them, and the events."""


def _at_once(chain: Chain, settings: Settings, first: int, last: int) -> Found | None:
    events = decode_all(chain.logs(_contracts(settings), first, last))
    blocks = _headers(chain, {event.block_number for event in events} | {first, last})
    return (blocks, events) if blocks else None


def _one_by_one(chain: Chain, settings: Settings, first: int, last: int) -> Found | None:
    blocks = _headers(chain, set(range(first, last + 1)))
    if blocks is None:
        return None
    logs = (chain.logs_of(_contracts(settings), block) for block in blocks.values())
    return blocks, tuple(event for of_block in logs for event in decode_all(of_block))


def _headers(chain: Chain, numbers: set[int]) -> dict[int, Block] | None:
    found = {number: chain.block(number) for number in sorted(numbers)}
    present = {number: block for number, block in found.items() if block is not None}
    return present if len(present) == len(numbers) else None


def _is_one_chain(before: KnownBlock | None, blocks: Mapping[int, Block], end: Block | None) -> bool:
    """Whether the first block follows what the store has, neighbours follow each other, and the last, read before and
    after the logs, stayed the same: then no reorganisation came between the requests."""
    if end != blocks[max(blocks)]:
        return False
    if before is not None and blocks[min(blocks)].parent != before.hash:
        return False
    return all(number - 1 not in blocks or block.parent == blocks[number - 1].hash for number, block in blocks.items())


def _learn_tokens(engine: sa.Engine, chain: Chain) -> None:
    """Asks the tokens of new funds for their names; a token that answers badly is shown without."""
    for address in ledger.tokens(engine):
        name = facts.TOKEN + address
        if facts.get(engine, name) is None:
            try:
                facts.put(engine, name, _token(chain, address))
            except (TransactionFailed, ChainUnreachable) as problem:  # the endpoint may choke on this token alone
                log.warning("token_not_read", token=address, problem=str(problem))  # the next run asks again


def _token(chain: Chain, address: str) -> dict[str, Any]:
    try:
        token = Token(chain, address)
    except ChainMismatch:  # its code is gone
        return {"symbol": address[:8], "decimals": 0}
    decimals, symbol = token.told("decimals", "uint256"), token.told("symbol", "bytes")
    shown = address[:8] if symbol is None else printable(symbol)[:16]
    return {"symbol": shown, "decimals": min(decimals or 0, 36)}
