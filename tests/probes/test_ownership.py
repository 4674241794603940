import json
import socket
import subprocess
import sys

import pytest

from oracle.model import Address, FundId, MirrorId, Reason
from oracle.probes.exchange import Response
from oracle.probes.ownership import WELL_KNOWN, judge
from oracle.probes.question import owner_question
from oracle.probes.round import Target, ask_round
from tests.fixtures.hostile import Hostile, answer, closed_port, says, serves

OPERATOR = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
RIVAL = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")


def document(body: bytes, status: int = 200) -> Response:
    return Response("http://x" + WELL_KNOWN, "1.2.3.4", status=status, body=body)


def naming(operator: object, **more: object) -> bytes:
    return json.dumps({"spec": 1, "operator": operator, **more}).encode()


@pytest.mark.parametrize("operator", [OPERATOR, OPERATOR.lower(), OPERATOR.upper().replace("X", "x")])
def test_the_operator_is_named_in_any_case(operator: str) -> None:
    assert judge(document(naming(operator, note="and more")), OPERATOR) == (Reason.UP, "")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (naming(RIVAL), "another operator"),
        (naming([OPERATOR]), "names no operator"),
        (naming(None), "names no operator"),
        (b"{}", "names no operator"),
        (b"[]", "names no operator"),
        (b'"0x"', "names no operator"),
        (json.dumps({"spec": 2, "operator": OPERATOR}).encode(), '"spec": 1'),
        (json.dumps({"spec": True, "operator": OPERATOR}).encode(), '"spec": 1'),
        (json.dumps({"operator": OPERATOR}).encode(), '"spec": 1'),
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"spec": 1, "operator": "0x1", "operator": "0x2"}', "not JSON"),
        (b'{"spec": ' + b"9" * 60_000 + b"}", "not JSON"),
        (b"[" * 60_000, "deeper"),
        (b'{"a":' * 10_000, "deeper"),
    ],
)
def test_a_document_that_does_not_name_the_operator_is_not_owner(body: bytes, told: str) -> None:
    reason, detail = judge(document(body), OPERATOR)
    assert reason is Reason.NOT_OWNER
    assert told in detail
    assert len(detail) <= 200


def test_deep_nesting_does_not_overflow_the_stack_beside_web3() -> None:
    """web3 raises the recursion limit so far that json.loads crashes the process instead of raising."""
    script = """
import web3, sys
from tests.probes.test_ownership import OPERATOR, document, judge
assert sys.getrecursionlimit() > 1000
assert judge(document(b"[" * 65536), OPERATOR)[0] == "not_owner"
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_status_is_not_owner_and_no_answer_keeps_its_reason() -> None:
    assert judge(document(b"", 404), OPERATOR)[0] is Reason.NOT_OWNER
    for reason in (Reason.CONNECT, Reason.TIMEOUT, Reason.TLS, Reason.NOT_MEASURED):
        assert judge(Response("http://x", "1.2.3.4", reason=reason, detail="why"), OPERATOR) == (reason, "why")


def heard(*claims: tuple[str, Address], allow_loopback: bool = False) -> list[Reason]:
    targets = [Target(FundId(1), MirrorId(1), url, (owner_question(operator),)) for url, operator in claims]
    return [one.answers[0].reason for one in ask_round(targets, budget_s=5.0, allow_loopback=allow_loopback)]


def test_each_host_is_asked_at_its_origin_and_for_nothing_else() -> None:
    with (
        Hostile(serves({}, OPERATOR), "127.1.1.1") as owned,
        Hostile(serves({}), "127.1.2.1") as bare,
        Hostile(says(answer(b" " * 70_000)), "127.1.3.1") as huge,
    ):
        claims = [
            (owned.url + "/some/base", OPERATOR),
            (owned.url, RIVAL),
            (bare.url, OPERATOR),
            (huge.url, OPERATOR),
            (f"http://127.1.4.1:{closed_port('127.1.4.1')}", OPERATOR),
            ("http://u:p@127.1.1.1/", OPERATOR),
        ]
        found = heard(*claims, allow_loopback=True)
        assert owned.paths() == [WELL_KNOWN, WELL_KNOWN]
    assert found == [
        Reason.UP,
        Reason.NOT_OWNER,
        Reason.NOT_OWNER,
        Reason.NOT_OWNER,
        Reason.CONNECT,
        Reason.ADDRESS_REFUSED,
    ]


def test_no_host_is_asked_at_an_address_that_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        found = heard((f"http://127.0.0.1:{listener.getsockname()[1]}", OPERATOR))
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert found == [Reason.ADDRESS_REFUSED]


def test_the_module_is_imported_without_web3() -> None:
    script = "import sys, oracle.measure, oracle.probes.admission; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=30, check=False).returncode == 0
