"""EIP-2612: a signature instead of an approval, for tokens that take one."""

from __future__ import annotations

from oracle.chain.contracts import Token
from oracle.chain.structs import Permit
from oracle.chain.transactions import Account
from oracle.digests import address_word, keccak256, uint_word
from oracle.errors import ChainMismatch, InvalidInput, TransactionFailed

_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_PERMIT = b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
_VERSIONS = ("1", "2")
"""What tokens name as the version of their domain."""


def sign_permit(token: Token, account: Account, spender: str, amount_wei: int, deadline_s: int) -> Permit:
    """The account's permit that the spender may take the amount, until the Unix time `deadline_s`.

    Raises: InvalidInput for a token that takes no permits, or asks to sign for something else than itself.
    """
    try:
        separator, nonce = token.domain_separator(), token.nonce(account.address)
        name = token.name()
    except (TransactionFailed, ChainMismatch) as error:
        raise InvalidInput("--permit", f"the token {token.address} takes no permits; leave it out") from error
    if separator not in (_separator(token, name, version) for version in _VERSIONS):
        raise InvalidInput("--permit", f"the token {token.address} has permits that cannot be checked; leave it out")
    words = (address_word(account.address), address_word(spender), *map(uint_word, (amount_wei, nonce, deadline_s)))
    digest = keccak256(b"\x19\x01" + separator + keccak256(keccak256(_PERMIT) + b"".join(words)))
    signed = account.unsafe_sign_hash(digest)  # type: ignore[arg-type]
    return Permit(deadline_s, signed.v, uint_word(signed.r), uint_word(signed.s))


def _separator(token: Token, name: str, version: str) -> bytes:
    """The domain of this token on this chain: nothing that is signed for it counts elsewhere."""
    texts = (_DOMAIN, name.encode(), version.encode())
    words = b"".join(keccak256(text) for text in texts)
    return keccak256(words + uint_word(token.chain.chain_id) + address_word(token.address))
