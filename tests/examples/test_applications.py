"""Each kind of application, with the example's own declarations: released, read from its source, mirrored, measured."""

import datetime
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from oracle.checks import Check
from oracle.model import PRIMARY, MirrorId, Reason
from oracle.reads import admit_mirror, read_sources
from oracle.release import build, check_dir, manifest_in, read_checks
from oracle.store.manifests import save_manifest
from oracle.store.observations import admissions
from tests.fixtures.front import fronts, tiddlywiki, wait_for
from tests.fixtures.gaia import TOKEN, gaia_hub
from tests.fixtures.hostile import Behaviour, closed_port, serves
from tests.fixtures.node import ROOT
from tests.fixtures.scene import EPOCH, FUND, Scene, operator
from tests.test_measure import at_slot

EXAMPLES = ROOT / "examples"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def play(
    tmp_path: Path, stack: ExitStack, primary: Behaviour, mirrors: list[Behaviour], checks: tuple[Check, ...]
) -> Scene:
    """A release of checks alone, read from its source and from its mirrors as a node does."""
    scene = Scene(tmp_path / "node", stack, *mirrors, files={}, checks=checks, primary=primary)
    save_manifest(scene.engine, scene.manifest.digest, scene.manifest.canonical())
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    assert admissions(scene.engine, scene.manifest.digest, "node")[PRIMARY].reason is Reason.UP
    return scene


def admit(scene: Scene, mirror: int) -> Reason | None:
    return admit_mirror(scene.engine, scene.settings, FUND, EPOCH, MirrorId(mirror))


def voted(scene: Scene, mirror: int) -> set[Reason]:
    """What is said of a mirror in an epoch, in which every check comes."""
    found = set()
    for slot in range(4):
        with pytest.MonkeyPatch.context() as patch:
            at_slot(scene, patch, slot)
            found.add(scene.measure(slot=slot)[mirror].reason)
    return found


# ------------------------------------------------------------------------------------------------------- tiddlywiki


def notes(motto: str = "What is not backed up is gone.", minutes_ago: int = 5) -> dict[str, str]:
    beat = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago)
    return {"Motto": f"title: Motto\n\n{motto}", "Heartbeat": f"title: Heartbeat\nbeat: {beat.isoformat()}\n\nalive"}


def put_tiddler(wiki: tuple[str, int], title: str, text: str) -> None:
    url = f"http://{wiki[0]}:{wiki[1]}/recipes/default/tiddlers/{title}"
    body = {"title": title, "text": text}
    httpx.put(url, json=body, headers={"x-requested-with": "TiddlyWiki"}, trust_env=False).raise_for_status()


def test_tiddlywikis_own_server_is_held_to_its_checks(tmp_path: Path, stack: ExitStack) -> None:
    checks = read_checks(EXAMPLES / "tiddlywiki" / "checks.json")
    given: Mapping[str, dict[str, str]] = {"primary": notes(), "good": notes(), "behind": notes(minutes_ago=61)}
    wikis = {
        name: stack.enter_context(tiddlywiki(tmp_path / name, tiddlers, f"127.2.{number}.1"))
        for number, (name, tiddlers) in enumerate(given.items())
    }
    for address, port in wikis.values():
        wait_for(f"http://{address}:{port}/status")
    mirrors = [fronts(wikis["good"], operator(1)), fronts(wikis["behind"], operator(2))]
    scene = play(tmp_path, stack, fronts(wikis["primary"]), mirrors, checks)
    assert (admit(scene, 1), admit(scene, 2)) == (Reason.UP, Reason.CHECK_FAILED)
    read = admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(2)]
    assert read.detail.startswith("/recipes/default/tiddlers/Heartbeat: /fields/beat is 36")
    assert scene.measure()[1].reason is Reason.UP
    put_tiddler(wikis["good"], "Motto", "Buy now!")
    assert Reason.CHECK_FAILED in voted(scene, 1)


# ------------------------------------------------------------------------------------------------------------- gaia


def store(hub_url: str, path: str, body: bytes, stored: str = "") -> str:
    headers = {"authorization": f"bearer {TOKEN}", **({"x-test-stored": stored} if stored else {})}
    answered = httpx.post(f"{hub_url}/store/{path}", content=body, headers=headers, trust_env=False)
    assert answered.status_code == 202
    return str(answered.json()["publicURL"])


def test_a_hub_is_held_to_what_it_says_and_to_its_objects(tmp_path: Path, stack: ExitStack) -> None:
    """Against a server that follows the documented interface: no hub can be installed from the registry."""
    checks = read_checks(EXAMPLES / "gaia" / "checks.json")
    user = "1Mq5CP2ArAiqbbQC37VSSDz8mCAmSXB2Ag"
    hubs = [stack.enter_context(gaia_hub(f"127.2.{number}.1")) for number in range(3)]
    old = formatdate(time.time() - 2 * 3_600, usegmt=True)
    for number, hub in enumerate(hubs):
        url = store(hub.url, f"{user}/profile.json", b'{"name": "everyone"}\n')
        assert httpx.get(url, trust_env=False).content == b'{"name": "everyone"}\n'
        store(hub.url, f"{user}/heartbeat.txt", b"alive", old if number == 2 else "")
    primary, *mirrors = (
        fronts((f"127.2.{n}.1", hub.server_port), operator(n) if n else "") for n, hub in enumerate(hubs)
    )
    scene = play(tmp_path, stack, primary, mirrors, checks)
    assert (admit(scene, 1), admit(scene, 2)) == (Reason.UP, Reason.CHECK_FAILED)
    assert scene.measure()[1].reason is Reason.UP
    store(hubs[1].url, f"{user}/profile.json", b'{"name": "somebody else"}\n')
    assert Reason.CHECK_FAILED in voted(scene, 1)


# ----------------------------------------------------------------------------------------------------------- static


def test_a_folder_is_served_by_any_web_server(tmp_path: Path, stack: ExitStack) -> None:
    """Python's own server before the folder as it was built, cold files and manifest included."""
    site, port = tmp_path / "dist", closed_port("127.1.0.1")
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<h1>hello</h1>")
    (site / "assets" / "50% off.css").write_text("h1 {}")
    manifest = build(site, "site", "1.4.2", f"http://127.1.0.1:{port}", cold=8)
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.1.0.1", "--directory", str(site)]
    server = stack.enter_context(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    stack.callback(server.terminate)
    wait_for(manifest.url)
    assert manifest_in(site) == manifest
    bodies = {file.path: (site / file.path).read_bytes() for file in (*manifest.files, *manifest.cold)}
    bodies["assets/50%25%20off.css"] = (site / "assets" / "50% off.css").read_bytes()
    scene = Scene(tmp_path / "node", stack, serves(bodies, operator(1)), serves({}, operator(2)), keys=True)
    scene.ledger.publish(1, manifest.digest, url=manifest.url)
    save_manifest(scene.engine, manifest.digest, httpx.get(manifest.url, trust_env=False).content)
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    assert (admit(scene, 1), admit(scene, 2)) == (Reason.UP, Reason.HTTP_STATUS)
    votes = scene.measure()
    assert (votes[PRIMARY].reason, votes[1].reason, votes[2].reason) == (Reason.UP, Reason.UP, Reason.NOT_ADMITTED)
    assert check_dir(site, manifest).files == 10


def test_the_examples_are_told_of(tmp_path: Path) -> None:
    listed = (EXAMPLES / "README.md").read_text()
    for folder in (path for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith("__")):
        assert f"({folder.name}/README.md)" in listed
        assert (folder / "README.md").is_file()
