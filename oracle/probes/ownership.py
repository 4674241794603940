"""Does this host name this operator? Asked with each admission and once an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oracle.errors import InvalidInput
from oracle.fields import parse_json
from oracle.manifest import OWNERSHIP_PATH
from oracle.model import Address, Reason
from oracle.probes.address import Located, Lookup, locate
from oracle.probes.engine import CONCURRENCY, fetch_all
from oracle.probes.exchange import Request, Response, clean
from oracle.probes.integrity import Judgement

WELL_KNOWN = f"/{OWNERSHIP_PATH}"
SPEC = 1
_LONGEST = 64 * 1024
_MEND = f"serve {WELL_KNOWN} with your address as operator"


@dataclass(frozen=True, slots=True)
class Claim:
    """An operator says that the host of `url` is theirs."""

    url: str
    operator: Address
    timeout_ms: int = 10_000


def check_owners(
    claims: Sequence[Claim],
    budget_s: float,
    *,
    allow_loopback: bool = False,
    concurrency: int = CONCURRENCY,
    ca_file: str | None = None,
    lookup: Lookup | None = None,
) -> list[Judgement]:
    """For each claim UP, or why not, in the order given: NOT_OWNER for an answer that names nobody or another."""
    located = locate([claim.url for claim in claims], budget_s / 3, allow_loopback=allow_loopback, lookup=lookup)
    asked = [index for index, place in enumerate(located) if place.address]
    requests = [request_for(located[index], claims[index].timeout_ms) for index in asked]
    responses = fetch_all(requests, budget_s, concurrency=concurrency, ca_file=ca_file)
    found = {index: judge(response, claims[index].operator) for index, response in zip(asked, responses, strict=True)}
    return [found.get(index, (place.reason or Reason.DNS, place.detail)) for index, place in enumerate(located)]


def request_for(located: Located, timeout_ms: int) -> Request:
    """The request for the document at the origin of a URL that could be located.

    Raises: ValueError for one that could not.
    """
    if located.base is None or not located.address:
        raise ValueError("not located")
    return Request(
        located.base.origin + WELL_KNOWN,
        located.address,
        timeout_ms=timeout_ms,
        max_bytes=_LONGEST,
        keep_body=True,
        retries=1,
        dns_ms=located.dns_ms,
    )


def judge(response: Response, operator: Address) -> Judgement:
    """UP if the document names `operator`; NOT_OWNER if the host answers otherwise; else why there is no answer."""
    if response.reason is Reason.TOO_LARGE:
        return Reason.NOT_OWNER, f"{WELL_KNOWN} has more than {_LONGEST} bytes"
    if response.reason is not None:
        return response.reason, response.detail
    if response.status != 200:
        return Reason.NOT_OWNER, f"{WELL_KNOWN} answered {response.status}; {_MEND}"
    try:
        document = parse_json(WELL_KNOWN, response.body or b"")
    except InvalidInput as error:
        return Reason.NOT_OWNER, clean(str(error))
    return _judge_document(document, operator)


def _judge_document(document: Any, operator: Address) -> Judgement:
    named = document.get("operator") if isinstance(document, dict) else None
    if not isinstance(named, str):
        return Reason.NOT_OWNER, f"{WELL_KNOWN} names no operator; {_MEND}"
    if document.get("spec") != SPEC or isinstance(document.get("spec"), bool):
        return Reason.NOT_OWNER, f'{WELL_KNOWN} does not say "spec": {SPEC}'
    if named.lower() != operator.lower():
        return Reason.NOT_OWNER, f"{WELL_KNOWN} names another operator; {_MEND}"
    return Reason.UP, ""
