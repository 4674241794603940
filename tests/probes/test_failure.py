import errno

import pycurl
import pytest

from oracle.model import Reason
from oracle.probes.failure import is_connection_error, reason_of


@pytest.mark.parametrize(
    ("code", "answered", "reason"),
    [
        (pycurl.E_COULDNT_CONNECT, False, Reason.CONNECT),
        (pycurl.E_RECV_ERROR, False, Reason.CONNECT),
        (pycurl.E_GOT_NOTHING, False, Reason.CONNECT),
        (pycurl.E_RECV_ERROR, True, Reason.PROTOCOL),
        (pycurl.E_PARTIAL_FILE, True, Reason.PROTOCOL),
        (pycurl.E_UNSUPPORTED_PROTOCOL, False, Reason.PROTOCOL),
        (pycurl.E_OPERATION_TIMEDOUT, False, Reason.TIMEOUT),
        (pycurl.E_OPERATION_TIMEDOUT, True, Reason.TIMEOUT),
        (pycurl.E_SSL_CONNECT_ERROR, False, Reason.TLS),
        (pycurl.E_PEER_FAILED_VERIFICATION, False, Reason.TLS),
        (pycurl.E_FILESIZE_EXCEEDED, True, Reason.TOO_LARGE),
        (pycurl.E_OUT_OF_MEMORY, False, Reason.NOT_MEASURED),
        (pycurl.E_SSL_CACERT_BADFILE, False, Reason.NOT_MEASURED),
        (99_999, True, Reason.PROTOCOL),
    ],
)
def test_each_failure_has_a_reason(code: int, answered: bool, reason: Reason) -> None:
    assert reason_of(code, answered=answered, os_errno=0, has_route=lambda: True) is reason


@pytest.mark.parametrize(
    ("os_errno", "has_route", "reason"),
    [
        (errno.ENETUNREACH, False, Reason.NOT_MEASURED),
        (errno.ENETUNREACH, True, Reason.CONNECT),  # a router on the way says so
        (errno.EADDRNOTAVAIL, True, Reason.NOT_MEASURED),
        (errno.EAFNOSUPPORT, True, Reason.NOT_MEASURED),
        (errno.ECONNREFUSED, False, Reason.CONNECT),
        (errno.EHOSTUNREACH, False, Reason.CONNECT),
    ],
)
def test_a_node_blames_itself_only_where_it_knows_no_way(os_errno: int, has_route: bool, reason: Reason) -> None:
    connect = pycurl.E_COULDNT_CONNECT
    assert reason_of(connect, answered=False, os_errno=os_errno, has_route=lambda: has_route) is reason


def test_a_broken_connection_is_worth_another_attempt_and_a_judgement_is_not() -> None:
    assert is_connection_error(pycurl.E_COULDNT_CONNECT)
    assert is_connection_error(pycurl.E_PARTIAL_FILE)
    assert not is_connection_error(pycurl.E_PEER_FAILED_VERIFICATION)
    assert not is_connection_error(pycurl.E_OPERATION_TIMEDOUT)
    assert not is_connection_error(0)
