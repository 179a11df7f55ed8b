"""``wirebook sdk``: the sources that plugins build against."""

from pathlib import Path
from typing import Annotated

import typer

import wirebook
from wirebook import _engine, sdk
from wirebook.cli.app import Json, console, emit, print_json


def run(
    *,
    into: Annotated[
        Path | None,
        typer.Option(help="Plugin whose copy is made that of this wirebook.", exists=True, file_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say where the sources are that plugins build against, or copy them into a plugin's folder."""
    folder = sdk.provide(into) if into else sdk.path()
    if as_json:
        print_json({"path": str(folder), "version": wirebook.__version__, "abi_version": _engine.ABI_VERSION})
    elif into:
        console.print(f"{folder}: wirebook {wirebook.__version__}, decoder ABI {_engine.ABI_VERSION}", soft_wrap=True)
    else:
        emit(f"{folder}\n")
