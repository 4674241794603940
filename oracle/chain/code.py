"""Whether the code at an address is what this release's contracts compile to, byte for byte.

The words that a contract's creation sets are taken from its own views: code that is equal with them in their places is
the contract that tells the truth about them, so that nothing more has to be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from oracle.attest import NAME, VERSION, Domain
from oracle.chain.abi import artifact
from oracle.chain.committee import CommitteeContract
from oracle.chain.endowment import EndowmentContract
from oracle.chain.fund import FundContract
from oracle.digests import address_word, keccak256, uint_word

if TYPE_CHECKING:
    from oracle.chain.contracts import Contract

Words = Mapping[str, bytes]
"""A word of 32 bytes for each constant, by its name in the contract."""


def is_ours_committee(contract: CommitteeContract) -> bool:
    """Whether it is this release's OracleCommittee."""
    clock, chain_id = contract.clock(), contract.chain.chain_id
    numbers = {
        "GENESIS": clock.genesis_s,
        "LENGTH": clock.epoch_length_s,
        "GRACE": clock.grace_s,
        "WINDOW": clock.window_s,
        "ARBITRATION": clock.arbitration_s,
        "CHALLENGE_BOND": contract.challenge_bond(),
        "_cachedChainId": chain_id,
    }
    signed = {
        "_cachedThis": address_word(contract.address),
        "_cachedDomainSeparator": Domain(chain_id, contract.address).separator(),
        "_hashedName": keccak256(NAME.encode()),
        "_hashedVersion": keccak256(VERSION.encode()),
        "_name": _short(NAME),
        "_version": _short(VERSION),
    }
    wrapped = {"WRAPPED_NATIVE": address_word(contract.wrapped_native())}
    return _is_compiled(contract, "OracleCommittee", {**_words(numbers), **signed, **wrapped})


def is_ours_fund(contract: FundContract) -> bool:
    """Whether it is this release's RedundancyFund."""
    committee = CommitteeContract(contract.chain, contract.committee_contract())
    clock = committee.clock()
    numbers = {name.upper(): epochs for name, epochs in asdict(contract.terms()).items()}
    numbers |= {"GENESIS": clock.genesis_s, "EPOCH_LENGTH": clock.epoch_length_s}
    addresses = {"COMMITTEE": committee.address, "WRAPPED_NATIVE": contract.wrapped_native()}
    words = {name: address_word(address) for name, address in addresses.items()}
    return _is_compiled(contract, "RedundancyFund", {**_words(numbers), **words})


def is_ours_endowment(contract: EndowmentContract) -> bool:
    """Whether it is this release's Endowment."""
    words = {"FUND": address_word(contract.fund_contract()), "NOTICE": uint_word(contract.notice_s())}
    return _is_compiled(contract, "Endowment", words)


def _is_compiled(contract: Contract, name: str, words: Words) -> bool:
    found = artifact(name)
    code = bytearray.fromhex(found.deployed.removeprefix("0x"))
    for constant, places in found.immutables.items():
        for place in places:
            code[place : place + 32] = words[constant]
    return bytes(code) == contract.chain.code(contract.address)


def _words(numbers: Mapping[str, int]) -> Words:
    return {name: uint_word(number) for name, number in numbers.items()}


def _short(text: str) -> bytes:
    """A text of at most 31 bytes in one word, as OpenZeppelin's ShortStrings keep it: its bytes, then their number."""
    return text.encode().ljust(31, b"\0") + bytes((len(text.encode()),))
