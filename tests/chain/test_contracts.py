"""The typed calls: what they return, and what a wrong address is answered with."""

import socket

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from oracle.attest import Domain, acceptance_message, bundle_message, digest_of, terms_digest
from oracle.chain.committee import CommitteeContract
from oracle.chain.contracts import Token
from oracle.chain.fund import FundContract
from oracle.chain.structs import NOBODY, MirrorState, NewFund, Offer, Outcome, Segment
from oracle.devnet.deploy import SHORT_TERMS
from oracle.errors import ChainMismatch, InvalidInput, TransactionFailed
from oracle.model import Address, Digest
from tests.fixtures.chain import ARBITRATION_S, EPOCH_S, GRACE_S, RELEASE, WINDOW_S, World


@pytest.mark.parametrize("address", ["", "0x12", "notes.eth", "0x" + "zz" * 20])
def test_what_is_no_address_gets_a_sentence(world: World, address: str) -> None:
    with pytest.raises(InvalidInput, match="no contract's address"):
        FundContract(world.dev.chain, address)


def test_an_address_without_a_contract_gets_a_sentence(world: World) -> None:
    with pytest.raises(ChainMismatch, match="has no contract at 0x1111"):
        CommitteeContract(world.dev.chain, "0x" + "11" * 20)


def test_another_contract_than_asked_for_is_refused(world: World) -> None:
    with pytest.raises((ChainMismatch, TransactionFailed)):
        FundContract(world.dev.chain, world.committee.address).terms()
    with pytest.raises((ChainMismatch, TransactionFailed)):
        CommitteeContract(world.dev.chain, world.token.address).clock()


def test_the_contracts_know_each_other_and_their_terms(world: World) -> None:
    assert world.fund.committee_contract() == world.committee.address
    assert world.fund.wrapped_native() == world.wrapped.address
    assert world.fund.terms() == SHORT_TERMS
    clock = world.committee.clock()
    lengths = (clock.epoch_length_s, clock.grace_s, clock.window_s, clock.arbitration_s)
    assert lengths == (EPOCH_S, GRACE_S, WINDOW_S, ARBITRATION_S)


def test_a_fund_a_mirror_and_a_deposit_are_read_as_they_were_made(world: World) -> None:
    developer, operator, funder = (world.account(role) for role in ("developer", "operator", "funder"))
    world.committee.create_committee(developer, [operator.address, developer.address], 2, funder.address)
    config = world.committee.config_at(1, 0)
    assert [int(one, 16) for one in config.members] == sorted(int(one.address, 16) for one in (operator, developer))
    assert (config.quorum, config.fee_recipient) == (2, Address(funder.address))

    offer = Offer(reward_wei=50, target=2, fee_bps=100, committee=1)
    fund = world.create_fund(developer, offer, world.wrapped.address, 7)
    deposit, _ = world.fund.top_up(funder, fund, 1_000, value_wei=1_000)
    world.next_epoch()
    world.wrapped.wrap(operator, 9)
    world.wrapped.approve(operator, world.fund.address, 9)
    mirror, _ = world.fund.register(operator, fund, "https://m.example/", funder.address, 9)

    state = world.fund.fund_of(fund)
    assert (state.owner, state.token, state.offer) == (Address(developer.address), world.wrapped.address, offer)
    assert (state.min_stake_wei, state.deposited_wei, state.free_wei) == (7, 1_000, 950)
    assert world.fund.segment_of(fund, state.segments) == Segment(1, 1, offer)
    assert world.fund.deposit_of(deposit).amount_wei == world.fund.worth_of(deposit) == 1_000
    expected = MirrorState(Address(operator.address), Address(funder.address), fund, 0, 9, start=2, end=None)
    assert world.fund.mirror_of(mirror) == expected
    world.fund.exit(operator, mirror)
    assert world.fund.mirror_of(mirror).end == 2
    assert world.committee.outcome(1, 0) == (Outcome.OPEN, "0x" + "00" * 32)
    assert world.fund.credit_of(mirror) == 0


def test_a_fund_needs_the_acceptance_of_its_committee_once_for_each_use(world: World) -> None:
    developer = world.account("developer")
    world.committee.create_committee(developer, [developer.address], 1, developer.address)
    offer = Offer(reward_wei=50, target=2, fee_bps=100, committee=1)
    world.create_fund(developer, offer)
    made = NewFund(world.token.address, offer, 0, "notes", b"{}", RELEASE, "https://notes.example/m")
    with pytest.raises(TransactionFailed, match="createFund was refused: NotAccepted \\(committee 1") as refused:
        world.fund.create_fund(developer, made)
    parts = (0, developer.address, world.token.address, (50, 2, 100, 1), (NOBODY, 0, 0), b"{}")
    assert refused.value.facts["terms"] == terms_digest(*parts)
    with pytest.raises(TransactionFailed, match="announceChange was refused: NotAccepted"):
        world.fund.announce_change(developer, 1, offer, b"{}")
    world.announce_change(developer, 1, offer)


def test_the_contract_signs_off_what_members_sign_here(world: World) -> None:
    developer = world.account("developer")
    world.committee.create_committee(developer, [developer.address], 1, developer.address)
    domain, digest = Domain(world.dev.chain.chain_id, world.committee.address), Digest("0x" + "07" * 32)
    config = world.committee.config_at(1, 0).digest
    accepted = acceptance_message(domain, 1, config, world.fund.address, digest, 9)
    assert world.committee.acceptance_digest(1, world.fund.address, digest, 9) == digest_of(accepted)
    assert world.committee.bundle_digest(1, 7, digest) == digest_of(bundle_message(domain, 1, 7, digest))


def test_a_contract_cannot_send_us_to_a_server_of_its_choice(world: World) -> None:
    """A revert with OffchainLookup (EIP-3668) asks the caller to fetch a URL, here on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        urls = [f"http://127.0.0.1:{server.getsockname()[1]}/"]
        kinds = ["address", "string[]", "bytes", "bytes4", "bytes"]
        lookup = keccak(text=f"OffchainLookup({','.join(kinds)})")[:4]
        revert = lookup + encode(kinds, ["0x" + "77" * 20, urls, b"", b"\0" * 4, b""])
        # PUSH2 length, DUP1, PUSH1 12, PUSH1 0, CODECOPY, PUSH1 0, REVERT, and then what is reverted with
        code = bytes.fromhex(f"61{len(revert):04x}80600c6000396000fd") + revert
        world.dev.chain.rpc("anvil_setCode", "0x" + "77" * 20, "0x" + code.hex())
        with pytest.raises(TransactionFailed, match="symbol was refused"):
            Token(world.dev.chain, "0x" + "77" * 20).symbol()
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_token_tells_its_name_and_balances(world: World) -> None:
    funder = world.account("funder")
    world.token.mint(funder, funder.address, 12)
    world.token.transfer(funder, "0x" + "11" * 20, 5)
    assert (world.token.symbol(), world.token.decimals()) == ("DEMO", 18)
    assert (world.token.balance(funder.address), world.token.balance("0x" + "11" * 20)) == (7, 5)
    with pytest.raises(TransactionFailed, match="transfer was refused: ERC20InsufficientBalance"):
        Token(world.dev.chain, world.token.address).transfer(funder, "0x" + "11" * 20, 8)
