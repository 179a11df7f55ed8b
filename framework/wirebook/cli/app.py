"""What every command shares: the application, the option ``--json`` and the two ways to print."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import wirebook

app = typer.Typer(
    name="wirebook",
    help="Exchange market data from wire to order book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print the same facts as JSON.")]

Capture = Annotated[
    Path,
    typer.Argument(
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        help="Capture: pcap, pcapng or raw, maybe compressed.",
    ),
]

Captures = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE...",
        help="Captures: pcap, pcapng or raw, maybe compressed; several are played together.",
    ),
]

Protocol = Annotated[str | None, typer.Option(help="Protocol; told from the bytes where it is clear.")]
Framing = Annotated[str | None, typer.Option(help="How packets number messages; told from the packets.")]
FileFormat = Annotated[str | None, typer.Option("--format", help="Format of the file; told from its first bytes.")]

console = Console(highlight=False)
"""For results."""
notes = Console(stderr=True, highlight=False)
"""For progress and remarks, so that results can be piped."""


def emit(text: str) -> None:
    """Prints results of any length. A reader that has gone (``| head``) ends the command: nothing failed."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def print_json(facts: Mapping[str, Any]) -> None:
    """Prints one JSON object on one line."""
    emit(json.dumps(facts) + "\n")


def split_list(given: Iterable[str] | None) -> list[str]:
    """Takes an option that may be given again, and whose values may be joined by commas."""
    return [each.strip() for value in given or () for each in value.split(",") if each.strip()]


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], *, right: Iterable[str] = ()) -> Table:
    """Makes a table of texts; columns named in ``right`` are aligned on the right."""
    numbers = set(right)
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if value is None else str(value) for value in row))
    return made


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print(f"wirebook {wirebook.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Exchange market data from wire to order book."""
