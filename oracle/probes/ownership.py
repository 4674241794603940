"""Does this host name this operator? Asked when a mirror registers and once an epoch."""

from __future__ import annotations

from typing import Any

from oracle.errors import InvalidInput
from oracle.fields import parse_json
from oracle.manifest import OWNERSHIP_PATH
from oracle.model import Address, Reason
from oracle.probes.exchange import Response, clean
from oracle.probes.integrity import Judgement

WELL_KNOWN = f"/{OWNERSHIP_PATH}"
SPEC = 1
LONGEST = 64 * 1024
_MEND = f"serve {WELL_KNOWN} with your address as operator"


def judge(response: Response, operator: Address) -> Judgement:
    """UP if the document names `operator`; NOT_OWNER if the host answers otherwise; else why there is no answer."""
    if response.reason is Reason.TOO_LARGE:
        return Reason.NOT_OWNER, f"{WELL_KNOWN} has more than {LONGEST} bytes"
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
