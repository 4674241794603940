"""A connection to a chain. What goes wrong with the endpoint is ChainUnreachable or ChainMismatch, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import requests
from eth_typing import HexStr
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import BadResponseFormat, BlockNotFound, Web3RPCError
from web3.types import FilterParams, LogReceipt, RPCEndpoint, RPCResponse

from oracle.errors import ChainMismatch, ChainUnreachable, RangeRefused

if TYPE_CHECKING:
    from oracle.chain.outbox import Outbox

FEE_CAP_WEI = 500 * 10**9
"""The most that is offered for a unit of gas, unless a setting says otherwise."""
_TOO_MUCH = (400, 413, 504)
"""The statuses with which endpoints refuse a range of logs."""


_PLAIN = (
    "eth_blockNumber",
    "eth_feeHistory",
    "eth_getBalance",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
)
"""What any chain can answer: an error here is the endpoint's, such as a limit of requests, and no contract's."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header; hashes as 0x-hex, time in Unix seconds."""

    number: int
    hash: str
    parent: str
    timestamp_s: int


@dataclass(frozen=True, slots=True)
class Chain:
    """One endpoint of one chain, and how transactions are sent there: for how much at most, and where it is kept what
    was sent, if anywhere. Not to be carried over a fork: a child process connects anew."""

    rpc_url: str
    chain_id: int
    web3: Web3 = field(repr=False, compare=False)
    fee_cap_wei: int = FEE_CAP_WEI
    outbox: Outbox | None = field(default=None, repr=False, compare=False)

    def head(self) -> Block:
        """The newest block."""
        return _block(self.web3.eth.get_block("latest"))

    def block(self, number: int) -> Block | None:
        """The block of this number in the chain as it is now, or None."""
        try:
            return _block(self.web3.eth.get_block(number))
        except BlockNotFound:
            return None

    def logs(self, contracts: Sequence[str], first: int, last: int) -> list[LogReceipt]:
        """The contracts' logs of the blocks `first` to `last`, in order.

        Raises: RangeRefused if the endpoint will not look through so many blocks at once.
        """
        return self._logs({"address": list(contracts), "fromBlock": first, "toBlock": last}, first, last)

    def logs_of(self, contracts: Sequence[str], block: Block) -> list[LogReceipt]:
        """The contracts' logs of this very block (EIP-234), in order. Asked for a range instead, an endpoint that is
        many machines may answer from one that has not come so far, which finds nothing there.

        Raises: RangeRefused, also if the endpoint does not have the block.
        """
        return self._logs({"address": list(contracts), "blockHash": block.hash}, block.number, block.number)

    def _logs(self, wanted: dict[str, Any], first: int, last: int) -> list[LogReceipt]:
        try:
            found = self.web3.eth.get_logs(cast(FilterParams, wanted))
        except (Web3RPCError, _StatusRefused) as error:
            raise RangeRefused(first, last, str(error)) from error
        return sorted(found, key=lambda log: (log["blockNumber"], log["logIndex"]))

    def balance(self, account: str) -> int:
        """An account's native coin, in wei."""
        return self.web3.eth.get_balance(Web3.to_checksum_address(account))

    def code(self, address: str) -> bytes:
        """The contract at the address; nothing where there is none."""
        return bytes(self.web3.eth.get_code(Web3.to_checksum_address(address)))

    def has_code(self, address: str) -> bool:
        """Whether a contract stands at the address."""
        return len(self.code(address)) > 0

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of any method of the endpoint; development chains have many of their own."""
        response = self.web3.provider.make_request(RPCEndpoint(method), list(params))
        if "error" in response:
            raise Web3RPCError(str(response["error"]), rpc_response=response)
        return response["result"]


def connect(rpc_url: str, expect_chain: int | None = None, timeout_s: float = 10) -> Chain:
    """Asks the endpoint which chain it is.

    Raises: ChainUnreachable if it does not answer; ChainMismatch if it is not the chain `expect_chain`.
    """
    web3 = Web3(_Provider(rpc_url, timeout_s), middleware=[], ens=None)
    try:
        chain_id = int(web3.eth.chain_id)
    except (Web3RPCError, ValueError, TypeError) as error:
        raise ChainUnreachable(_sentence(rpc_url, "does not say which chain it is")) from error
    if expect_chain not in (None, chain_id):
        raise ChainMismatch(f"{origin(rpc_url)} is chain {chain_id}, not {expect_chain}: correct MIRRORBOND_RPC_URL")
    return Chain(rpc_url, chain_id, web3)


def origin(rpc_url: str) -> str:
    """The URL's scheme, host and port: what may be shown, for a path or query may hold a key."""
    parts = urlsplit(rpc_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class _StatusRefused(ChainUnreachable):
    """An HTTP status that may mean that too much was asked at once."""


class _Provider(HTTPProvider):
    """Asks once, within a time limit, and says in one sentence what went wrong."""

    # A token's revert may name any URL (EIP-3668): nobody tells this process where to connect.
    global_ccip_read_enabled = False

    def __init__(self, rpc_url: str, timeout_s: float) -> None:
        super().__init__(rpc_url, {"timeout": timeout_s}, exception_retry_configuration=None)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One JSON-RPC request."""
        try:
            response = _checked(super().make_request(method, params))
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            problem = f"answers with the HTTP status {status}"
            raise (_StatusRefused if status in _TOO_MUCH else ChainUnreachable)(
                _sentence(str(self.endpoint_uri), problem)
            ) from error
        except requests.Timeout as error:
            raise _StatusRefused(_sentence(str(self.endpoint_uri), "does not answer in time")) from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise ChainUnreachable(_sentence(str(self.endpoint_uri), "is no http(s) URL")) from error
        except requests.RequestException as error:
            raise ChainUnreachable(_sentence(str(self.endpoint_uri), "does not answer")) from error
        except (ValueError, BadResponseFormat) as error:
            raise ChainUnreachable(_sentence(str(self.endpoint_uri), "does not speak JSON-RPC")) from error
        if method in _PLAIN and "error" in response:
            raise ChainUnreachable(_sentence(str(self.endpoint_uri), f"refuses {method} ({_words(response)})"))
        return response


def _sentence(rpc_url: str, problem: str) -> str:
    return f"the chain's endpoint {origin(rpc_url)} {problem}: check MIRRORBOND_RPC_URL"


def _checked(response: Any) -> RPCResponse:
    if not isinstance(response, dict) or not response.keys() & {"result", "error"}:
        raise ValueError("no JSON-RPC response")
    return cast(RPCResponse, response)


def _words(response: RPCResponse) -> str:
    """An error's text, on one line."""
    told: Any = response["error"]
    return " ".join(str(told.get("message", told) if isinstance(told, dict) else told).split())[:200]


def _block(header: Any) -> Block:
    return Block(header["number"], hex0x(header["hash"]), hex0x(header["parentHash"]), header["timestamp"])


def hex0x(value: bytes | str) -> str:
    """Bytes as 0x and lower-case hexadecimal digits."""
    return HexBytes(HexStr(value) if isinstance(value, str) else value).to_0x_hex()
