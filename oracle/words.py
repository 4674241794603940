"""What every reason is called: in a table, and as the end of a sentence. The one place for both. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from oracle.model import Reason

LABELS: Mapping[Reason, str] = {
    Reason.UP: "up",
    Reason.NOT_MEASURED: "not measured",
    Reason.SELF_DOUBT: "the prober's own network or clock was in doubt",
    Reason.DISPUTED: "the members disagreed",
    Reason.RELEASE_UNREAD: "the release could not be read from its source",
    Reason.DNS: "its name did not resolve",
    Reason.ADDRESS_REFUSED: "its name leads to an address that may not be probed",
    Reason.CONNECT: "no connection",
    Reason.TIMEOUT: "no answer in time",
    Reason.TLS: "no valid TLS",
    Reason.PROTOCOL: "its answer broke off or was not HTTP",
    Reason.HTTP_STATUS: "its answer was an error",
    Reason.REDIRECT: "it redirected to another host",
    Reason.TOO_LARGE: "its answer was too large",
    Reason.WRONG_BYTES: "wrong bytes",
    Reason.CHECK_FAILED: "a declared check failed",
    Reason.STALE_RELEASE: "an old release whose grace is over",
    Reason.HIDDEN: "it answers the known probers only",
    Reason.NOT_OWNER: "the host does not name this operator",
    Reason.NOT_ADMITTED: "not yet read completely",
    Reason.SAME_OPERATOR: "same operator as a mirror ranked above",
    Reason.SAME_ADDRESS: "same address as a mirror ranked above",
    Reason.SAME_PREFIX: "same address block as a mirror ranked above",
    Reason.SAME_NETWORK: "same network and region as mirrors ranked above",
    Reason.STANDBY: "standby: mirrors ranked above reached the target",
    Reason.RELAYING: "it relays the primary",
    Reason.SLOW: "slow",
    Reason.UNTESTED: "not yet tested by an outage",
    Reason.FAILED_OUTAGES: "failed its last two outages",
    Reason.DRY: "the fund could not pay this epoch",
    Reason.MISSED: "no report came in time",
    Reason.GIVEN_UP: "the weights were not revealed in time",
    Reason.VOIDED: "voided",
}
"""For tables and badges: a few words, each reason its own."""

_NODES_FAULT = ", which counts for nothing unless one of higher rank was measured then"

MEANINGS: Mapping[Reason, str] = {
    Reason.UP: "it was up and counted in full",
    Reason.NOT_MEASURED: "too few nodes measured it" + _NODES_FAULT,
    Reason.SELF_DOUBT: "the nodes' own network or clock was in doubt" + _NODES_FAULT,
    Reason.DISPUTED: "as many members saw it up as down, which counts as not up where they could judge the primary",
    Reason.RELEASE_UNREAD: "the release could not be read from its source" + _NODES_FAULT,
    Reason.DNS: "its name did not resolve",
    Reason.ADDRESS_REFUSED: "its name led to an address that may not be probed",
    Reason.CONNECT: "it could not be connected to, twice",
    Reason.TIMEOUT: "it did not answer in time",
    Reason.TLS: "its TLS certificate was not valid",
    Reason.PROTOCOL: "its answer was cut off or not HTTP",
    Reason.HTTP_STATUS: "it answered with an error",
    Reason.REDIRECT: "it redirected to another host",
    Reason.TOO_LARGE: "its answer was too large",
    Reason.WRONG_BYTES: "it served other bytes than released, which makes the whole epoch's weight 0",
    Reason.CHECK_FAILED: "a check that the release declares did not hold",
    Reason.STALE_RELEASE: "it served an old release whose grace is over",
    Reason.HIDDEN: "it answered the probers' usual addresses or browser only, and nobody else",
    Reason.NOT_OWNER: "its host does not name this operator in /.well-known/mirrorbond.json",
    Reason.NOT_ADMITTED: "it had not been read completely since it registered or since the release",
    Reason.SAME_OPERATOR: "a mirror of higher rank and the same operator counted instead",
    Reason.SAME_ADDRESS: "a mirror of higher rank at the same address counted instead",
    Reason.SAME_PREFIX: "a mirror of higher rank in the same address block counted instead",
    Reason.SAME_NETWORK: "mirrors of higher rank in the same network and region left it a fraction",
    Reason.STANDBY: "mirrors of higher rank had already reached the fund's target",
    Reason.RELAYING: "it was up, but a quorum saw it relay the primary, which makes the whole epoch's weight 0",
}
"""What a reason says of slots, after "In 3 slots". The factors on the whole epoch have sentences of their own."""
