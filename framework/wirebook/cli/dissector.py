"""``wirebook dissector``: a protocol for Wireshark."""

from pathlib import Path
from typing import Annotated

import typer

from wirebook import dissector, plugins
from wirebook.cli.app import emit


def run(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="Protocol, as wirebook plugins lists it.")],
    *,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output.", dir_okay=False)] = None,
) -> None:
    """Write a Wireshark dissector in Lua, which tshark and wireshark load with -X lua_script:FILE."""
    text = dissector.write(plugins.installed().find(protocol))
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        emit(text)
