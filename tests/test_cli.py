"""The command line is quick, and says in one line what went wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.command import environment, run

HEAVY = ("web3", "eth_account", "sqlalchemy", "celery", "fastapi", "pydantic", "pycurl")


def test_help_lists_every_command_with_a_summary(tmp_path: Path) -> None:
    said = run("--help", environment=environment(tmp_path))
    assert (said.code, said.err) == (0, "")
    for name in (
        "demo",
        "node",
        "release",
        "keys",
        "fund",
        "mirror",
        "index",
        "report",
        "settle",
        "withdraw",
        "verify",
    ):
        assert f" {name} " in said.out


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['mirrorbond', '--help']\n"
        "from oracle.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_without_arguments_it_shows_the_help(tmp_path: Path) -> None:
    said = run(environment=environment(tmp_path))
    assert "Usage" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["fly"], "No such command 'fly'"),
        (["verify"], "Missing option '--epoch'"),
        (["verify", "--epoch", "soon"], "Invalid value for '--epoch'"),
        (["node", "--fast"], "No such option: --fast"),
        (["fund", "leave"], "No such command 'leave'"),
    ],
)
def test_what_was_not_understood_is_one_line_and_exit_code_2(tmp_path: Path, args: list[str], told: str) -> None:
    said = run(*args, environment=environment(tmp_path))
    assert said.code == 2
    assert said.is_one_sentence(), said
    assert told in said.err


@pytest.mark.parametrize("command", [["node"], ["fund", "create"], ["mirror", "register"], ["release", "build"]])
def test_every_command_has_its_own_help(tmp_path: Path, command: list[str]) -> None:
    said = run(*command, "--help", environment=environment(tmp_path))
    assert said.code == 0
    assert f"mirrorbond {' '.join(command)}" in said.out


def test_the_module_is_the_command() -> None:
    done = subprocess.run([Path(sys.executable).parent / "mirrorbond", "--help"], capture_output=True, check=True)
    assert b"Usage: mirrorbond" in done.stdout
