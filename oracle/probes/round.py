"""One slot's probes of one shard: each mirror is asked for one file, and a vote comes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from oracle.manifest import ReleaseFile, url_path
from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.placement.platforms import platforms
from oracle.probes.address import Located, Lookup, locate
from oracle.probes.engine import CONCURRENCY, fetch_all
from oracle.probes.exchange import Request, Response
from oracle.probes.integrity import Judgement, cap_of, judge

_LONGEST_DNS_S = 5.0
_NOTHING_SEEN: dict[str, Any] = {"latency_ms": None, "address": None, "rtt_us": None, "platform": ""}


@dataclass(frozen=True, slots=True)
class Target:
    """A mirror, or the primary as PRIMARY, and the file that it is asked for in this slot.

    `previous` is the same path in the release before, if there was one; `previous_counts` while that release is in
    its grace. `delay_ms` is when in the round the probe starts.
    """

    fund: FundId
    mirror: MirrorId
    url: str
    file: ReleaseFile
    previous: ReleaseFile | None = None
    previous_counts: bool = False
    timeout_ms: int = 10_000
    max_file_bytes: int = 64 * 1024 * 1024
    delay_ms: int = 0


def probe_round(
    targets: Sequence[Target],
    *,
    epoch: Epoch,
    slot: Slot,
    budget_s: float,
    allow_loopback: bool = False,
    controls: Sequence[str] = (),
    concurrency: int = CONCURRENCY,
    ca_file: str | None = None,
    lookup: Lookup | None = None,
) -> list[Vote]:
    """A vote for each target, in the order given, within `budget_s` seconds; never raises for what a server does.

    A connection error is retried once, an answer never. While most of the `controls` (URLs) fail, every vote is
    SELF_DOUBT.
    """
    began = time.monotonic()
    urls = [target.url for target in targets] + list(controls)
    limit_s = min(_LONGEST_DNS_S, budget_s / 3)
    located = locate(urls, limit_s, turn=slot, allow_loopback=allow_loopback, lookup=lookup)
    spent_s = time.monotonic() - began
    requests = [_request(target, place, spent_s) for target, place in zip(targets, located, strict=False)]
    requests += [_control(place) for place in located[len(targets) :]]
    asked = [request for request in requests if request is not None]
    answers = iter(fetch_all(asked, budget_s - spent_s, concurrency=concurrency, ca_file=ca_file))
    responses = [None if request is None else next(answers) for request in requests]
    votes = [
        _vote(target, epoch, slot, place, response)
        for target, place, response in zip(targets, located, responses, strict=False)
    ]
    return _doubted(votes) if doubt(responses[len(targets) :]) else votes


def doubt(controls: Sequence[Response | None]) -> bool:
    """Whether this node must doubt itself: more than half of its control targets gave no HTTP answer."""
    failed = sum(response is None or not response.status for response in controls)
    return 2 * failed > len(controls)


def _request(target: Target, located: Located, spent_s: float) -> Request | None:
    if located.base is None or not located.address or target.file.length > target.max_file_bytes:
        return None
    return Request(
        located.base.join(url_path(target.file.path)),
        located.address,
        timeout_ms=target.timeout_ms,
        max_bytes=cap_of(target.file, target.previous, target.max_file_bytes),
        retries=1,
        delay_ms=max(0, target.delay_ms - int(spent_s * 1000)),
        dns_ms=located.dns_ms,
    )


def _control(located: Located) -> Request | None:
    if located.base is None or not located.address:
        return None
    return Request(f"{located.base}/", located.address, max_bytes=0, retries=1)


def _vote(target: Target, epoch: Epoch, slot: Slot, located: Located, response: Response | None) -> Vote:
    reason, detail = _judge(target, located, response)
    up = response is not None and reason is Reason.UP
    return Vote(
        fund=target.fund,
        mirror=target.mirror,
        epoch=epoch,
        slot=slot,
        reason=reason,
        latency_ms=response.phases.total_ms if response is not None and up else None,
        address=located.address if up else None,
        path=target.file.path,
        detail=detail,
        rtt_us=response.phases.rtt_us or None if response is not None and up else None,
        platform=_platform(located) if up else "",
    )


def _platform(located: Located) -> str:
    host = located.base.host if located.base else ""
    return platforms().named([host, located.alias])


def _judge(target: Target, located: Located, response: Response | None) -> Judgement:
    if response is not None:
        return judge(response, target.file, target.previous, previous_counts=target.previous_counts)
    if located.reason is not None:
        return located.reason, located.detail
    return Reason.NOT_MEASURED, f"the file is longer than the fund's {target.max_file_bytes} bytes for a probe"


def _doubted(votes: list[Vote]) -> list[Vote]:
    why = "most of the node's control targets failed"
    return [replace(vote, reason=Reason.SELF_DOUBT, detail=why, **_NOTHING_SEEN) for vote in votes]
