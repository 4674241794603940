"""A signature counts for one chain, one contract and one message, and only in the one form the contract takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import SignableMessage
from eth_utils.crypto import keccak

from oracle.attest import (
    ACCEPTANCE_TYPE,
    BUNDLE_TYPE,
    MEMBERS_TYPE,
    REPORT_TYPE,
    Domain,
    acceptance_message,
    bundle_message,
    digest_of,
    members_message,
    recover,
    report_message,
    sign,
    terms_digest,
)
from oracle.model import Address, Digest
from tests.fixtures.golden import cases
from tests.fixtures.node import ROOT, run_node

CONTRACT = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
DOMAIN = Domain(31337, CONTRACT)
MEMBER = Account.from_key("0x" + "11" * 32)
CONFIG, ROOT_DIGEST, EVIDENCE = (Digest("0x" + byte * 32) for byte in ("0c", "0d", "0e"))
MESSAGE = report_message(DOMAIN, 1, 7, CONFIG, ROOT_DIGEST, EVIDENCE)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


MESSAGES: dict[str, Callable[..., SignableMessage]] = {
    "Report": report_message,
    "Bundle": bundle_message,
    "Members": members_message,
    "Acceptance": acceptance_message,
}


def message_of(case: dict[str, Any]) -> SignableMessage:
    asked = case["given"]
    domain = Domain(asked["domain"]["chainId"], asked["domain"]["verifyingContract"])
    (kind,) = asked["types"]
    fields = list(asked["message"].values())
    return MESSAGES[kind](domain, *fields)


CASES = [case for name in ("acceptance", "report", "bundle", "members") for case in cases(name)]


@pytest.mark.parametrize("case", CASES)
def test_golden_digests_and_signatures(case: dict[str, Any]) -> None:
    message, expected = message_of(case), case["expected"]
    assert digest_of(message) == expected["digest"]
    assert sign(Account.from_key(case["given"]["key"]), message) == expected["signature"]
    assert recover(message, expected["signature"]) == expected["signer"]


def test_the_digest_of_any_report_is_that_of_ethers() -> None:
    types = {"Report": [{"type": part.split()[0], "name": part.split()[1]} for part in _fields(REPORT_TYPE)]}
    given, ours = [], []
    for epoch in (0, 1, 2**63):
        domain = {"name": "Mirrorbond", "version": "1", "chainId": epoch + 1, "verifyingContract": CONTRACT}
        facts = {"committee": 3, "epoch": str(epoch), "config": CONFIG, "root": ROOT_DIGEST, "evidence": EVIDENCE}
        given.append({"domain": domain | {"chainId": str(epoch + 1)}, "types": types, "message": facts})
        ours.append(digest_of(report_message(Domain(epoch + 1, CONTRACT), 3, epoch, CONFIG, ROOT_DIGEST, EVIDENCE)))
    assert run_node("typed_data.mjs", given) == ours


@pytest.mark.parametrize("kind", [REPORT_TYPE, MEMBERS_TYPE, ACCEPTANCE_TYPE, BUNDLE_TYPE])
def test_the_types_are_those_of_the_contract(kind: str) -> None:
    assert f'"{kind}"' in (ROOT / "contracts" / "OracleCommittee.sol").read_text()


def test_the_terms_that_a_committee_accepts_are_hashed_as_abi_encode_does() -> None:
    owner, token, policy = MEMBER.address, CONTRACT, b'{"slots":20}'
    kinds = ["uint256", "address", "address", "(uint96,uint16,uint16,uint32)", "(address,uint16,uint16)", "bytes32"]
    offer, slashing = (2**96 - 1, 6, 500, 3), (CONTRACT, 2_000, 5_000)
    packed = encode(kinds, [7, owner, token, offer, slashing, keccak(policy)])
    assert terms_digest(7, owner, token, offer, slashing, policy) == "0x" + keccak(packed).hex()


def test_a_bundle_is_no_report() -> None:
    assert BUNDLE_TYPE != REPORT_TYPE
    assert digest_of(bundle_message(DOMAIN, 1, 7, CONFIG)) != digest_of(MESSAGE)


@pytest.mark.parametrize(
    "other",
    [
        report_message(Domain(1, CONTRACT), 1, 7, CONFIG, ROOT_DIGEST, EVIDENCE),
        report_message(Domain(31337, Address("0x" + "22" * 20)), 1, 7, CONFIG, ROOT_DIGEST, EVIDENCE),
        report_message(DOMAIN, 2, 7, CONFIG, ROOT_DIGEST, EVIDENCE),
        report_message(DOMAIN, 1, 8, CONFIG, ROOT_DIGEST, EVIDENCE),
        report_message(DOMAIN, 1, 7, EVIDENCE, ROOT_DIGEST, EVIDENCE),
        report_message(DOMAIN, 1, 7, CONFIG, EVIDENCE, EVIDENCE),
        report_message(DOMAIN, 1, 7, CONFIG, ROOT_DIGEST, CONFIG),
    ],
    ids=["chain", "contract", "committee", "epoch", "config", "root", "evidence"],
)
def test_a_signature_counts_for_nothing_else(other: SignableMessage) -> None:
    signature = sign(MEMBER, MESSAGE)
    assert recover(MESSAGE, signature) == MEMBER.address
    assert recover(other, signature) != MEMBER.address


def _fields(kind: str) -> list[str]:
    return kind.partition("(")[2].removesuffix(")").split(",")


def _parts() -> tuple[str, str, str]:
    raw = sign(MEMBER, MESSAGE)[2:]
    return raw[:64], raw[64:128], raw[128:]


def test_the_other_half_of_the_curve_is_refused_as_in_the_contract() -> None:
    """Or whoever sees a signature could make a second one of it."""
    r, s, v = _parts()
    mirrored = f"0x{r}{ORDER - int(s, 16):064x}{'1b' if v == '1c' else '1c'}"
    assert Account.recover_message(MESSAGE, signature=mirrored) == MEMBER.address
    assert recover(MESSAGE, mirrored) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r, s, v: "",
        lambda r, s, v: "0x",
        lambda r, s, v: "nonsense",
        lambda r, s, v: f"0x{r}{s}",
        lambda r, s, v: f"0x{r}{s}{v}00",
        lambda r, s, v: f"0x{r}{s}00",
        lambda r, s, v: f"0x{r}{s}1d",
        lambda r, s, v: f"0x{'00' * 32}{s}{v}",
        lambda r, s, v: f"0x{r}{'00' * 32}{v}",
        lambda r, s, v: f"0x{'ff' * 32}{s}{v}",
        lambda r, s, v: f"0x{r[:63]}",
    ],
)
def test_what_is_no_signature_has_no_signer(spoil: Any) -> None:
    assert recover(MESSAGE, spoil(*_parts())) is None


def test_any_other_point_recovers_somebody_else() -> None:
    r, s, v = _parts()
    assert recover(MESSAGE, f"0x{r}{s}{'1b' if v == '1c' else '1c'}") != MEMBER.address


def test_a_digest_is_never_padded() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        report_message(DOMAIN, 1, 7, Digest("0x0c"), ROOT_DIGEST, EVIDENCE)
