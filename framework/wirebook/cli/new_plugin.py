"""``wirebook new-plugin``: the package of a new venue."""

from pathlib import Path
from typing import Annotated

import typer

from wirebook import scaffold
from wirebook.cli.app import Json, console, print_json, split_list
from wirebook.errors import Misuse


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the plugin: lantern makes wirebook-lantern.")],
    *,
    family: Annotated[str | None, typer.Option(help=f"Family to start from: {', '.join(scaffold.FAMILIES)}.")] = None,
    sbe: Annotated[
        Path | None, typer.Option(help="The venue's own SBE schema (XML).", exists=True, dir_okay=False)
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="Identity of its protocol; NAME-1.0.")] = None,
    venue: Annotated[str | None, typer.Option(help="Who publishes it, for people.")] = None,
    framing: Annotated[
        list[str] | None, typer.Option("--framing", help="How packets number messages; may be given again.")
    ] = None,
    into: Annotated[Path | None, typer.Option(help="Folder to write; wirebook-NAME.", file_okay=False)] = None,
    as_json: Json = False,
) -> None:
    """Write a working plugin for a venue of a known family: description, vectors, tests, ready to be changed."""
    if family is None and sbe is None:
        raise Misuse(f"--family: name one of {', '.join(scaffold.FAMILIES)}, or a schema with --sbe")
    plan = scaffold.Plan.of(
        name, family or "sbe", protocol=protocol, venue=venue, framings=tuple(split_list(framing)), schema=sbe
    )
    folder = into or Path(str(plan.facts()["distribution"]))
    files = scaffold.write(plan, folder)
    if as_json:
        print_json({"folder": str(folder), "protocol": plan.protocol, "files": [str(file) for file in files]})
        return
    console.print(f"{folder}: {len(files)} files, protocol {plan.protocol}", soft_wrap=True)
    console.print(
        f"cd {folder}; python -m pip install . && python -m pytest; README.md says what to change", soft_wrap=True
    )
