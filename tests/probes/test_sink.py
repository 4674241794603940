import gzip
import hashlib
import tracemalloc
import zlib

from oracle.probes.sink import Decoder, Sink


def sink_of(
    max_bytes: int = 100, status: bytes = b"HTTP/1.1 200 OK\r\n", max_header_bytes: int = 100, keep_body: bool = False
) -> Sink:
    sink = Sink()
    sink.header(b"HTTP/1.1 500 No\r\nServer: before\r\n\r\n")
    sink.write(b"before")
    sink.reset(max_bytes, max_header_bytes, keep_body=keep_body)
    sink.header(status)
    return sink


def test_the_body_is_counted_and_hashed_piece_by_piece() -> None:
    sink = sink_of()
    sink.write(b"ab")
    sink.write(b"c")
    assert (sink.length, sink.digest()) == (3, hashlib.sha256(b"abc").hexdigest())
    assert sink.body() is None


def test_the_body_is_kept_only_if_asked_for() -> None:
    sink = sink_of(keep_body=True)
    sink.write(b"ab")
    assert sink.body() == b"ab"


def test_one_byte_over_the_cap_stops_the_transfer() -> None:
    sink = sink_of(max_bytes=3)
    assert sink.write(b"abc") is None
    assert sink.write(b"d") == -1
    assert sink.stopped == "body"


def test_the_body_of_another_status_than_200_is_not_read() -> None:
    sink = sink_of(status=b"HTTP/1.1 404 Not Found\r\n")
    assert sink.write(b"abc") == -1
    assert (sink.stopped, sink.length) == ("status", 0)


def test_headers_over_the_cap_end_the_transfer_with_the_first_of_the_body_and_are_not_kept() -> None:
    sink = sink_of(max_header_bytes=64)
    sink.header(b"Server: " + b"a" * 60)
    assert sink.write(b"abc") == -1
    assert (sink.stopped, sink.length, sink.headers) == ("headers", 0, {})


def test_the_trailers_of_a_body_are_no_part_of_the_head_that_was_read() -> None:
    sink = sink_of()
    sink.header(b"\r\n")
    sink.write(b"abc")
    sink.header(b"HTTP/1.1 500 No\r\nServer: x\r\n")
    sink.finish()
    assert (sink.status, sink.headers, sink.whole_head) == (200, {}, True)


def test_an_interim_answer_does_not_pass_its_headers_on() -> None:
    sink = sink_of(status=b"HTTP/1.1 103 Early Hints\r\n")
    sink.header(b"Server: early\r\n")
    sink.header(b"HTTP/1.1 200 OK\r\n")
    sink.finish()
    assert (sink.status, sink.headers) == (200, {})


def test_headers_are_stored_by_name_and_without_control_characters() -> None:
    sink = sink_of()
    sink.header(b"SERVER:  a\x1b\xff \r\n")
    sink.header(b"Set-Cookie: a=b\r\n")
    sink.finish()
    assert sink.headers == {"server": "a??"}


def bare(body: bytes, level: int = 6) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def test_a_packed_body_is_hashed_unpacked_too() -> None:
    for encoding, packed in (
        ("gzip", gzip.compress(b"abc" * 50, mtime=0)),
        ("x-gzip", gzip.compress(b"abc" * 50, mtime=0)),
        ("Deflate", zlib.compress(b"abc" * 50)),
        ("deflate", zlib.compress(b"abc" * 50, 0)),
        ("deflate", bare(b"abc" * 50)),
        ("deflate", bare(b"abc" * 50, 0)),
    ):
        sink = sink_of(max_bytes=300)
        sink.header(f"Content-Encoding: {encoding}\r\n".encode())
        for index in range(len(packed)):
            sink.write(packed[index : index + 1])
        assert sink.decoded() == hashlib.sha256(b"abc" * 50).hexdigest()


def test_an_empty_body_packed_is_whole() -> None:
    for packed in (gzip.compress(b"", mtime=0), zlib.compress(b""), bare(b"")):
        decoder = Decoder(10)
        decoder.feed(packed)
        assert decoder.digest() == hashlib.sha256(b"").hexdigest()


def test_a_cut_or_broken_packed_body_has_no_inside() -> None:
    for packed in (gzip.compress(b"abc" * 50, mtime=0)[:-1], bare(b"abc" * 50)[:-1], b"no gzip at all", b"x", b""):
        decoder = Decoder(1000)
        decoder.feed(packed)
        assert decoder.digest() is None


def test_a_bomb_takes_no_memory_and_has_no_inside_beyond_the_cap() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    decoder = Decoder(1024 * 1024)
    tracemalloc.start()
    decoder.feed(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024
    assert decoder.digest() is None


def test_an_unknown_encoding_is_not_unpacked() -> None:
    assert Decoder.of("br", 10) is None
    assert Decoder.of("", 10) is None
