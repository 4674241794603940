import pytest

from oracle.probes.guard import allowed, is_loopback, plain

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "100::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2001::1", "2001:2::1", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::", "3fff::1", "5f00::1", "fc00::1", "fd12::1",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "::127.0.0.1", "::10.0.0.1", "4000::1",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.1.3.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f01:301"]
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "192.88.98.1",
    "198.17.0.1", "198.20.0.1", "223.255.255.255", "2001:200::1", "2606:4700::1111", "2a00:1450::1",
    "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_public_is_refused_even_where_loopback_is_allowed(address: str) -> None:
    assert not allowed(address)
    assert not allowed(address, allow_loopback=True)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_allowed_by_name_only(address: str) -> None:
    assert not allowed(address)
    assert allowed(address, allow_loopback=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_and_their_neighbours_of_refused_ranges_are_allowed(address: str) -> None:
    assert allowed(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "1.2.3.4/32"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not allowed(text, allow_loopback=True)


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("64:ff9b::102:304", "1.2.3.4"),
        ("2002:102:304::9", "1.2.3.4"),
        ("1.2.3.4", "1.2.3.4"),
        ("2a00::1", "2a00::1"),
    ],
)
def test_an_address_inside_another_is_taken_out(address: str, inner: str) -> None:
    assert str(plain(address)) == inner


def test_a_translated_loopback_address_is_not_this_machine() -> None:
    assert not is_loopback("64:ff9b::7f00:1")
    assert not is_loopback("2002:7f00:1::")
    assert is_loopback("::ffff:127.0.0.1")
