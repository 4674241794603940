import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Reason, Slot, Vote, VoteState
from oracle.probes.address import Addresses
from oracle.probes.exchange import Response
from oracle.probes.integrity import Expected, Judgement
from oracle.probes.question import Kind, file_question
from oracle.probes.round import Heard, Target, ask_round
from oracle.probes.route import USUAL
from oracle.probes.verdict import vote_of
from tests.fixtures.hostile import (
    Behaviour,
    Hostile,
    answer,
    closed_port,
    endless,
    in_turn,
    released,
    resets,
    says,
    serves,
    silent,
    zipped,
)

NOW, BEFORE = b"the released bytes", b"the release before"
PATH = "docs/50% off.txt"
FILE, PREVIOUS = released(PATH, NOW), released(PATH, BEFORE)
URL_PATH = "/docs/50%25%20off.txt"

KINDS: dict[str, tuple[Behaviour, Reason]] = {
    "primary": (serves({URL_PATH: NOW}), Reason.UP),
    "honest": (serves({URL_PATH: NOW}), Reason.UP),
    "stale": (serves({URL_PATH: BEFORE}), Reason.STALE_RELEASE),
    "altered": (serves({URL_PATH: b"the altered bytes!"}), Reason.WRONG_BYTES),
    "appending": (serves({URL_PATH: NOW + b"<script>" * 100}), Reason.WRONG_BYTES),
    "endless": (endless(b"x" * 1000, b"HTTP/1.1 200 OK\r\n\r\n"), Reason.WRONG_BYTES),
    "empty file": (serves({URL_PATH: b""}), Reason.WRONG_BYTES),
    "packing": (says(zipped(NOW)), Reason.PROTOCOL),
    "packing another": (says(zipped(b"altered")), Reason.WRONG_BYTES),
    "missing": (serves({}), Reason.HTTP_STATUS),
    "failing": (says(answer(b"", "500 Oops")), Reason.HTTP_STATUS),
    "away": (says(answer(b"", "302 Found", location="http://127.1.99.1/x")), Reason.REDIRECT),
    "silent": (silent, Reason.TIMEOUT),
    "dripping": (endless(b"t", b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n", 0.2), Reason.TIMEOUT),
    "resetting": (resets(), Reason.CONNECT),
    "cutting": (says(answer(NOW)[:-1]), Reason.PROTOCOL),
    "recovering": (in_turn(resets(), serves({URL_PATH: NOW})), Reason.UP),
    "no web server": (says(b"220 smtp ready\r\n"), Reason.PROTOCOL),
}


def target(url: str, mirror: int = 1, delay_ms: int = 0) -> Target:
    question = file_question(Expected(PATH, (FILE,), (PREVIOUS,)), 64 * 1024 * 1024, delay_ms)
    return Target(FundId(1), MirrorId(mirror), url, (question,), timeout_ms=1_500)


def ask(*targets: Target, **options: Any) -> list[Heard]:
    chosen: dict[str, Any] = {"budget_s": 8.0, "allow_loopback": True, **options}
    return ask_round(targets, **chosen)


def probe(*targets: Target, **options: object) -> list[Vote]:
    return [vote_of(heard, Epoch(7), Slot(3)) for heard in ask(*targets, **options)]


@pytest.fixture(scope="module")
def votes() -> Iterator[dict[str, Vote]]:
    """One round over all kinds of servers at once."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(Hostile(behave, f"127.1.{number}.1"))
            for number, (behave, _) in enumerate(KINDS.values(), start=1)
        ]
        cast = probe(*(target(server.url, mirror) for mirror, server in enumerate(servers)))
        yield dict(zip(KINDS, cast, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_server_gets_its_vote(kind: str, votes: dict[str, Vote]) -> None:
    vote = votes[kind]
    assert vote.reason is KINDS[kind][1]
    assert (vote.fund, vote.epoch, vote.slot, vote.path) == (1, 7, 3, PATH)
    if vote.reason is Reason.UP:
        assert vote.latency_ms is not None
        assert 0 < vote.latency_ms < 1_500
        assert vote.address == f"127.1.{vote.mirror + 1}.1"
        assert vote.rtt_us is not None
        assert 0 < vote.rtt_us <= 1_000 * vote.latency_ms
    else:
        assert (vote.latency_ms, vote.address) == (None, None)
        assert 0 < len(vote.detail) <= 200


def test_the_primary_is_probed_like_a_mirror(votes: dict[str, Vote]) -> None:
    assert votes["primary"].mirror == PRIMARY
    assert votes["primary"].state is VoteState.UP


def test_no_vote_repeats_what_a_server_sent(votes: dict[str, Vote]) -> None:
    assert not any("script" in vote.detail or "smtp" in vote.detail for vote in votes.values())


def test_wrong_bytes_are_judged_at_once() -> None:
    with Hostile(serves({URL_PATH: b"the altered bytes!"})) as server:
        probe(target(server.url))
        assert len(server.asked) == 1


def test_a_base_path_stands_before_the_file() -> None:
    with Hostile(serves({f"/base{URL_PATH}": NOW})) as server:
        assert probe(target(server.url + "/base/"))[0].reason is Reason.UP


def test_a_refused_connection_is_connect() -> None:
    assert probe(target(f"http://127.1.1.1:{closed_port()}"))[0].reason is Reason.CONNECT


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "localhost"]
)
def test_without_the_allowance_no_connection_to_loopback_is_ever_opened(host: str) -> None:
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    with listener:
        listener.setblocking(False)
        url = f"http://{host}:{listener.getsockname()[1]}"
        vote = probe(target(url), allow_loopback=False)[0]
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert vote.reason is Reason.ADDRESS_REFUSED


@pytest.mark.parametrize("private", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fd00::1"])
def test_a_name_that_leads_to_a_private_address_is_refused(private: str) -> None:
    vote = probe(target("http://app.example"), allow_loopback=False, lookup=lambda _host, _port: ["8.8.8.8", private])[
        0
    ]
    assert (vote.reason, vote.state) == (Reason.ADDRESS_REFUSED, VoteState.DOWN)
    assert private in vote.detail


def test_a_name_is_resolved_once_and_asked_for_by_name_at_that_address() -> None:
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.1.1.1"] if len(asked) == 1 else ["127.1.2.1"]

    with Hostile(serves({URL_PATH: NOW})) as server:
        vote = probe(target(f"http://app.example:{server.port}"), lookup=lookup)[0]
        assert b"Host: app.example:" in server.asked[0]
    assert (vote.reason, vote.address, asked) == (Reason.UP, "127.1.1.1", ["app.example"])


@pytest.mark.parametrize(
    ("host", "alias", "platform"),
    [("app.example", "site.netlify.app", "netlify"), ("me.github.io", "", "github-pages"), ("app.example", "", "")],
)
def test_the_names_on_the_way_tell_the_platform(host: str, alias: str, platform: str) -> None:
    with Hostile(serves({URL_PATH: NOW})) as server:
        url = f"http://{host}:{server.port}"
        vote = probe(target(url), lookup=lambda _host, _port: Addresses([server.address], alias))[0]
    assert (vote.reason, vote.platform) == (Reason.UP, platform)


def test_a_name_that_does_not_resolve_is_dns() -> None:
    def lookup(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    assert probe(target("http://app.example"), lookup=lookup)[0].reason is Reason.DNS


def test_a_url_that_cannot_be_asked_is_refused() -> None:
    vote = probe(target("http://u:p@127.1.1.1/"))[0]
    assert vote.reason is Reason.ADDRESS_REFUSED
    assert "credentials" in vote.detail


def test_what_there_was_no_time_for_is_unknown() -> None:
    with Hostile(says(b"", answer(NOW), pause_s=0.5)) as server:
        votes = probe(*(target(server.url, mirror) for mirror in range(4)), budget_s=0.9, concurrency=1)
    assert votes[0].reason is Reason.UP
    assert [vote.reason for vote in votes[2:]] == [Reason.NOT_MEASURED] * 2


def test_a_mirror_is_probed_at_its_own_time_of_the_round() -> None:
    began = time.monotonic()
    with Hostile(serves({URL_PATH: NOW})) as server:
        vote = probe(target(server.url, delay_ms=600))[0]
    assert time.monotonic() - began >= 0.6
    assert vote.latency_ms is not None
    assert vote.latency_ms < 600


def test_all_questions_of_a_mirror_are_asked_and_counted() -> None:
    there, absent = released("a", b"12"), released("b", b"345")
    questions = tuple(file_question(Expected(file.path, (file,)), 100) for file in (there, absent))
    with Hostile(serves({"a": b"12"})) as server:
        heard = ask(Target(FundId(1), MirrorId(1), server.url, questions))[0]
        assert sorted(server.paths()) == ["/a", "/b"]
    assert [answer.reason for answer in heard.answers] == [Reason.UP, Reason.HTTP_STATUS]
    assert (heard.requests, heard.bytes) == (2, 2)


def test_an_answer_that_raises_is_its_own_mirrors_and_no_others() -> None:
    def judge(_response: Response) -> Judgement:
        raise OverflowError("int too large to convert to float")

    with Hostile(serves({URL_PATH: NOW})) as server:
        honest, raising = target(server.url, 1), target(server.url, 2)
        file = replace(raising.questions[0], judge=judge)
        heard = ask(replace(raising, questions=(file, replace(file, kind=Kind.CHECK))), honest)
    assert [answer.reason for answer in heard[0].answers] == [Reason.PROTOCOL, Reason.CHECK_FAILED]
    votes = [vote_of(one, Epoch(7), Slot(3)) for one in heard]
    assert [vote.reason for vote in votes] == [Reason.PROTOCOL, Reason.UP]


def test_a_mirror_that_cannot_be_located_is_asked_nothing() -> None:
    heard = ask(target("http://127.1.1.1/"), allow_loopback=False)[0]
    assert (heard.requests, heard.bytes) == (0, 0)
    assert heard.answers[0].response is None


def test_a_round_without_targets_is_empty() -> None:
    assert probe() == []


# ------------------------------------------------------------------------------------------------------ over IPv6 too

HAS_SIX = socket.has_ipv6 and USUAL.leads_to("::1")
needs_six = pytest.mark.skipif(not HAS_SIX, reason="this machine has no IPv6 loopback")


def over_both(url: str, mirror: int = 1) -> Target:
    asked = target(url, mirror)
    return replace(asked, questions=(*asked.questions, replace(asked.questions[0], six=True)))


def looked_up(host: str, _port: int) -> list[str]:
    return {"both.example": ["127.1.1.1", "::1"], "other.example": ["127.1.1.1", "::1"]}.get(host, ["127.1.1.1"])


@needs_six
@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (serves({URL_PATH: NOW}), Reason.UP),
        (serves({URL_PATH: b"the altered bytes!"}), Reason.WRONG_BYTES),
        (serves({}), Reason.HTTP_STATUS),
        (silent, Reason.TIMEOUT),  # it was connected to, so this node's IPv6 works
    ],
)
def test_what_only_ipv6_shows_decides(behave: Behaviour, reason: Reason) -> None:
    with Hostile(serves({URL_PATH: NOW})) as four, Hostile(behave, "::1", port=four.port) as six:
        vote = probe(over_both(f"http://both.example:{four.port}"), lookup=looked_up)[0]
        assert (four.paths()[0], six.paths()[0]) == (URL_PATH, URL_PATH)
    assert vote.reason is reason
    assert vote.detail.startswith("" if reason is Reason.UP else "over IPv6: ")
    assert vote.address == ("127.1.1.1" if reason is Reason.UP else None)


@needs_six
def test_a_dead_ipv6_address_is_down_where_another_mirrors_ipv6_answers_and_else_says_nothing() -> None:
    with Hostile(serves({URL_PATH: NOW})) as dead, Hostile(serves({URL_PATH: NOW})) as good:
        targets = [over_both(f"http://both.example:{dead.port}"), over_both(f"http://other.example:{good.port}", 2)]
        alone = probe(*targets, lookup=looked_up)
        with Hostile(serves({URL_PATH: NOW}), "::1", port=good.port):
            beside = probe(*targets, lookup=looked_up)
    assert [vote.reason for vote in alone] == [Reason.UP, Reason.UP]
    assert [vote.reason for vote in beside] == [Reason.CONNECT, Reason.UP]
    assert beside[0].detail.startswith("over IPv6: ")


def test_a_name_without_ipv6_is_not_asked_over_it_and_loses_nothing() -> None:
    with Hostile(serves({URL_PATH: NOW})) as server:
        heard = ask(over_both(f"http://four.example:{server.port}"), lookup=looked_up)[0]
        assert len(server.asked) == 1
    assert [answer.reason for answer in heard.answers] == [Reason.UP, Reason.NOT_MEASURED]
    assert vote_of(heard, Epoch(7), Slot(3)).reason is Reason.UP
