"""``wirebook inspect``: a capture, message by message."""

from typing import Annotated

import typer

from wirebook._engine import Inspector
from wirebook.cli.app import Capture, FileFormat, Framing, Json, Protocol, emit, notes, split_list
from wirebook.recognition import recognize


def run(
    file: Capture,
    *,
    protocol: Protocol = None,
    framing: Framing = None,
    file_format: FileFormat = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only messages of this type or name; may be given again.")
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", "--symbol", help="Only messages of these symbols.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Messages to show at most.")] = None,
    hexadecimal: Annotated[bool, typer.Option("--hex", help="Show the bytes too.")] = False,
    as_json: Json = False,
) -> None:
    """Show a capture message by message, every field with its meaning; with --json one object a line.

    Packets are shown as they were captured: both lines, duplicates included.
    """
    recognized = recognize(file, protocol=protocol, framing=framing, format=file_format)
    inspector = Inspector(
        file,
        recognized.taken.decoder,
        framing=framing,
        format=file_format,
        types=split_list(types),
        symbols=split_list(symbols),
        limit=limit,
        json=as_json,
        hex=hexadecimal,
    )
    if recognized.remark:
        notes.print(recognized.remark)
    for text in inspector:
        emit(text)
    if inspector.foreign:
        notes.print(f"{inspector.foreign} packets cannot be {recognized.taken.protocol.name} and were left out")
    if inspector.errors:
        notes.print(f"{inspector.errors} of {inspector.messages} messages and packets are not what the protocol says")
