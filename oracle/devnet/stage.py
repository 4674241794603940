"""Sets the demo up on a chain: contracts, committee, fund, releases, mirrors, each by whose task it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oracle.chain.client import Chain
from oracle.chain.committee import CommitteeContract
from oracle.chain.contracts import Token
from oracle.chain.fund import FundContract
from oracle.chain.structs import NewFund, Offer, Slashing
from oracle.devnet.accept import accept
from oracle.devnet.actors import Actors
from oracle.devnet.cast import MIRRORS
from oracle.devnet.deploy import Deployment, deploy_all
from oracle.devnet.plan import Plan
from oracle.devnet.servers import Host
from oracle.manifest import Manifest
from oracle.model import Clock, CommitteeId, FundId, MirrorId, canonical


@dataclass(frozen=True, slots=True)
class Ground:
    """The contracts with their clock and a committee: all that a node needs to start."""

    deployment: Deployment
    clock: Clock
    committee: CommitteeId
    fund_contract: FundContract
    committee_contract: CommitteeContract
    token: Token
    wrapped: Token


@dataclass(frozen=True, slots=True)
class Opened:
    """A fund with its mirrors by name; `first` is the first epoch in which all of them count."""

    fund: FundId
    offer: Offer
    mirrors: Mapping[str, MirrorId]
    first: int


def lay_ground(chain: Chain, actors: Actors, plan: Plan) -> Ground:
    """Deploy the contracts so that epoch 0 has just the time left that the set-up needs, and open the committee."""
    genesis_s = int(time.time()) + plan.set_up_s - plan.epoch_length_s
    clock = Clock(genesis_s, plan.epoch_length_s, plan.grace_s, plan.window_s, plan.arbitration_s)
    deployment = deploy_all(chain, actors.owner, clock, plan.terms)
    contract = CommitteeContract(chain, deployment.committee)
    members = [member.address for member in actors.members]
    committee, _ = contract.create_committee(actors.owner, members, plan.quorum, actors.fee_recipient.address)
    fund = FundContract(chain, deployment.fund)
    token, wrapped = (Token(chain, address) for address in (deployment.demo_token, deployment.wrapped_native))
    return Ground(deployment, clock, committee, fund, contract, token, wrapped)


def open_fund(
    ground: Ground, actors: Actors, plan: Plan, releases: Sequence[Manifest], hosts: Sequence[Host]
) -> Opened:
    """Open a fund that the committee has accepted with the first release, top it up, publish the other releases and
    register every mirror."""
    contract = ground.fund_contract
    offer = Offer(plan.reward_wei, plan.target, plan.fee_bps, ground.committee)
    policy, first = canonical(plan.policy.to_json()), releases[0]
    token = ground.token.address
    slashing = Slashing(actors.arbiter.address, plan.slash_epoch_bps, plan.slash_life_bps)
    accept(ground.committee_contract, actors.members, contract.address, actors.owner, token, offer, policy, slashing)
    made = NewFund(token, offer, plan.min_stake_wei, first.app, policy, first.digest, first.url, slashing)
    fund, _ = contract.create_fund(actors.owner, made)
    _top_up(ground, actors, plan, fund)
    for release in releases[1:]:
        contract.publish_release(actors.owner, fund, release.digest, release.url)
    starts, mirrors = [], {}
    for part, host in zip(MIRRORS, hosts[1:], strict=True):
        operator, payout = actors.operators[part.operator], actors.payouts[part.name].address
        stake = plan.min_stake_wei
        mirror, receipt = contract.register(operator, fund, host.url, payout, stake, value_wei=stake)
        mirrors[part.name] = mirror
        starts.append(int(receipt.event("MirrorRegistered")["bindsFrom"]))
    return Opened(fund, offer, mirrors, max(starts))


def _top_up(ground: Ground, actors: Actors, plan: Plan, fund: FundId) -> None:
    """Every funder adds to the fund: nobody has to be asked."""
    for funder, amount_wei in zip(actors.funders, plan.top_ups_wei, strict=True):
        ground.token.mint(actors.owner, funder.address, amount_wei)
        ground.token.approve(funder, ground.fund_contract.address, amount_wei)
        ground.fund_contract.top_up(funder, fund, amount_wei)


def withdraw_all(ground: Ground, actors: Actors, opened: Opened) -> None:
    """Every operator who has credit takes it, and the committee its fee."""
    for part in MIRRORS:
        mirror = opened.mirrors[part.name]
        if ground.fund_contract.credit_of(mirror):
            ground.fund_contract.withdraw(actors.operators[part.operator], mirror)
    if ground.fund_contract.fees(ground.committee, ground.token.address):
        ground.fund_contract.withdraw_fee(actors.fee_recipient, ground.committee, ground.token.address)
