"""Members' bundles and signatures: those of the keys on this node now, those of peers through the same store.

A member signs one bundle an epoch: the one that is stored wins over any made later.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oracle.attest import Domain, bundle_message, recover, report_message, sign
from oracle.codec import bundle_from_json
from oracle.digests import sha256_digest
from oracle.errors import NotEnoughBundles
from oracle.evidence import Panel, SignedBundle
from oracle.fields import parse_json
from oracle.model import Address, Bundle, Digest, Epoch, FundId, Observation, Vantage
from oracle.schedule import commitment, epoch_secret
from oracle.store.reports import StoredBundle, load_bundles, load_signatures, save_bundle, save_signature

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

Observed = Mapping[FundId, tuple[Observation, ...]]


def sign_bundles(
    engine: sa.Engine,
    domain: Domain,
    keys: Mapping[Address, LocalAccount],
    panel: Panel,
    epoch: Epoch,
    seen: Observed,
    vantage: Vantage | None = None,
    secret: bytes | None = None,
    segments: Mapping[FundId, Digest] = MappingProxyType({}),
) -> None:
    """Sign what this node saw from where it stands, once for each of its keys that is a member; a member's earlier
    bundle stays. `segments` are the digests of its raw votes. Of the node's `secret` the epoch's part is revealed, and
    that of the epoch after the next, which has not begun when this is published, committed to.

    Raises: InvalidInput if a bundle is none that others would read."""
    revealed = Digest("0x" + epoch_secret(secret, epoch).hex()) if secret else None
    committed = commitment(epoch_secret(secret, epoch + 2)) if secret else None
    for member in panel.members:
        if account := keys.get(member):
            bundle = Bundle(panel.committee, epoch, member, seen, revealed, committed, vantage, segments)
            body = SignedBundle(bundle, "").body
            bundle_from_json(parse_json("bundle", body))  # what no reader would take must not be kept
            digest = sha256_digest(body)
            signature = sign(account, bundle_message(domain, panel.committee, epoch, digest))
            save_bundle(engine, StoredBundle(panel.committee, epoch, member, digest, signature, body))


def bundle_set(engine: sa.Engine, domain: Domain, panel: Panel, epoch: Epoch) -> list[SignedBundle]:
    """The members' bundles of an epoch, each with a valid signature.

    Raises: NotEnoughBundles if they are fewer than the quorum.
    """
    stored = load_bundles(engine, panel.committee, epoch)
    valid = [_read(one) for one in stored if one.member in panel.members and _is_signed(domain, one)]
    if len(valid) < panel.quorum:
        raise NotEnoughBundles(epoch, len(valid), panel.quorum)
    return valid


def is_signed(domain: Domain, signed: SignedBundle) -> bool:
    """Whether the member that a bundle names has signed it."""
    bundle = signed.bundle
    message = bundle_message(domain, bundle.committee, bundle.epoch, sha256_digest(signed.body))
    return recover(message, signed.signature) == bundle.member


def _read(stored: StoredBundle) -> SignedBundle:
    return SignedBundle(bundle_from_json(parse_json("bundle", stored.body)), stored.signature)


def _is_signed(domain: Domain, stored: StoredBundle) -> bool:
    message = bundle_message(domain, stored.committee, stored.epoch, sha256_digest(stored.body))
    return recover(message, stored.signature) == stored.member


def sign_report(
    engine: sa.Engine,
    domain: Domain,
    keys: Mapping[Address, LocalAccount],
    panel: Panel,
    epoch: Epoch,
    root: Digest,
    evidence: Digest,
) -> dict[Address, str]:
    """Sign a report by each key of this node that is a member; all signatures of it, by member ascending."""
    have = signatures_of(engine, domain, panel, epoch, root, evidence)
    message = report_message(domain, panel.committee, epoch, panel.digest, root, evidence)
    for member in panel.members:
        if member in keys and member not in have:
            save_signature(engine, panel.committee, epoch, member, root, sign(keys[member], message))
    return signatures_of(engine, domain, panel, epoch, root, evidence)


def signatures_of(
    engine: sa.Engine, domain: Domain, panel: Panel, epoch: Epoch, root: Digest, evidence: Digest
) -> dict[Address, str]:
    """The members' signatures of this very report, by member ascending: those of the same root with other evidence,
    which the contract would refuse, are left out."""
    message = report_message(domain, panel.committee, epoch, panel.digest, root, evidence)
    known = load_signatures(engine, panel.committee, epoch, root)
    return {member: signature for member, signature in known.items() if recover(message, signature) == member}
