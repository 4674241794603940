"""One epoch by hand, by oracle.commands: a fund opened, mirrors registered, a report made, settled, paid, verified."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from oracle.chain.structs import Offer
from oracle.codec import parse_policy
from oracle.devnet.chain import running_chain
from oracle.manifest import compose
from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote, canonical
from oracle.store.db import close_store, open_store
from oracle.store.observations import record_votes
from oracle.store.reports import load_evidence, load_result, save_evidence
from tests.fixtures.chain import World, deploy_world
from tests.fixtures.command import Said, keystore_of, of_world, run
from tests.fixtures.hostile import Hostile, released, serves

REWARD_WEI = 1_000_000
SLOTS = 4


@dataclass
class Story:
    """A world in which one epoch was lived through by commands alone; `said` is what each of them printed."""

    world: World
    folder: Path
    epoch: int
    said: dict[str, Said]

    def run(self, *args: object, home: str = "home", **settings: object) -> Said:
        keystore = keystore_of(self.world.account("member"), self.folder)
        keys = {"keystores": keystore[1], "password_file": keystore[3]}
        return run(*args, environment=of_world(self.world, self.folder / home, **(keys | settings)))

    def ok(self, name: str, *args: object) -> str:
        said = self.said[name] = self.run(*args)
        assert (said.code, said.err) == (0, ""), said
        return said.out

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'home' / 'store.sqlite'}"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("commands")
    with running_chain(folder / "chain.log", block_time_s=0) as dev:
        story = Story(deploy_world(dev), folder, 1, {})
        member = story.world.account("member")
        story.world.committee.create_committee(member, [member.address], 1, member.address)
        _open(story)
        _live(story)
        _close(story)
        yield story
        close_store(story.store)


def _open(story: Story) -> None:
    owner, operator = (keystore_of(story.world.account(role), story.folder) for role in ("owner", "operator"))
    manifest, policy = story.folder / "manifest.json", story.folder / "policy.json"
    manifest.write_bytes(
        compose("notes", "1", "http://primary.example", None, [released("a.txt", b"a")], []).canonical()
    )
    policy.write_bytes(canonical({"slots": SLOTS, "untested_bps": 10_000}))
    agreed = canonical(parse_policy(policy.read_bytes()).to_json())
    offer = Offer(REWARD_WEI, 2, 1_000, 1)
    story.world.accept(story.world.account("owner"), story.world.wrapped.address, offer, agreed)
    terms = ["--reward", REWARD_WEI, "--target", 2, "--fee-bps", 1_000, "--min-stake", 5, "--policy", policy]
    story.ok("create", "fund", "create", *owner, "--app", "notes", "--manifest", manifest, *terms)
    story.ok("top-up", "fund", "top-up", *owner, "--fund", 1, "--amount", 100 * REWARD_WEI)
    where = ["--url", "http://mirror.example/", "--stake", 5]
    story.ok("register", "mirror", "register", *operator, "--fund", 1, *where)
    story.ok("exit", "mirror", "exit", *operator, "--mirror", 1)


def _live(story: Story) -> None:
    """The first mirror has left before it ever counted; a second one serves three slots of four."""
    operator = keystore_of(story.world.account("operator"), story.folder)
    where = ["--url", "http://second.example", "--stake", 5]
    story.ok("register again", "mirror", "register", *operator, "--fund", 1, *where)
    story.world.next_epoch()
    story.ok("index", "index")
    ups = [Reason.UP, Reason.UP, Reason.TIMEOUT, Reason.UP]
    votes = [
        Vote(FundId(1), MirrorId(mirror), Epoch(1), Slot(slot), Reason.UP if mirror == 0 else reason, 5, "192.0.2.1")
        for mirror in (0, 2)
        for slot, reason in enumerate(ups)
    ]
    record_votes(open_store(story.store), "node", votes)


def _close(story: Story) -> None:
    story.world.next_epoch()
    story.ok("sign", "report", "--epoch", 1, "--no-post")
    story.ok("report", "report", "--epoch", 1)
    story.ok("report again", "report", "--epoch", 1)
    story.world.dev.pass_time(story.world.committee.clock().window_s + 1)
    story.ok("settle", "settle")
    story.ok("settle again", "settle", "--fund", 1)
    story.ok("withdraw", "withdraw", "--mirror", 2)
    story.ok("withdraw again", "withdraw", "--mirror", 2)
    story.ok("withdraw json", "withdraw", "--mirror", 2, "--json")
    story.ok("fees", "withdraw", "--fees", story.world.wrapped.address, "--json")


def test_numbers_of_what_was_made_are_printed(story: Story) -> None:
    assert story.said["create"].out.startswith("fund 1 (0x")
    assert story.said["top-up"].out.startswith("deposit 1 (0x")
    assert story.said["register"].out.startswith("mirror 1 (0x")
    assert story.said["exit"].out.startswith("mirror 1 counts until epoch 1 (0x")


def test_the_fund_is_as_it_was_asked_for(story: Story) -> None:
    fund = story.world.fund.fund_of(1)
    assert fund.offer == Offer(REWARD_WEI, 2, 1_000, 1)
    assert fund.token == story.world.wrapped.address
    assert fund.min_stake_wei == 5
    assert fund.deposited_wei == 100 * REWARD_WEI


def test_a_report_can_be_signed_first_and_posted_once(story: Story) -> None:
    assert "signed, not posted" in story.said["sign"].out
    root = story.said["sign"].out.split("root ")[1].split(",")[0]
    assert story.said["report"].out == f"epoch 1: posted, root {root}\n"
    assert story.said["report again"].out == f"epoch 1: already_reported, root {root}\n"


def test_the_settlement_pays_by_the_slots(story: Story) -> None:
    assert story.said["settle"].out.startswith("fund 1: settled ")
    assert " none" in story.said["settle again"].out
    due = (REWARD_WEI - REWARD_WEI // 10) * 3 // 4 // 2
    assert story.said["withdraw"].out == f"sent {due}\n"
    assert story.said["withdraw again"].out == "there was nothing to send\n"
    assert json.loads(story.said["withdraw json"].out) == {"mirror": 2, "token": None, "amount": "0"}
    fees = {"mirror": None, "token": story.world.wrapped.address, "amount": str(REWARD_WEI // 10)}
    assert json.loads(story.said["fees"].out) == fees


def test_the_epoch_verifies_from_this_nodes_evidence(story: Story) -> None:
    told = json.loads(story.ok("verify", "verify", "--epoch", 1, "--json"))
    assert told["ok"] is True
    assert told["funds"][0]["mirrors"] == [{"mirror": 2, "weight": 750_000_000, "credited": "337500"}]
    assert "every weight, the root and the payouts are what the evidence gives" in story.ok(
        "words", "verify", "--epoch", 1
    )


@pytest.fixture
def evidence(story: Story, tmp_path: Path) -> Path:
    """The evidence as a folder."""
    for name, body in load_evidence(open_store(story.store), 1, 1).items():
        path = tmp_path / "evidence" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path / "evidence"


def test_anybody_verifies_with_a_chain_and_a_folder(story: Story, evidence: Path) -> None:
    said = story.run("verify", "--epoch", 1, "--evidence", evidence, home="stranger", keystores="", password_file="")
    assert (said.code, said.err) == (0, "")
    by_epoch = evidence.parent / "epochs"
    shutil.copytree(evidence, by_epoch / "1")
    assert story.run("verify", "--epoch", 1, "--evidence", by_epoch, home="stranger").code == 0


def test_results_of_evidence_from_elsewhere_take_the_place_of_a_nodes_own(story: Story, evidence: Path) -> None:
    """They are what pages and badges show: a node whose own report lost, or whose store did, has none that is right."""
    theirs = open_store(f"sqlite:///{story.folder / 'stranger' / 'store.sqlite'}")
    save_evidence(theirs, 1, 1, {}, {FundId(1): {"n_eff": 7}})
    assert story.run("verify", "--epoch", 1, "--evidence", evidence, home="stranger").code == 0
    assert load_result(theirs, 1, 1) == load_result(open_store(story.store), 1, 1) is not None
    assert load_evidence(theirs, 1, 1) == load_evidence(open_store(story.store), 1, 1)


def test_anybody_verifies_with_a_chain_and_another_nodes_api(story: Story) -> None:
    files = load_evidence(open_store(story.store), 1, 1)
    paths = {f"/api/v1/epochs/1/evidence/{name}?committee=1": body for name, body in files.items()}
    with Hostile(serves(paths)) as node:
        assert story.run("verify", "--epoch", 1, "--evidence", node.url, home="stranger").code == 0
    assert story.run("verify", "--epoch", 1, home="stranger").code == 0  # it was kept
    paths["/api/v1/epochs/1/evidence/index.json?committee=1"] = b'{"files":{"../../key.json":"0x"}}'
    with Hostile(serves(paths)) as liar:
        said = story.run("verify", "--epoch", 1, "--evidence", liar.url, home="stranger")
        assert said.is_one_sentence()
        assert "index.json: its digest is" in said.err
        assert len(liar.asked) == 1


def test_one_altered_byte_is_found(story: Story, evidence: Path) -> None:
    fund = evidence / "funds" / "1.json"
    fund.write_bytes(fund.read_bytes().replace(b'"weight":750000000', b'"weight":750000001'))
    said = story.run("verify", "--epoch", 1, "--evidence", evidence)
    assert said.code == 1
    assert said.is_one_sentence()
    assert "funds/1.json: its digest is not the one in the index" in said.err


def test_a_folder_without_evidence_is_refused(story: Story, tmp_path: Path) -> None:
    said = story.run("verify", "--epoch", 1, "--evidence", tmp_path)
    assert said.code == 1
    assert said.is_one_sentence()
    assert "is not a folder of evidence" in said.err


def test_a_report_that_the_chain_does_not_take_any_more_is_no_success(story: Story) -> None:
    epoch = story.world.epoch()
    vote = Vote(FundId(1), MirrorId(2), Epoch(epoch), Slot(0), Reason.UP, 5, "192.0.2.1")
    record_votes(open_store(story.store), "node", [vote])
    story.world.next_epoch(2)
    signed = json.loads(story.ok("sign later", "report", "--epoch", epoch, "--no-post", "--json"))
    assert (signed["answer"], signed["tx"], len(signed["root"])) == (None, None, 66)
    story.world.next_epoch()
    late = story.run("report", "--epoch", epoch)
    assert late.code == 1
    assert late.is_one_sentence()
    assert f"epoch {epoch}: the chain does not take its report: too late" in late.err
    told = story.run("report", "--epoch", epoch, "--json")
    assert (told.code, json.loads(told.out)["answer"]) == (1, "too_late")


def test_a_mirrors_pay_is_explained(story: Story) -> None:
    words = story.ok("explain", "explain", "--mirror", 2, "--epoch", 1)
    assert "In 1 slot it did not answer in time." in words
    assert "that is 337500." in words
    assert "The epoch is settled as paid by 0x" in words
    told = json.loads(story.ok("explain json", "explain", "--mirror", 2, "--epoch", 1, "--json"))
    assert (told["credited"], told["settlement"], told["reasons"]) == ("337500", "paid", {"up": 3, "timeout": 1})
