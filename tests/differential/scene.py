"""One sequence under way: its stage, its dice, and what the committees have published or keep to themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from oracle.merkle import Tree
from tests.differential.chain import function
from tests.differential.model.committees import Vote
from tests.differential.model.state import Config, Fund, Offer, Slashing, World
from tests.differential.stage import KEYS, Stage, signature

Model = Callable[..., int | None]


@dataclass(frozen=True)
class Call:
    """One call, for the contract (`args` made when it is sent: signing takes time) and for the model."""

    contract: str
    to: str
    name: str
    caller: str
    value: int
    args: Callable[[], Sequence[Any]]
    model: Callable[[World], int | None]

    def calldata(self) -> bytes:
        """What the contract is sent."""
        return function(self.contract, self.name).calldata(*self.args())


class Plan(NamedTuple):
    """An offer that a committee may have accepted for a fund, 0 for a new one."""

    fund: int
    owner: str
    token: str
    offer: Offer
    slashing: Slashing
    policy: bytes


@dataclass
class Publication:
    """What stands behind the root of a report; `withheld` vectors are never shown."""

    tree: Tree
    vectors: dict[int, bytes]
    withheld: bool


@dataclass
class Scene:
    """The dice and the memory of a sequence."""

    rng: Random
    stage: Stage
    scale: int
    spendthrift: bool
    plans: list[Plan] = field(default_factory=list)
    published: dict[tuple[int, int], Publication] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """The model's state."""
        return self.stage.world

    def odds(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.rng.randrange(100) < percent

    def fund(self) -> Fund | None:
        """Some fund."""
        return self.rng.choice(self.world.funds) if self.world.funds else None

    def committees(self) -> list[int]:
        """The committees that funds have now."""
        return sorted({fund.offer.committee for fund in self.world.funds}) or [1]

    def unreported(self, committee: int) -> list[int]:
        """The epochs of which the committee can still report."""
        world = self.world
        past = [
            epoch for epoch in range(max(0, world.epoch - 2), world.epoch) if (committee, epoch) not in world.reports
        ]
        return [epoch for epoch in past if world.now < world.clock.end(epoch) + world.clock.grace]

    def on_fund(self, name: str, caller: str, value: int, model: Model, *args: Any) -> Call:
        """A call of the fund contract whose arguments the model takes as they are."""
        return self.on_fund_as(name, caller, value, args, lambda world: model(world, caller, value, *args))

    def on_fund_as(
        self, name: str, caller: str, value: int, args: Sequence[Any], model: Callable[[World], int | None]
    ) -> Call:
        """A call of the fund contract whose arguments the model takes otherwise."""
        return Call("RedundancyFund", self.world.fund_contract, name, caller, value, lambda: args, model)

    def on_committee(
        self,
        name: str,
        caller: str,
        value: int,
        args: Callable[[], Sequence[Any]],
        model: Callable[[World], int | None],
    ) -> Call:
        """A call of the committee contract."""
        return Call("OracleCommittee", self.world.committee_contract, name, caller, value, args, model)

    def votes(self, config: Config) -> list[Vote]:
        """Signatures of a quorum or more, in any order; now and then one too few, twice the same or a false one."""
        members = list(range(len(config.members)))
        count = self.rng.randint(config.quorum, len(members))
        chosen = self.rng.sample(members, count - self.odds(2))
        if chosen and self.odds(2):
            chosen[0] = self.rng.choice((chosen[-1], len(members)))
        forged = self.stage.keys and self.odds(3)
        return [Vote(member, not (forged and i == 0)) for i, member in enumerate(chosen)]

    def signed(self, config: Config, votes: Sequence[Vote], digest: str, *args: Any) -> list[tuple[int, bytes]]:
        """The signatures for these votes, of the digest that a view of the committee contract tells."""
        if not self.stage.keys:
            return [(vote.member, b"") for vote in votes]
        message = self._digest(digest, *args)
        return [(vote.member, _sign(config, vote, message)) for vote in votes]

    def of_bundle(self, member: str, committee: int, epoch: int, digest: bytes) -> bytes:
        """A member's signature of a bundle of an epoch."""
        return _signed(member, self._digest("bundleDigest", committee, epoch, digest))

    def _digest(self, name: str, *args: Any) -> bytes:
        call = function("OracleCommittee", name).calldata(*args)
        return self.stage.chain.read(self.world.committee_contract, call)


def _sign(config: Config, vote: Vote, message: bytes) -> bytes:
    if vote.member >= len(config.members):
        return bytes(65)
    return _signed(config.members[vote.member], message if vote.genuine else message[::-1])


def _signed(member: str, message: bytes) -> bytes:
    v, r, s = signature(KEYS[member], message)
    return r + s + bytes((v,))
