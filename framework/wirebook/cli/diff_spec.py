"""``wirebook diff-spec``: what moved between two versions of a protocol."""

from pathlib import Path
from typing import Annotated

import attrs
import typer

from wirebook import comparison
from wirebook.cli.app import Json, console, print_json, table
from wirebook.comparison import AffectedVector, Change


def run(
    before: Annotated[
        str, typer.Argument(metavar="A", help="Older version: a protocol, a description file, an SBE schema.")
    ],
    after: Annotated[
        str, typer.Argument(metavar="B", help="Newer version: a protocol, a description file, an SBE schema.")
    ],
    *,
    vectors: Annotated[
        Path | None, typer.Option(help="Folder with vectors of A: which are affected.", exists=True, file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two protocol versions: messages, fields, codes; and which vectors that touches."""
    old, new = comparison.open_layout(before), comparison.open_layout(after)
    changes = comparison.compare(old, new)
    affected = comparison.affected(old, changes, vectors) if vectors else None
    if as_json:
        facts = {"before": old.protocol, "after": new.protocol, "changes": [attrs.asdict(each) for each in changes]}
        if affected is not None:
            facts["affected_vectors"] = [attrs.asdict(each) for each in affected]
        print_json(facts)
        return
    _show(f"{old.protocol} to {new.protocol}", changes, affected)


def _show(title: str, changes: list[Change], affected: list[AffectedVector] | None) -> None:
    columns = ("message", "what", "field", "before", "after")
    rows = ((each.message, each.what, each.field, each.before, each.after) for each in changes)
    console.print(table(title, columns, rows) if changes else f"{title}: no difference")
    if affected is not None:
        vectors = ((each.file, each.what, each.message) for each in affected)
        console.print(table(f"Affected vectors: {len(affected)}", ("file", "vector", "message"), vectors))
