import pytest

from oracle.errors import InvalidInput
from oracle.probes.url import LONGEST_URL, may_redirect, parse_url


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://app.example", "https://app.example"),
        ("HTTPS://App.Example:443/", "https://app.example"),
        ("http://app.example:80/a/b/", "http://app.example/a/b"),
        ("http://app.example:8080", "http://app.example:8080"),
        ("https://xn--bcher-kva.example/a%20b/~c", "https://xn--bcher-kva.example/a%20b/~c"),
        ("http://127.1.3.1:8001", "http://127.1.3.1:8001"),
        ("http://[2001:DB8:0::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://localhost:8001", "http://localhost:8001"),
    ],
)
def test_a_base_url_has_one_canonical_form(written: str, canonical: str) -> None:
    assert str(parse_url(written)) == canonical
    assert str(parse_url(canonical)) == canonical


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:secret@app.example/", "credentials"),
        ("https://user@app.example/", "credentials"),
        ("https://@app.example/", "credentials"),
        ("https://app.example/?a=1", "query"),
        ("https://app.example/?", "query"),
        ("https://app.example/#top", "fragment"),
        ("ftp://app.example/", "http://"),
        ("file:///etc/passwd", "http://"),
        ("app.example", "http://"),
        ("", "http://"),
        ("https:app.example", "http://"),
        ("https:///a", "no host"),
        ("https://:8080/", "no host"),
        ("https://app.example:0/", "port"),
        ("https://app.example:65536/", "port"),
        ("https://app.example:1e3/", "port"),
        ("https://app.example:/", "port"),
        ("https://[2001:db8::1]:x/", "port"),
        ("http://app.example:22/", "browsers refuse"),
        ("http://app.example:6667/", "browsers refuse"),
        ("http://2130706433/", "203.0.113.7"),
        ("http://0x7f000001/", "203.0.113.7"),
        ("http://0x7f.1/", "203.0.113.7"),
        ("http://0177.0.0.1/", "203.0.113.7"),
        ("http://127.1/", "203.0.113.7"),
        ("http://1.2.3.4.5/", "203.0.113.7"),
        ("http://app.example.0x/", "203.0.113.7"),
        ("http://[::ffff:127.0.0.1]/", "disguise"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[fe80::1%eth0]/", "zone"),
        ("http://[v1.a]/", "IPv6"),
        ("http://[::1/", "IPv6"),
        ("http://[2001:db8::1]app.example/", "IPv6"),
        ("http://2001:db8::1/", "no address"),
        ("http://app.example:80:80/", "port"),
        ("http://app.example./", "host name"),
        ("http://.app.example/", "host name"),
        ("http://app..example/", "host name"),
        ("http://-app.example/", "host name"),
        ("http://app%2eexample/", "host name"),
        (f"http://{'a' * 64}.example/", "host name"),
        ("http://bücher.example/", "ASCII"),
        ("http://app.example/a b", "blank"),
        ("http://app.example/\t", "blank"),
        (" http://app.example/", "blank"),
        ("http://app.example\\@other.example/", "blank"),
        ("http://app.example/a\nb", "blank"),
        ("http://app.example/a/../b", ". or .."),
        ("http://app.example/%2e%2E/b", ". or .."),
        ("http://app.example/./b", ". or .."),
        ("http://app.example//b", "double slash"),
        ("http://app.example/%zz", "%XX"),
        ("http://app.example/[", "%XX"),
        (f"http://app.example/{'a' * LONGEST_URL}", "characters"),
    ],
)
def test_a_url_that_cannot_be_used_gets_one_sentence_with_its_mend(url: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_url(url, "mirror")
    assert told in str(caught.value)
    assert str(caught.value).startswith("mirror: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://operator:hunter2@app.example:99999999/", "https://operator:hunter2"])
def test_a_refused_credential_is_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


def test_a_file_is_joined_below_the_base() -> None:
    assert parse_url("https://app.example/base/").join("a%20b/c.txt") == "https://app.example/base/a%20b/c.txt"


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("http://app.example/other?q=1#x", True),
        ("http://APP.example:80/", True),
        ("https://app.example/", True),
        ("https://app.example:8443/", True),
        ("http://app.example:8080/", False),
        ("http://www.app.example/", False),
        ("http://u:p@app.example/", False),
        ("file:///etc/passwd", False),
        ("gopher://app.example/", False),
        ("", False),
    ],
)
def test_a_redirect_stays_on_the_host(location: str, followed: bool) -> None:
    assert may_redirect("http://app.example/file", location) is followed


def test_a_redirect_never_goes_from_https_to_http() -> None:
    assert not may_redirect("https://app.example/", "http://app.example/")
