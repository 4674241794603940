"""This node's own control targets: servers known to work, asked to learn of this node and not of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from statistics import median_low

from oracle.probes.address import Lookup, locate
from oracle.probes.engine import fetch_all
from oracle.probes.exchange import Request, Response
from oracle.store.controls import ControlCheck

_BUDGET_S = 12.0
_TIMEOUT_MS = 5_000
_LONGEST_DNS_S = 3.0


def check_controls(
    urls: Sequence[str], *, allow_loopback: bool = False, ca_file: str | None = None, lookup: Lookup | None = None
) -> ControlCheck:
    """Ask each control target once; any HTTP answer will do. The clock is compared with the `date` of the answers."""
    located = locate(urls, _LONGEST_DNS_S, allow_loopback=allow_loopback, lookup=lookup)
    requests = [
        Request(f"{place.base}/", place.address, timeout_ms=_TIMEOUT_MS, max_bytes=0, retries=1)
        for place in located
        if place.base is not None and place.address
    ]
    began = time.time()
    responses = fetch_all(requests, _BUDGET_S, ca_file=ca_file)
    answered = [response for response in responses if response.status]
    skews = [skew for response in answered if (skew := _skew_ms(response, began, time.time())) is not None]
    return ControlCheck(
        at_ms=time.time_ns() // 1_000_000,
        asked=len(urls),
        failed=len(urls) - len(answered),
        skew_ms=median_low(skews) if skews else None,
    )


def _skew_ms(response: Response, began_s: float, ended_s: float) -> int | None:
    """How far this node's clock is ahead, beyond what asking took: a date has whole seconds."""
    try:
        told_s = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if told_s < began_s - 1:
        return int((began_s - 1 - told_s) * 1000)
    return int((ended_s - told_s) * 1000) if told_s > ended_s else 0
