"""A deployed contract as Python calls it: what all of them share, tokens, and how one is created."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_abi.exceptions import DecodingError
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError, Web3RPCError

from oracle.chain.abi import artifact
from oracle.chain.client import Chain, origin
from oracle.chain.refusals import failed, message_of
from oracle.chain.transactions import Account, Call, Receipt, transact
from oracle.errors import ChainMismatch, InvalidInput
from oracle.model import Address

_OF_THE_CODE = ("revert", "opcode", "outofgas", "stack", "jump", "evmerror", "executionaborted")
"""Words, less their spaces, in the errors of nodes whose contract's code failed."""


class Contract:
    """A deployed contract: `call` reads at the newest block, `send` signs, sends and waits."""

    def __init__(self, chain: Chain, address: str, name: str) -> None:
        if not Web3.is_address(address):
            raise InvalidInput("address", f"{address!r} is no contract's address (0x and 40 hexadecimal digits)")
        self.chain = chain
        self.address = Address(Web3.to_checksum_address(address))
        if not chain.has_code(self.address):
            raise ChainMismatch(
                f"chain {chain.chain_id} at {origin(chain.rpc_url)} has no contract at {self.address}: "
                "check the address and MIRRORBOND_RPC_URL"
            )
        entries: Any = artifact(name).entries
        self._contract = chain.web3.eth.contract(Web3.to_checksum_address(address), abi=entries, decode_tuples=True)
        self._name = name

    def call(self, function: str, *args: Any, caller: str | None = None, block: int | None = None) -> Any:
        """What a function would return now or after this block, to this caller if it matters who asks.

        Raises: TransactionFailed with the contract's error if it refuses.
        """
        sender: Any = {"from": caller} if caller else None
        try:
            return self._contract.functions[function](*args).call(sender, "latest" if block is None else block)
        except (ContractLogicError, Web3RPCError) as error:
            raise failed(function, error) from error
        except BadFunctionCallOutput as error:
            raise ChainMismatch(f"the contract at {self.address} is no {self._name}: check the address") from error

    def send(self, account: Account, function: str, *args: Any, value_wei: int = 0, purpose: str = "") -> Receipt:
        """Makes a transaction of a function; for the `purpose` see `outbox.Call`.

        Raises: TransactionFailed with the contract's error if it refuses; see `transactions.transact`.
        """
        data = self._contract.encode_abi(function, args=list(args))
        return transact(self.chain, account, Call(function, self.address, data, value_wei, purpose))


class Token(Contract):
    """Any ERC-20 token; only those of development chains let anyone `mint`."""

    def __init__(self, chain: Chain, address: str, name: str = "DemoToken") -> None:
        super().__init__(chain, address, name)

    def told(self, function: str, kind: str) -> Any:
        """What a stranger's token says of itself, as this ABI type; None if it fails or says something else.

        Raises: ChainUnreachable; TransactionFailed if the endpoint refuses, and not the token: ask again later.
        """
        wanted = {"to": self.address, "data": self._contract.encode_abi(function)}
        try:
            # web3 itself stumbles over some reverts, and takes some limits of requests for reverts
            answer = self.chain.rpc("eth_call", wanted, "latest")
        except Web3RPCError as error:
            if _is_of_the_code(error):
                return None
            raise failed(function, error) from error
        try:
            return decode_abi([kind], bytes(HexBytes(answer)))[0]
        except (DecodingError, ValueError, TypeError):
            return None

    def balance(self, account: str) -> int:
        """An account's tokens in the smallest unit."""
        return int(self.call("balanceOf", Web3.to_checksum_address(account)))

    def symbol(self) -> str:
        """The token's short name."""
        return str(self.call("symbol"))

    def decimals(self) -> int:
        """How many digits of an amount stand behind the point."""
        return int(self.call("decimals"))

    def name(self) -> str:
        """The token's name, which is part of the domain that its permits are signed for."""
        return str(self.call("name"))

    def domain_separator(self) -> bytes:
        """What its permits are signed for (EIP-2612)."""
        return bytes(self.call("DOMAIN_SEPARATOR"))

    def nonce(self, account: str) -> int:
        """How many permits of the account were used."""
        return int(self.call("nonces", Web3.to_checksum_address(account)))

    def allowance(self, owner: str, spender: str) -> int:
        """How much a contract may take of an account."""
        return int(self.call("allowance", Web3.to_checksum_address(owner), Web3.to_checksum_address(spender)))

    def approve(self, account: Account, spender: str, amount_wei: int) -> Receipt:
        """Lets a contract take this much."""
        return self.send(account, "approve", spender, amount_wei)

    def allow(self, account: Account, spender: str, amount_wei: int) -> None:
        """Lets a contract take at least this much. Some tokens let no allowance be changed but to 0 or from it: that of
        a try that failed would stay for good."""
        allowed = self.allowance(account.address, spender)
        if allowed >= amount_wei:
            return
        if allowed > 0:
            self.approve(account, spender, 0)
        self.approve(account, spender, amount_wei)

    def transfer(self, account: Account, to: str, amount_wei: int) -> Receipt:
        """Sends tokens."""
        return self.send(account, "transfer", to, amount_wei)

    def mint(self, account: Account, to: str, amount_wei: int) -> Receipt:
        """Makes tokens of the development chain."""
        return self.send(account, "mint", to, amount_wei)


class WrappedNative(Token):
    """The chain's native coin as a token: what stakes are in."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "WrappedNative")

    def takes_native(self, sender: str) -> bool:
        """Whether it would take a wei from this account, and counts in the 18 decimals of native coin."""
        deposit = {"from": sender, "to": self.address, "value": "0x1", "data": self._contract.encode_abi("deposit")}
        try:
            self.chain.rpc("eth_call", deposit, "latest")
        except Web3RPCError as error:
            if _is_of_the_code(error):
                return False
            raise failed("deposit", error) from error
        return bool(self.told("decimals", "uint8") == 18)

    def wrap(self, account: Account, value_wei: int) -> Receipt:
        """Turns native coin into tokens."""
        return self.send(account, "deposit", value_wei=value_wei)


def _is_of_the_code(error: Web3RPCError) -> bool:
    """Whether a called contract failed; else the endpoint did, by a limit of requests for one."""
    told: Any = (error.rpc_response or {}).get("error")
    reverted = isinstance(told, dict) and (told.get("code") == 3 or str(told.get("data")).startswith("0x"))
    message = message_of(error).lower().replace(" ", "")
    return reverted or any(word in message for word in _OF_THE_CODE)


def deploy(chain: Chain, account: Account, name: str, *args: Any) -> tuple[Address, Receipt]:
    """Creates a contract from its committed bytecode."""
    found = artifact(name)
    entries: Any = found.entries
    factory = chain.web3.eth.contract(abi=entries, bytecode=found.bytecode)
    data = factory.constructor(*args).data_in_transaction
    receipt = transact(chain, account, Call(f"deploy {name}", None, data))
    return Address(Web3.to_checksum_address(str(receipt.created))), receipt
