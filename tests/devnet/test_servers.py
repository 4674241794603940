"""The demo's servers do what their kind says, asked over sockets."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from oracle.devnet.hosts import Hosts, address_of, common_port
from oracle.devnet.servers import Host, Kind, Times, content_of

FILES = {"index.html": b"<p>new</p>", "static/a%20b.html": b"a b", "static/style.css": b"p { margin: 0 }"}
FORMER = FILES | {"index.html": b"<p>old</p>"}
MANIFEST = "/.well-known/mirrorbond/abc.json"


def write(folder: Path, files: dict[str, bytes]) -> str:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return str(folder)


def ask(host: Host, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host.address, host.port, timeout=5)
    try:
        connection.request(method, quote(path))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def refuses(host: Host) -> bool:
    try:
        ask(host, "/index.html")
    except ConnectionRefusedError:
        return True
    return False


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("hosts")
    former, current = write(folder / "1", FORMER), write(folder / "2", FILES)
    (folder / "manifest.json").write_bytes(b"{}")
    kinds = list(Kind)
    port = common_port([address_of(number) for number in range(len(kinds))])
    upstream = f"{address_of(0)}:{port}"
    made = [
        Host(
            name=str(kind),
            kind=kind,
            address=address_of(number),
            port=port,
            operator=f"0x{number:040x}",
            folder=former if kind is Kind.STALE else current,
            extra={MANIFEST: str(folder / "manifest.json")} if kind is Kind.PRIMARY else {},
            upstream=upstream if kind is Kind.PROXY else "",
        )
        for number, kind in enumerate(kinds)
    ]
    with Hosts(made, folder / "log") as running:
        yield running


@pytest.fixture
def by_kind(hosts: Hosts) -> dict[Kind, Host]:
    return {host.kind: host for host in hosts.hosts}


def test_every_server_names_its_own_operator(hosts: Hosts) -> None:
    for host in hosts.hosts:
        status, body = ask(host, "/.well-known/mirrorbond.json")
        assert status == 200
        assert json.loads(body)["operator"] == host.operator


@pytest.mark.parametrize("kind", [Kind.PRIMARY, Kind.HONEST, Kind.FLAPPING, Kind.DUPLICATE, Kind.PROXY])
def test_servers_of_the_release_serve_every_file_of_it(by_kind: dict[Kind, Host], kind: Kind) -> None:
    assert {path: ask(by_kind[kind], f"/{path}") for path in FILES} == {
        path: (200, body) for path, body in FILES.items()
    }


def test_altered_server_serves_one_file_of_the_right_length_with_other_bytes(by_kind: dict[Kind, Host]) -> None:
    served = {path: ask(by_kind[Kind.ALTERED], f"/{path}")[1] for path in FILES}
    changed = [path for path in FILES if served[path] != FILES[path]]
    assert len(changed) == 1
    assert len(served[changed[0]]) == len(FILES[changed[0]])


def test_stale_server_serves_the_former_release(by_kind: dict[Kind, Host]) -> None:
    assert ask(by_kind[Kind.STALE], "/index.html") == (200, b"<p>old</p>")


def test_proxy_serves_only_while_the_primary_does(hosts: Hosts, by_kind: dict[Kind, Host]) -> None:
    hosts.switch("primary", False)
    try:
        assert refuses(by_kind[Kind.PRIMARY])
        assert ask(by_kind[Kind.PROXY], "/index.html")[0] == 502
        assert ask(by_kind[Kind.PROXY], "/.well-known/mirrorbond.json")[0] == 200
        assert ask(by_kind[Kind.HONEST], "/index.html")[0] == 200
    finally:
        hosts.switch("primary", True)
    assert ask(by_kind[Kind.PROXY], "/index.html") == (200, b"<p>new</p>")


def test_flapping_server_refuses_connections_in_the_middle_third_of_an_epoch(
    hosts: Hosts, by_kind: dict[Kind, Host]
) -> None:
    now = int(time.time())
    hosts.keep_time(now - 1_500, 3_000)
    assert within(5, lambda: refuses(by_kind[Kind.FLAPPING]))
    assert not refuses(by_kind[Kind.HONEST])
    hosts.keep_time(now, 3_000)
    assert within(5, lambda: not refuses(by_kind[Kind.FLAPPING]))


def test_middle_third_is_a_third_of_every_epoch() -> None:
    times = Times(genesis_s=1_000, epoch_length_s=30)
    down = [second for second in range(1_000, 1_060) if times.in_middle_third(second)]
    assert down == [*range(1_010, 1_020), *range(1_040, 1_050)]


def test_only_the_primary_serves_manifests(by_kind: dict[Kind, Host]) -> None:
    assert ask(by_kind[Kind.PRIMARY], MANIFEST) == (200, b"{}")
    assert ask(by_kind[Kind.HONEST], MANIFEST)[0] == 404


def test_what_is_not_there_is_404_and_what_is_not_allowed_405(by_kind: dict[Kind, Host]) -> None:
    assert ask(by_kind[Kind.HONEST], "/missing")[0] == 404
    assert ask(by_kind[Kind.HONEST], "/../log")[0] == 404
    assert ask(by_kind[Kind.HONEST], "/index.html", "POST")[0] == 405
    assert ask(by_kind[Kind.HONEST], "/")[1] == FILES["index.html"]
    assert ask(by_kind[Kind.HONEST], "/index.html", "HEAD") == (200, b"")


def test_servers_end_when_their_starter_goes(tmp_path: Path) -> None:
    port = common_port([address_of(99)])
    lone = Host("lone", Kind.HONEST, address_of(99), port, "0x0", write(tmp_path / "1", FILES), {})
    running = Hosts([lone], tmp_path / "log")
    running.start()
    assert not refuses(lone)
    running.stop()
    assert refuses(lone)
    running.stop()


def test_altered_file_is_the_same_each_time(by_kind: dict[Kind, Host]) -> None:
    assert content_of(by_kind[Kind.ALTERED]) == content_of(by_kind[Kind.ALTERED])
