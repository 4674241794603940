"""`mirrorbond placement`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show and renew which networks addresses are in.")


@app.command("show")
def show(
    address: Annotated[str, typer.Argument(help="An address to look up; none for the data themselves.")] = "",
    name: Annotated[str, typer.Option(help="The name that led to the address.")] = "",
) -> None:
    """Say where an address is, or of what and when the data are."""
    from oracle.errors import InvalidInput
    from oracle.placement.data import ranges
    from oracle.probes.placement import Shipped, place_of
    from oracle.settings import settings

    home = settings().home
    if not address:
        _tell(ranges(home))
        return
    try:
        place = place_of(address, Shipped(ranges(home)), [name] if name else [])
    except ValueError as error:
        raise InvalidInput("ADDRESS", str(error)) from error
    for key, value in place.to_json().items():
        typer.echo(f"{key:<9}{value or 'unknown' if key in ('asn', 'country') else value or 'none'}")


@app.command("update")
def update(
    tables: Annotated[Path | None, typer.Option(help="Folder of tables to take instead of npm's packages.")] = None,
    made: Annotated[str, typer.Option(help="The day of those tables, as 2026-06-17.")] = "",
    output: Annotated[Path | None, typer.Option(help="File to write instead of the one in the node's home.")] = None,
    versions: Annotated[str, typer.Option(help="Versions of the two packages, by comma.")] = "latest,latest",
) -> None:
    """Fetch the newest data with npm and put them into the node's home."""
    from oracle.errors import InvalidInput
    from oracle.placement.data import FILE_NAME, ranges
    from oracle.placement.update import from_npm, from_tables, install
    from oracle.settings import settings

    target = output or settings().home / FILE_NAME
    if tables is not None:
        packed = from_tables(tables, made)
    else:
        wanted = versions.split(",")
        if len(wanted) != 2:
            raise InvalidInput("--versions", f"{versions!r} does not name two, for systems and for countries")
        with TemporaryDirectory(prefix="mirrorbond-") as folder:
            packed = from_npm(Path(folder), wanted)
    _tell(install(packed, target, None if output else ranges()))


def _tell(found: object) -> None:
    from oracle.placement.ranges import Ranges

    assert isinstance(found, Ranges)  # noqa: S101 - imported late, for speed
    typer.echo(f"{len(found)} ranges of {found.made}, sha256 {found.digest}")
    for source in found.sources:
        typer.echo(f"{source.package} {source.version} sha256 {source.sha256}")
