"""The connection: what goes wrong with the endpoint is one clear sentence."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from web3 import Web3

from oracle.chain.client import connect
from oracle.chain.fees import current_fees
from oracle.devnet.chain import DevChain
from oracle.errors import ChainMismatch, ChainUnreachable, RangeRefused
from tests.fixtures.relay import relaying


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """A web server that answers every request with the status and body of the parameter."""
    status, body = request.param

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/secret-key"
        server.shutdown()
        thread.join()


def one_sentence(error: BaseException) -> str:
    """The text, after making sure that it is one that may be shown."""
    text = str(error)
    assert "\n" not in text
    assert "Traceback" not in text
    assert "secret" not in text
    return text


def test_an_endpoint_that_nobody_listens_at_is_unreachable() -> None:
    with pytest.raises(ChainUnreachable) as error:
        connect("http://user:secret@127.0.0.1:1/secret")
    assert one_sentence(error.value) == (
        "the chain's endpoint http://127.0.0.1:1 does not answer: check MIRRORBOND_RPC_URL"
    )


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8545", "http://", "nonsense", ""])
def test_an_endpoint_that_is_no_url_is_unreachable(url: str) -> None:
    with pytest.raises(ChainUnreachable, match="MIRRORBOND_RPC_URL"):
        connect(url)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ((200, b"<html>hello</html>"), "does not speak JSON-RPC"),
        ((200, b"[]"), "does not speak JSON-RPC"),
        ((200, b'{"jsonrpc": "2.0", "id": 0}'), "does not speak JSON-RPC"),
        ((200, b'{"jsonrpc": "2.0", "id": 0, "error": {"code": -32601, "message": "no"}}'), "does not say which chain"),
        ((401, b"who are you"), "HTTP status 401"),
        ((502, b"later"), "HTTP status 502"),
    ],
    indirect=["endpoint"],
)
def test_an_endpoint_that_is_no_chain_is_unreachable(endpoint: str, problem: str) -> None:
    with pytest.raises(ChainUnreachable, match=problem) as error:
        connect(endpoint)
    one_sentence(error.value)


def test_an_endpoint_that_never_answers_is_given_up_in_time() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as deaf, pytest.raises(ChainUnreachable, match="in time"):
        connect(f"http://127.0.0.1:{deaf.server_port}", timeout_s=0.2)


def test_another_chain_than_expected_is_a_mismatch(chain: DevChain) -> None:
    with pytest.raises(ChainMismatch, match="is chain 31337, not 1"):
        connect(chain.rpc_url, expect_chain=1)
    assert connect(chain.rpc_url, expect_chain=31_337).chain_id == 31_337


def test_a_block_knows_its_parent_and_the_future_has_none(chain: DevChain) -> None:
    chain.mine(3)
    head = chain.chain.head()
    parent = chain.chain.block(head.number - 1)
    assert parent is not None
    assert head.parent == parent.hash
    assert chain.chain.block(head.number + 1) is None


def test_a_range_of_logs_that_the_endpoint_refuses_is_told_apart(chain: DevChain) -> None:
    with pytest.raises(RangeRefused):
        chain.chain.logs(["0x" + "11" * 20], 5, 1)


def test_a_limit_of_requests_is_the_endpoints_fault_in_one_sentence(chain: DevChain) -> None:
    account = "0x" + "11" * 20
    with relaying(chain.rpc_url) as relay:
        limited = connect(relay.url)
        error = {"code": -32005, "message": "too many\nrequests"}
        reads = ("BlockByNumber", "Balance", "Code", "TransactionCount")
        relay.refused = {f"eth_{read}": error for read in ("feeHistory", *(f"get{one}" for one in reads))}
        asked: list[Callable[[], object]] = [
            limited.head,
            lambda: limited.block(1),
            lambda: limited.balance(account),
            lambda: limited.has_code(account),
            lambda: current_fees(limited, "pay"),
            lambda: limited.web3.eth.get_transaction_count(Web3.to_checksum_address(account)),
        ]
        for ask in asked:
            with pytest.raises(ChainUnreachable, match=r"refuses eth_\w+ \(too many requests\)") as refusal:
                ask()
            one_sentence(refusal.value)


def test_the_store_and_the_api_never_load_web3() -> None:
    probe = "import oracle.store.ledger, oracle.store.journal, sys; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
