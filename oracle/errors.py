"""One tree of errors. A name says what went wrong, attributes carry the facts, the text says how to mend it."""

from __future__ import annotations


class MirrorbondError(Exception):
    """Anything that we raise on purpose: the text is one sentence fit for the person at the keyboard."""


class InvalidInput(MirrorbondError):
    """A field of a manifest, policy, setting or command line that cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


class InvalidManifest(InvalidInput):
    """A release's manifest, or a path in one, that cannot be used."""


class ManifestMismatch(MirrorbondError):
    """A directory or server does not hold what the manifest says."""

    def __init__(self, differences: list[str]) -> None:
        more = f" (and {len(differences) - 5} more)" if len(differences) > 5 else ""
        super().__init__(f"the release differs: {'; '.join(differences[:5])}{more}")
        self.differences = differences


class FetchFailed(MirrorbondError):
    """Something that we need from a server did not come. `url` is without its query."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{url}: {problem}")
        self.url = url
        self.problem = problem


class KeystoreUnreadable(MirrorbondError):
    """A keystore file that is missing, cannot be read or is no keystore."""


class WrongPassword(MirrorbondError):
    """A keystore does not open with the password given."""


class ChainUnreachable(MirrorbondError):
    """No answer from the RPC endpoint."""


class ChainMismatch(MirrorbondError):
    """The RPC endpoint answers, but for another chain or without our contracts."""


class TransactionFailed(MirrorbondError):
    """The chain refused a transaction. `error` is the contract's error by name where there is one."""

    def __init__(self, action: str, error: str, facts: dict[str, object] | None = None) -> None:
        told = ", ".join(f"{key} {value}" for key, value in (facts or {}).items())
        super().__init__(f"{action} was refused: {error}{f' ({told})' if told else ''}")
        self.action = action
        self.error = error
        self.facts = facts or {}


class PortInUse(MirrorbondError):
    """Something else listens where we should."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(f"{name}: port {port} is in use; stop what listens there or choose another port")
        self.port = port


class NotEnoughBundles(MirrorbondError):
    """Fewer bundles than the quorum: the epoch cannot be reported from here."""

    def __init__(self, epoch: int, bundles: int, quorum: int) -> None:
        super().__init__(f"epoch {epoch}: {bundles} bundles, the quorum is {quorum}")
        self.epoch = epoch
        self.bundles = bundles
        self.quorum = quorum


class NotEnoughSignatures(MirrorbondError):
    """Fewer signatures of a report than the quorum: it cannot be posted from here."""

    def __init__(self, epoch: int, signatures: int, quorum: int) -> None:
        super().__init__(f"epoch {epoch}: {signatures} signatures, the quorum is {quorum}")
        self.epoch = epoch
        self.signatures = signatures
        self.quorum = quorum


class EvidenceMismatch(MirrorbondError):
    """A recomputation from the evidence gives something else than the chain holds."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences


class AccountingMismatch(MirrorbondError):
    """A demo's money or weights do not add up."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__(f"{len(failures)} checks failed: {'; '.join(failures[:5])}")
        self.failures = failures


class ProcessFailed(MirrorbondError):
    """A process that we started did not come up."""


class StoreUnreachable(MirrorbondError):
    """The database does not open."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"the store {url} does not open: {problem}")
        self.url = url
        self.problem = problem


class StoreTooNew(MirrorbondError):
    """A later version of this software has changed the store's schema."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"the store is at revision {revision}, which this version does not know; install a newer one")
        self.revision = revision


class RangeRefused(MirrorbondError):
    """The RPC endpoint will not look through so many blocks at once."""

    def __init__(self, first: int, last: int, problem: str) -> None:
        super().__init__(f"the chain's endpoint refuses logs of blocks {first} to {last}: {problem}")
        self.first = first
        self.last = last


class NotAccepted(MirrorbondError):
    """The committee has not agreed to a fund's terms."""

    def __init__(self, committee: int) -> None:
        super().__init__(
            f"committee {committee} has not accepted these terms, or its acceptance is used or over: make a file with "
            "`mirrorbond fund propose`, have a quorum of members run `mirrorbond committee accept` on it, and try again"
        )
        self.committee = committee


class TransactionPending(MirrorbondError):
    """A transaction was sent, or may have been, but no block has taken it within the time limit. It may still be taken:
    `tx_hash` is the one of those for its nonce that was offered last."""

    def __init__(self, action: str, tx_hash: str, waited_s: float) -> None:
        super().__init__(
            f"{action}: transaction {tx_hash} is in no block after {waited_s:.0f} s, but may still come into one: "
            "look for it before you try again"
        )
        self.action = action
        self.tx_hash = tx_hash


class FeeTooHigh(MirrorbondError):
    """The chain asks more for gas than we are willing to pay now: its base fee with the tip that is usual."""

    def __init__(self, action: str, fee_wei: int, cap_wei: int) -> None:
        asked, cap = -(-fee_wei // 10**9), cap_wei // 10**9
        super().__init__(
            f"{action}: a unit of gas costs {asked} gwei, over the cap of {cap}: wait, or raise MIRRORBOND_FEE_CAP_GWEI"
        )
        self.action = action
        self.fee_wei = fee_wei
        self.cap_wei = cap_wei


class NotDone(MirrorbondError):
    """A part of what a command was to do, or all of it, was not done."""

    def __init__(self, failures: list[str]) -> None:
        more = f" (and {len(failures) - 5} more)" if len(failures) > 5 else ""
        super().__init__(f"{'; '.join(failures[:5])}{more}")
        self.failures = failures


class EpochNotOver(MirrorbondError):
    """An epoch that cannot be closed yet."""

    def __init__(self, epoch: int, ends_s: int) -> None:
        super().__init__(f"epoch {epoch} is not decided before Unix time {ends_s}, by the newest block indexed")
        self.epoch = epoch
        self.ends_s = ends_s
