from pathlib import Path

import pytest

from oracle.errors import InvalidInput
from oracle.model import Place
from oracle.probes.placement import atlas, load_table, parse_table, place_of

TABLE = """{
  "127.1.0.0/16": {"asn": 64500, "country": "FR"},
  "127.1.3.0/24": {"asn": 64503, "country": "DE", "platform": "shared"},
  "2001:db8:3::/48": {"asn": 64510}
}"""


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.1.3.9", Place("127.1.3.9", "127.1.3.0/24", 64503, "DE", "shared")),
        ("127.1.4.9", Place("127.1.4.9", "127.1.4.0/24", 64500, "FR")),
        ("127.2.4.9", Place("127.2.4.9", "127.2.4.0/24", 0, "")),
        ("2001:db8:3:4::5", Place("2001:db8:3:4::5", "2001:db8:3::/48", 64510, "")),
        ("2001:db8:4::5", Place("2001:db8:4::5", "2001:db8:4::/48", 0, "")),
    ],
)
def test_the_longest_prefix_that_holds_an_address_places_it(address: str, place: Place) -> None:
    assert place_of(address, parse_table(TABLE)) == place


@pytest.mark.parametrize("disguise", ["::ffff:127.1.3.9", "64:ff9b::7f01:309", "2002:7f01:309::1"])
def test_an_ipv4_address_in_disguise_is_in_the_same_place(disguise: str) -> None:
    table = parse_table(TABLE)
    assert place_of(disguise, table) == place_of("127.1.3.9", table)


def test_without_a_table_only_the_prefix_is_known() -> None:
    assert place_of("8.8.4.4") == Place("8.8.4.4", "8.8.4.0/24", 0, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "JSON"),
        ('{"127.1.3.0/24": {}, "127.1.3.0/24": {}}', "twice"),
        ("[]", "object of prefixes"),
        ('{"127.1.3.1/24": {}}', "127.1.3.1/24"),
        ('{"here": {}}', "here"),
        ('{"127.1.3.0/24": 7}', "object of asn"),
        ('{"127.1.3.0/24": {"as": 7}}', "object of asn"),
        ('{"127.1.3.0/24": {"asn": "7"}}', "asn"),
        ('{"127.1.3.0/24": {"asn": true}}', "asn"),
        ('{"127.1.3.0/24": {"asn": 4294967296}}', "asn"),
        ('{"127.1.3.0/24": {"country": "Germany"}}', "country"),
        ('{"127.1.3.0/24": {"country": "de"}}', "country"),
        ('{"127.1.3.0/24": {"platform": 7}}', "platform"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_entry(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match="placement table") as caught:
        parse_table(text)
    assert told in str(caught.value)


def test_a_table_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(TABLE)
    assert place_of("127.1.3.9", load_table(tmp_path / "table.json")).asn == 64503
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_table(tmp_path / "none.json")


def test_real_networks_are_known_from_the_data_shipped() -> None:
    assert place_of("::ffff:95.216.1.9", atlas()) == Place("95.216.1.9", "95.216.1.0/24", 24940, "DE")
    assert place_of("185.199.108.153", atlas()).platform == "github-pages"


def test_the_name_that_led_to_an_address_tells_its_platform() -> None:
    assert place_of("3.120.1.1", atlas(), ["www.example", "site.netlify.app"]).platform == "netlify"
    assert place_of("3.120.1.1", atlas(), ["www.example"]).platform == ""


def test_a_table_takes_no_notice_of_names() -> None:
    assert place_of("127.1.3.9", parse_table(TABLE), ["site.netlify.app"]).platform == "shared"
