"""Numbers and codes in words: the one place that says how anything is written for people."""

from __future__ import annotations

from collections.abc import Mapping

from oracle.model import ONE, VoteState
from oracle.store.mirrors import Stage
from oracle.store.pages import FundView

UNKNOWN = "unknown"
RENEW_S = 2 * 86_400
"""Even certificates of six days are renewed earlier by machines."""

OUTCOMES: Mapping[str, str] = {
    "paid": "Paid",
    "missed": "Missed",
    "given_up": "Given up",
    "voided": "Voided",
    "running": "Running",
    "awaiting": "Not settled yet",
    "dry": "Dry",
}

RULINGS: Mapping[str, str] = {
    "none": "Challenged",
    "voided": "Challenged, and the arbiter agreed",
    "stands": "Challenged, and it stands",
}
LOCKS: Mapping[str, str] = {
    "locked": "Locked",
    "released": "Released",
    "burned": "Burned",
}

STAGES: Mapping[Stage, str] = {
    Stage.STARTING: "Starting",
    Stage.COUNTING: "Counting",
    Stage.LEAVING: "Leaving",
    Stage.ENDED: "Left",
    Stage.REMOVED: "Removed",
}


def grouped(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}".replace(",", "\u2009")


def decimal(numerator: int, denominator: int, digits: int) -> str:
    """A fraction cut off (never rounded up) after so many digits."""
    scaled = numerator * 10**digits // denominator
    whole, part = divmod(scaled, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def amount(wei: int | None, decimals: int | None) -> str:
    """An amount in whole tokens, at most four digits behind the point; in smallest units where those are unknown."""
    if wei is None:
        return UNKNOWN
    if decimals is None:
        return f"{grouped(wei)} units"
    sign, (whole, part) = "\u2212" if wei < 0 else "", divmod(abs(wei), 10**decimals)
    behind = f"{part:0{decimals}d}"[:4].rstrip("0") if decimals else ""
    if not whole and not behind and part:
        return f"{sign}<0.0001"
    return f"{sign}{grouped(whole)}" + (f".{behind}" if behind else "")


def weight(value: int | None) -> str:
    """A weight or count in full mirrors."""
    return UNKNOWN if value is None else decimal(value, ONE, 3)


def n_eff(value: int | None) -> str:
    """The effective number of mirrors: one digit behind the point."""
    return UNKNOWN if value is None else decimal(value, ONE, 1)


def percent(bps: int | None) -> str:
    """Basis points as per cent, without a needless digit."""
    if bps is None:
        return UNKNOWN
    return f"{decimal(bps, 100, 1).removesuffix('.0')}\u202f%"


def span(seconds: int) -> str:
    """A duration in its largest sensible unit."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{grouped(seconds // length)} {unit}"
    return f"{seconds} s"


def left(until_s: int, now_ms: int) -> str:
    """How long something still lasts."""
    seconds = until_s - now_ms // 1000
    return f"{span(seconds)} left" if seconds > 0 else "its time is over"


def certificate(expires_s: int, now_ms: int) -> str:
    """How long a certificate is still valid, and that it is late where renewal by machines would have been."""
    seconds = expires_s - now_ms // 1000
    if seconds <= 0:
        return "has expired"
    return f"valid for {span(seconds)}" + (": renew it" if seconds < RENEW_S else "")


def short(hexadecimal: str) -> str:
    """Both ends of an address or digest."""
    return f"{hexadecimal[:6]}…{hexadecimal[-4:]}" if len(hexadecimal) > 14 else hexadecimal


def cut(text: str, most: int) -> str:
    """Text no longer than so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{grouped(number)} {one if number == 1 else many or one + 's'}"


def verdict(view: FundView) -> str:
    """How the fund stands, in one line."""
    parts = [_mirrors(view), f"n_eff {n_eff(view.n_eff)}", _runway(view)]
    return f"Primary {view.primary.now.state.value}. {', '.join(parts)}."


def _mirrors(view: FundView) -> str:
    if not view.counting:
        return "No mirrors yet"
    counting = plural(view.counting, "mirror")
    return f"{counting} in unknown state" if view.live is None else f"{view.live} of {counting} live"


def _runway(view: FundView) -> str:
    epochs = view.treasury.runway_epochs
    if epochs is None:
        return "epochs cost nothing"
    return f"the fund lasts {plural(epochs, 'epoch')}" if epochs else "the fund cannot pay another epoch"


def standing(view: FundView) -> str:
    """The verdict's class: "good", "warn", "bad" or "unknown"."""
    primary = view.primary.now.state
    if primary is VoteState.UNKNOWN and not view.live:
        return "unknown"
    if primary is VoteState.UP:
        return "good" if view.live and view.live == view.counting else "warn"
    return "warn" if view.live else "bad"
