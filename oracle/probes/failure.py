"""From libcurl's error codes to our reasons."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pycurl

from oracle.model import Reason

_E_PROXY = 97  # CURLE_PROXY, which pycurl has no name for
_OURS = frozenset(
    {pycurl.E_FAILED_INIT, pycurl.E_OUT_OF_MEMORY, pycurl.E_SSL_CACERT_BADFILE, pycurl.E_BAD_FUNCTION_ARGUMENT}
    | {pycurl.E_UNKNOWN_OPTION, pycurl.E_SSL_ENGINE_NOTFOUND, pycurl.E_SSL_CIPHER, pycurl.E_NOT_BUILT_IN}
    | {pycurl.E_ABORTED_BY_CALLBACK, pycurl.E_INTERFACE_FAILED, pycurl.E_COULDNT_RESOLVE_PROXY, _E_PROXY}
)
_TLS = frozenset(
    {pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CERTPROBLEM, pycurl.E_SSL_ISSUER_ERROR}
    | {pycurl.E_SSL_INVALIDCERTSTATUS, pycurl.E_SSL_PINNEDPUBKEYNOTMATCH}
)
_CUT = frozenset({pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_GOT_NOTHING, pycurl.E_PARTIAL_FILE})
_RETRIED = _CUT | {pycurl.E_COULDNT_CONNECT, pycurl.E_SSL_CONNECT_ERROR}
_LACKING = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_UNREACHABLE = errno.ENETUNREACH


def reason_of(code: int, *, answered: bool, os_errno: int, has_route: Callable[[], bool]) -> Reason:
    """What a failed transfer says of the server; `answered` if any byte of an answer came.

    What is this node's own fault (no memory, no IPv6) is NOT_MEASURED. That a network cannot be reached is no proof of
    that, since any router on the way may say so: `has_route` tells whether this node knows a way itself.
    """
    if code in _OURS:
        return Reason.NOT_MEASURED
    if code == pycurl.E_COULDNT_CONNECT and (os_errno in _LACKING or (os_errno == _UNREACHABLE and not has_route())):
        return Reason.NOT_MEASURED
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return Reason.TIMEOUT
    if code in _TLS:
        return Reason.TLS
    if code == pycurl.E_COULDNT_CONNECT or (code in _CUT and not answered):
        return Reason.CONNECT
    if code == pycurl.E_FILESIZE_EXCEEDED:
        return Reason.TOO_LARGE
    return Reason.PROTOCOL


def is_connection_error(code: int) -> bool:
    """Whether another attempt may help: the connection failed or broke, nothing was judged."""
    return code in _RETRIED
