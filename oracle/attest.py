"""What members sign: EIP-712 messages of the committee contract, their digests, signatures and signers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_account import Account
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from hexbytes import HexBytes

from oracle.digests import address_word, keccak256, to_bytes32, to_digest, uint_word
from oracle.model import Address, Digest

NAME = "Mirrorbond"
VERSION = "1"
REPORT_TYPE = "Report(uint256 committee,uint256 epoch,bytes32 config,bytes32 root,bytes32 evidence)"
MEMBERS_TYPE = (
    "Members(uint256 committee,uint256 version,address[] members,uint256 quorum,address feeRecipient,uint256 until)"
)
ACCEPTANCE_TYPE = "Acceptance(uint256 committee,bytes32 config,address fundContract,bytes32 terms,uint256 until)"
BUNDLE_TYPE = "Bundle(uint256 committee,uint256 epoch,bytes32 digest)"
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Domain:
    """For which chain and which OracleCommittee a signature counts."""

    chain_id: int
    contract: Address

    def separator(self) -> bytes:
        """The EIP-712 domain separator."""
        words = (_text_word(_DOMAIN_TYPE), _text_word(NAME), _text_word(VERSION), uint_word(self.chain_id))
        return keccak256(b"".join((*words, address_word(self.contract))))


def report_message(
    domain: Domain, committee: int, epoch: int, config: Digest | bytes, root: Digest | bytes, evidence: Digest | bytes
) -> SignableMessage:
    """A report; `config` is the digest of the committee's configuration in force at the epoch's start."""
    words = (uint_word(committee), uint_word(epoch), to_bytes32(config), to_bytes32(root), to_bytes32(evidence))
    return _message(domain, REPORT_TYPE, *words)


def bundle_message(domain: Domain, committee: int, epoch: int, digest: Digest | bytes) -> SignableMessage:
    """A member's one bundle of an epoch, by the SHA-256 of its canonical JSON: two of them cost the member its bond."""
    return _message(domain, BUNDLE_TYPE, uint_word(committee), uint_word(epoch), to_bytes32(digest))


def members_message(
    domain: Domain,
    committee: int,
    version: int,
    members: Sequence[Address],
    quorum: int,
    fee_recipient: Address,
    until_s: int,
) -> SignableMessage:
    """A change of members to configuration `version`, one above the latest; it counts until the Unix time `until_s`."""
    packed = keccak256(b"".join(address_word(member) for member in members))
    words = (uint_word(committee), uint_word(version), packed, uint_word(quorum), address_word(fee_recipient))
    return _message(domain, MEMBERS_TYPE, *words, uint_word(until_s))


def acceptance_message(
    domain: Domain, committee: int, config: Digest | bytes, fund_contract: Address, terms: Digest | bytes, until_s: int
) -> SignableMessage:
    """That a committee takes on a fund; `config` is its configuration today, `terms` what `terms_digest` gives."""
    words = (uint_word(committee), to_bytes32(config), address_word(fund_contract), to_bytes32(terms))
    return _message(domain, ACCEPTANCE_TYPE, *words, uint_word(until_s))


def terms_digest(
    fund: int,
    owner: str,
    token: str,
    offer: tuple[int, int, int, int],
    slashing: tuple[str, int, int],
    policy: bytes,
) -> Digest:
    """All that a committee agrees to when it takes on a fund, 0 for a new one, as `RedundancyFund` hashes it.

    `offer` is reward, target, fee and committee; `slashing` the arbiter, and its caps for one epoch and for life.
    """
    arbiter, *caps = slashing
    judged = (address_word(arbiter), *map(uint_word, caps))
    who = (uint_word(fund), address_word(owner), address_word(token))
    words = (*who, *map(uint_word, offer), *judged, keccak256(policy))
    return to_digest(keccak256(b"".join(words)))


def digest_of(message: SignableMessage) -> Digest:
    """The 32 bytes that are signed, as `OracleCommittee.reportDigest` gives them."""
    return to_digest(keccak256(b"\x19" + message.version + message.header + message.body))


def sign(account: LocalAccount, message: SignableMessage) -> str:
    """The account's signature: 65 bytes r, s, v (27 or 28) as 0x-hex."""
    return account.sign_message(message).signature.to_0x_hex()


def recover(message: SignableMessage, signature: str) -> Address | None:
    """Who signed; None for what the contract would refuse too: another length, v or half of the curve, or no point."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return None
    if len(raw) != 65 or raw[64] not in (27, 28) or int.from_bytes(raw[32:64], "big") > _HALF_ORDER:
        return None
    try:
        return Address(Account.recover_message(message, signature=HexBytes(raw)))
    except (BadSignature, ValidationError, ValueError):
        return None


def _message(domain: Domain, kind: str, *words: bytes) -> SignableMessage:
    body = keccak256(_text_word(kind) + b"".join(words))
    return SignableMessage(HexBytes(b"\x01"), HexBytes(domain.separator()), HexBytes(body))


def _text_word(text: str) -> bytes:
    return keccak256(text.encode())
