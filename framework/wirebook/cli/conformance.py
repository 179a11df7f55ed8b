"""``wirebook conformance``: the suite run on a plugin, and a report of it."""

from pathlib import Path
from typing import Annotated

import typer

from wirebook.cli.app import Json, console, notes, print_json, table
from wirebook.errors import MissingExtra, Misuse


def run(
    package: Annotated[str, typer.Argument(metavar="PACKAGE", help="A plugin's folder, or an installed distribution.")],
    *,
    vectors: Annotated[
        Path | None, typer.Option(exists=True, help="Vectors of an installed distribution: a file or a folder.")
    ] = None,
    only: Annotated[
        str, typer.Option(help="Only checks of this name, or expression of names: 'truncation or skipped'.")
    ] = "",
    report: Annotated[Path | None, typer.Option(help="Write the report as Markdown.", dir_okay=False)] = None,
    strict_rate: Annotated[bool, typer.Option(help="Fail where decoding takes longer than the budget.")] = False,
    as_json: Json = False,
) -> None:
    """Run the conformance suite on a plugin: its own tests, or its protocols with the vectors given.

    Exits with 1 when a check failed.
    """
    try:
        from wirebook.testing import command
    except ModuleNotFoundError as error:
        if error.name not in ("pytest", "hypothesis", "_pytest"):
            raise
        raise MissingExtra(error.name, "the conformance suite", "testing") from error
    found = command.run(package, vectors, only=only)
    if not found.classes:
        raise Misuse(f"{package}: no test class of it derives from wirebook.testing.DecoderConformance")
    if report:
        report.write_text(command.markdown(found))
    if as_json:
        print_json(command.facts(found, strict_rate=strict_rate))
    else:
        for each in found.classes:
            console.print(table(each.protocol, command.COLUMNS, command.rows(each), right=("tests",)))
        for line in command.remarks(found):
            notes.print(line, soft_wrap=True, markup=False)
    if not command.is_fine(found, strict_rate=strict_rate):
        raise typer.Exit(1)
