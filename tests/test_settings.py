"""What the environment says is taken exactly, or refused by name."""

from __future__ import annotations

import pytest

from oracle.errors import InvalidInput
from oracle.model import Vantage
from oracle.settings import Settings, settings


@pytest.mark.parametrize(
    ("text", "vantage"),
    [
        ("", None),
        ("50.11,8.68", Vantage(50_110, 8_680)),
        (" -33.8688 , 151.2093 ", Vantage(-33_869, 151_209)),
        ("90,-180", Vantage(90_000, -180_000)),
    ],
)
def test_a_vantage_is_latitude_and_longitude_in_degrees(
    monkeypatch: pytest.MonkeyPatch, text: str, vantage: Vantage | None
) -> None:
    monkeypatch.setenv("MIRRORBOND_VANTAGE", text)
    assert Settings().vantage == vantage


@pytest.mark.parametrize("text", ["50.11", "50.11,8.68,1", "north,east", "90.1,0", "0,180.1", "nan,0", "1e999,0"])
def test_a_vantage_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MIRRORBOND_VANTAGE", text)
    settings.cache_clear()
    with pytest.raises(InvalidInput, match="MIRRORBOND_VANTAGE"):
        settings()
