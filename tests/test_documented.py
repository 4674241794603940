"""Whatever a user can set, call or open stands in docs/operating.md, word for word."""

import re
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup

from api.app import create_app
from oracle import cli
from oracle.codec import MOST_POLICY_BYTES, POLICY_RANGES
from oracle.model import Policy
from oracle.settings import Settings
from oracle.tasks import app as celery
from tests.fixtures.node import ROOT

TEXT = (ROOT / "docs" / "operating.md").read_text()


def section(title: str) -> str:
    """The part of the page under a heading."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def named(title: str) -> list[str]:
    """What the first column of a section's table names."""
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE)


def settings() -> Iterator[tuple[str, str]]:
    """The row of each setting, by its variable."""
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"MIRRORBOND_{name.upper()}")
        default = "" if field.default in ("", None, ()) else f"`{field.default}`"
        yield variable, f"| `{variable}` | {default} | {field.description} |"


@pytest.mark.parametrize(("variable", "row"), list(settings()))
def test_setting_is_documented_with_its_default(variable: str, row: str) -> None:
    assert row in section("Settings").splitlines()


def test_no_setting_is_documented_that_is_not_there() -> None:
    assert named("Settings") == [variable for variable, _ in settings()]


def test_fields_of_a_policy_are_documented_with_default_and_range() -> None:
    """`--policy` of `mirrorbond fund propose` sends here who wants to know them."""
    rows = [line for line in section("Policies").splitlines() if line.startswith("| `")]
    for row, (name, (least, most)) in zip(rows, POLICY_RANGES.items(), strict=True):
        assert row.startswith(f"| `{name}` | {getattr(Policy(), name)} | {least} to {most} | ")
    assert f"at most {MOST_POLICY_BYTES:,} bytes" in section("Policies")


def commands() -> list[str]:
    """Every command, subcommands in full."""
    found = []
    root = typer.main.get_command(cli.app)
    assert isinstance(root, TyperGroup)
    context = root.make_context("mirrorbond", [], resilient_parsing=True)
    for name in root.list_commands(context):
        loaded = cli.load(name)
        inner = getattr(loaded, "commands", {})
        found += [f"mirrorbond {name} {sub}" for sub in inner] or [f"mirrorbond {name}"]
    return found


def test_commands_are_documented_and_no_others() -> None:
    assert sorted(named("Commands")) == sorted(commands())


def test_tasks_are_documented_and_no_others() -> None:
    assert set(named("Tasks")) == {name for name in celery.tasks if not name.startswith("celery.")}


def routes() -> set[str]:
    """Every path that answers, pages and JSON."""
    app = create_app()
    pages = {f"{path}" for path in re.findall(r'@router\.get\("([^"]+)"\)', (ROOT / "api" / "pages.py").read_text())}
    return set(app.openapi()["paths"]) | pages


def test_routes_are_documented_and_no_others() -> None:
    assert set(named("Routes")) == routes()
