"""What users get wrong is one clear sentence and a non-zero exit: never a traceback, never half a deed."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from oracle.chain.structs import Offer
from oracle.devnet.chain import running_chain
from oracle.manifest import compose
from oracle.model import Policy, canonical
from tests.fixtures.chain import ETHER, World, deploy_world
from tests.fixtures.command import Said, environment, keystore_of, of_world, run
from tests.fixtures.hostile import released

MIN_STAKE_WEI = ETHER
UNREACHABLE = "http://127.0.0.1:1"


@dataclass
class Place:
    """A chain with a fund, a keystore, a good manifest and a bad one."""

    world: World
    folder: Path
    fund: int
    account: list[object]
    manifest: Path
    climbing: Path

    def run(self, *args: object, **settings: object) -> Said:
        return run(*args, environment=of_world(self.world, self.folder / "home", **settings))

    def refuses(self, told: str, *args: object, **settings: object) -> None:
        said = self.run(*args, **settings)
        assert said.code == 1, said
        assert said.is_one_sentence(), said
        assert told in said.err

    def fund_create(self, **options: object) -> list[object]:
        given = {"app": "notes", "reward": 100, "target": 2, "manifest": self.manifest} | options
        return [
            "fund",
            "create",
            *self.account,
            *(w for n, v in given.items() for w in (f"--{n.replace('_', '-')}", v)),
        ]

    def register(self, url: str = "http://mirror.example", stake: int = MIN_STAKE_WEI) -> list[object]:
        return ["mirror", "register", *self.account, "--fund", self.fund, "--url", url, "--stake", stake]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("bad-input")
    with running_chain(folder / "chain.log", block_time_s=0) as dev:
        world = deploy_world(dev)
        owner = world.account("owner")
        world.committee.create_committee(owner, [owner.address], 1, owner.address)
        good = compose("app", "1", "http://primary.example", None, [released("index.html", b"hello")], [])
        policy = canonical(Policy().to_json())
        fund = world.create_fund(
            owner, Offer(100, 2, 500, 1), world.wrapped.address, MIN_STAKE_WEI, "app", policy, good.digest, good.url
        )
        manifest, climbing = folder / "manifest.json", folder / "climbing.json"
        manifest.write_bytes(good.canonical())
        document = json.loads(good.canonical())
        document["files"][0]["path"] = "../../etc/passwd"
        climbing.write_bytes(canonical(document))
        yield Place(world, folder, fund, keystore_of(owner, folder), manifest, climbing)


def test_a_manifest_whose_path_climbs_out_of_the_folder(place: Place) -> None:
    place.refuses("../../etc/passwd", *place.fund_create(manifest=place.climbing))
    place.refuses("../../etc/passwd", "release", "check", place.folder, "--manifest", place.climbing)


def test_a_manifest_that_is_not_there(place: Place) -> None:
    place.refuses("cannot be read", *place.fund_create(manifest=place.folder / "nothing.json"))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://user:secret@mirror.example", "must not hold credentials"),
        ("ftp://mirror.example", "must begin with http:// or https://"),
        ("http://mirror.example/?key=1", "--url"),
    ],
)
def test_a_url_that_cannot_be_a_mirrors(place: Place, url: str, told: str) -> None:
    place.refuses(told, *place.register(url))
    assert "secret" not in place.run(*place.register(url)).err


def test_a_fund_with_zero_reward(place: Place) -> None:
    place.refuses("--reward: must be above 0", *place.fund_create(reward=0))
    assert place.world.fund.funds() == place.fund


def test_a_fund_for_no_mirrors(place: Place) -> None:
    place.refuses("--target: must be above 0", *place.fund_create(target=0))


def test_a_stake_below_the_minimum(place: Place) -> None:
    place.refuses(
        f"is {MIN_STAKE_WEI - 1} wei, fund 1 asks for at least {MIN_STAKE_WEI}",
        *place.register(stake=MIN_STAKE_WEI - 1),
    )


def test_a_stake_that_is_not_there(place: Place) -> None:
    place.refuses("has only", *place.register(stake=10**40))


def test_what_the_contract_refuses_is_told_by_its_name(place: Place) -> None:
    place.refuses("NotCovered", *place.register())  # the fund has no money yet


def test_an_unreachable_rpc(place: Place) -> None:
    for args in (["index"], ["node"], ["verify", "--epoch", 1], place.register()):
        place.refuses("http://127.0.0.1:1 does not answer: check MIRRORBOND_RPC_URL", *args, rpc_url=UNREACHABLE)


def test_a_url_with_a_key_is_not_shown_whole(place: Place) -> None:
    said = place.run("index", rpc_url=f"{UNREACHABLE}/v3/my-secret-key")
    assert "my-secret-key" not in said.err


def test_a_wrong_keystore_password(place: Place) -> None:
    wrong = place.folder / "wrong"
    wrong.write_text("incorrect donkey\n")
    keystore = place.account[1]
    place.refuses("the password does not open this keystore", *place.register(), "--password-file", wrong)
    place.refuses("the password does not open this keystore", "node", keystores=keystore, password_file=wrong)


def test_a_keystore_that_is_none(place: Place) -> None:
    place.refuses("this is no keystore", "node", keystores=place.manifest, password_file=place.folder / "password")
    place.refuses("cannot be read", "node", keystores="/nowhere.json", password_file=place.folder / "password")


def test_a_port_in_use(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        place.refuses(f"port {port} is in use", "node", api_port=port)
        place.refuses(f"port {port} is in use", "demo", "--port", port)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"api_port": "eighty"}, "MIRRORBOND_API_PORT"),
        ({"node_name": "My Node"}, "MIRRORBOND_NODE_NAME"),
        ({"log_level": "loud"}, "MIRRORBOND_LOG_LEVEL"),
        ({"fund_contract": "0x12"}, "is no contract's address"),
        ({"fund_contract": ""}, "MIRRORBOND_FUND_CONTRACT: is not set"),
        ({"chain_id": 1}, "is chain 31337, not 1"),
    ],
)
def test_a_setting_that_cannot_be_used(place: Place, settings: dict[str, object], told: str) -> None:
    place.refuses(told, "index", **settings)


def test_a_database_that_cannot_be_used(place: Place) -> None:
    for url in ("mysql://host/name", "nonsense"):
        said = run("index", environment=of_world(place.world, place.folder / "home") | {"DATABASE_URL": url})
        assert said.code == 1
        assert said.is_one_sentence(), said
        assert "DATABASE_URL" in said.err


def test_an_epoch_that_cannot_be_reported_or_verified(place: Place) -> None:
    keys = {"keystores": place.account[1], "password_file": place.account[3]}
    place.refuses("is not decided before", "report", "--epoch", 1_000, **keys)
    place.refuses("the chain has no report of epoch 0", "verify", "--epoch", 0)
    place.refuses("--mirror: 1 is not on the chain", "explain", "--mirror", 1, "--epoch", 0)


def test_nothing_to_withdraw_is_said_and_both_or_neither_is_refused(place: Place) -> None:
    keys = {"keystores": place.account[1], "password_file": place.account[3]}
    said = place.run("withdraw", "--fees", place.world.wrapped.address, **keys)
    assert (said.code, said.out) == (0, "there was nothing to send\n")
    lower = str(place.world.wrapped.address).lower()
    assert place.run("withdraw", "--fees", lower, **keys).out == "there was nothing to send\n"
    place.refuses("either --mirror NUMBER or --fees TOKEN", "withdraw", **keys)
    place.refuses("--fees: is no address", "withdraw", "--fees", "DEMO", **keys)


def test_an_account_without_keys_cannot_send(tmp_path: Path) -> None:
    said = run("withdraw", "--mirror", 1, environment=environment(tmp_path, rpc_url=UNREACHABLE))
    assert said.code == 1
    assert said.is_one_sentence()
