"""``wirebook describe``: messages and fields of a protocol."""

from typing import Annotated, Any

import typer

from wirebook import description, plugins
from wirebook.cli.app import Json, console, emit, print_json, split_list, table
from wirebook.errors import Misuse


def run(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="Protocol, as wirebook plugins lists it.")],
    *,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only messages of this type or name; may be given again.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown page.")] = False,
    as_json: Json = False,
) -> None:
    """Show messages, fields and codes of a protocol, as its installed decoder describes them."""
    if markdown and as_json:
        raise Misuse("--json and --markdown: choose one")
    described = description.facts(plugins.installed().find(protocol))
    if wanted := set(split_list(types)):
        described["messages"] = _of_types(described, wanted)
    if as_json:
        print_json(described)
    elif markdown:
        emit(description.markdown(described))
    else:
        _show(described)


def _of_types(described: dict[str, Any], wanted: set[str]) -> list[Any]:
    messages = described["messages"]
    known = {each["type"] for each in messages} | {each["name"] for each in messages}
    if unknown := sorted(wanted - known):
        raise Misuse(f"--type: {described['protocol']} has no message {', '.join(unknown)}")
    return [each for each in messages if {each["type"], each["name"]} & wanted]


def _show(described: dict[str, Any]) -> None:
    told = ("title", "venue", "version", "family", "clock", "timezone", "price_scale", "order_ids", "distribution")
    rows: list[tuple[object, object]] = [(key.replace("_", " "), described[key]) for key in told if described[key]]
    rows.append(("framings", ", ".join(described["framings"])))
    console.print(table(described["protocol"], ("what", "value"), rows))
    columns = ("offset", "bytes", "field", "type", "notes")
    for message in described["messages"]:
        title = f"{message['type']} {message['name']}, {message['bytes']} bytes: {message['about']}"
        lines = description.lines(message)
        fields = [(line.offset, line.bytes, line.path, line.type, description.notes(line)) for line in lines]
        console.print(table(title, columns, fields, right=columns[:2]))
    for name, codes in description.enumerations(described["messages"]).items():
        console.print(table(f"Codes of {name}", ("code", "means"), codes.items()))
