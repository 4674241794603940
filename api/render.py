"""Templates: everything that goes into one is escaped, and a name that is not there is an error."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import jinja2

from api import plots, words
from oracle.model import Reason
from oracle.store.moment import shown
from oracle.words import LABELS


def link(url: str) -> str | None:
    """The URL if a browser may follow it: strangers choose it, and "javascript:" is a URL too."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and "\ufffd" not in url else None


def host(url: str) -> str:
    """The part of a URL that tells mirrors apart: host and port; all of it if it has none."""
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def behind_host(url: str) -> str:
    """The part of a URL behind its host."""
    return url.partition(host(url))[2].rstrip("/")


@cache
def static_version() -> str:
    """Changes with the style sheet, so that browsers may keep it for long."""
    return hashlib.sha256((resources.files("api") / "static" / "style.css").read_bytes()).hexdigest()[:12]


@cache
def environment() -> jinja2.Environment:
    """The templates of this package."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("api"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (words.amount, words.weight, words.n_eff, words.percent, words.span, words.short, words.grouped)
    made.filters |= {function.__name__: function for function in filters}
    made.filters |= {"link": link, "host": host, "behind_host": behind_host, "shown": shown}
    made.globals |= {"words": words, "LABELS": LABELS, "plots": plots, "Reason": Reason, "version": static_version}
    return made


def render(template: str, /, **values: Any) -> str:
    """A template with its values."""
    return environment().get_template(template).render(values)
