"""A canary looks like any request, and only who has the key can make it or answer it."""

import pytest

from oracle.canary import TOKEN, answer, canary, echo_of, token

KEY, OTHER = bytes(range(32)), bytes(32)


@pytest.mark.parametrize(
    ("like", "pattern"),
    [
        ("/index.html", r"/TOKEN\.html"),
        ("/a/b.min.js", r"/a/TOKEN\.js"),
        ("/a/LICENSE", "/a/TOKEN"),
        ("/.htaccess", "/TOKEN"),
        ("/", "/TOKEN"),
    ],
)
def test_a_canary_lies_beside_a_file_and_is_of_its_kind(like: str, pattern: str) -> None:
    made = canary(KEY, b"12345678", like, as_query=False)
    assert made.url_path == pattern.replace("TOKEN", token(KEY, b"12345678")).replace("\\", "")


def test_or_is_the_file_itself_in_another_version() -> None:
    made = canary(KEY, b"12345678", "/a/index.html", as_query=True)
    assert made.url_path == f"/a/index.html?v={token(KEY, b'12345678')}"


def test_nobody_without_the_key_makes_a_token_or_its_answer() -> None:
    one = token(KEY, b"12345678")
    assert TOKEN.fullmatch(one)
    assert len({one, token(OTHER, b"12345678"), token(KEY, b"12345679")}) == 3
    assert len({answer(KEY, one), answer(OTHER, one), answer(KEY, token(KEY, b"12345679"))}) == 3


def test_a_nonce_has_8_bytes() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        token(KEY, b"short")


def test_an_echo_does_not_tell_whose_it_is_without_the_key() -> None:
    names = {echo_of(key, path) for key in (KEY, OTHER) for path in (".mirrorbond/cold/a", ".mirrorbond/cold/b")}
    assert len(names) == 4
    assert all(TOKEN.fullmatch(name) for name in names)
