"""What a protocol's messages look like, as its decoder describes them: facts, flat lines, Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from wirebook._engine import DataDescription, FieldDescription, GroupDescription, MessageDescription
    from wirebook.plugins import InstalledProtocol


@attrs.frozen
class Line:
    """One field of a message, wherever it stands in it."""

    path: str
    """Its name; behind that of its group where it is in one: ``entries[].price``."""
    offset: int | None
    """From the start of the message, of the group's entry or of the part; None where it varies."""
    bytes: int | None
    """None where it varies."""
    type: str
    """How its bytes read: ``unsigned``, ``signed little``, ``ascii``."""
    scale: str
    """What turns the integer into the value; empty where it is the value."""
    unit: str
    since: int
    null: int | None
    """Wire integer that means no value."""
    constant: str
    """The value of a field that is not on the wire."""
    enumeration: str
    codes: dict[str, str]


def facts(installed: InstalledProtocol) -> dict[str, Any]:
    """Gives all that the decoder says of a protocol, as plain data."""
    decoder = installed.decoder
    return {
        "protocol": decoder.protocol,
        "title": installed.protocol.title,
        "venue": decoder.venue,
        "version": decoder.version,
        "family": decoder.family,
        "framings": list(decoder.framings),
        "clock": decoder.clock,
        "timezone": decoder.timezone,
        "price_scale": decoder.price_scale,
        "order_ids": decoder.order_ids,
        "distribution": installed.origin.distribution,
        "header": decoder.header,
        "messages": decoder.describe(),
    }


def lines(message: MessageDescription) -> list[Line]:
    """Gives every field of a message, those of groups, parts and variable data behind its own."""
    found = [_line(field) for field in message["fields"]]
    for part in message["parts"]:
        prefix = f"{part['name']}[]." if part["repeats"] else f"{part['name']}."
        found += [_line(field, prefix) for field in part["fields"]]
    found += _behind(message["groups"], message["data"], "")
    return found


def _behind(groups: Sequence[GroupDescription], data: Sequence[DataDescription], prefix: str) -> Iterator[Line]:
    for group in groups:
        within = f"{prefix}{group['name']}[]."
        for field in group["fields"]:
            yield _line(field, within)
        yield from _behind(group["groups"], group["data"], within)
    for each in data:
        yield attrs.evolve(_line(each, prefix), offset=None, bytes=None)


def _line(field: FieldDescription, prefix: str = "") -> Line:
    absent = bool(field["constant"])
    return Line(
        path=prefix + field["name"],
        offset=None if absent else field["offset"],
        bytes=None if absent else field["bytes"],
        type=_type(field),
        scale=_scale(field),
        unit=field["unit"],
        since=field["since"],
        null=field["null"],
        constant=field["constant"],
        enumeration=field["enumeration"],
        codes=field["codes"],
    )


def _type(field: FieldDescription) -> str:
    kind = field["kind"]
    if kind in ("unsigned", "signed", "bits", "float") and field["bytes"] // field["count"] > 1:
        kind = f"{kind} {field['byte_order']}"
    return kind if field["count"] == 1 else f"{kind} x {field['count']}"


def _scale(field: FieldDescription) -> str:
    match field["scaling"]:
        case "fixed":
            return "" if field["scale"] == 1 else f"/ {field['scale']}"
        case "exponent":
            return f"* 10 ^ {field['scale_from']}"
        case "decimals":
            return f"/ 10 ^ {field['scale_from']}"
        case _:
            return f"/ {field['scale_from']}"


def notes(line: Line) -> str:
    """Gives what else is to be known of a field, in words."""
    said = [line.scale and f"value {line.scale}", line.unit]
    if line.constant:
        said.append(f"always {line.constant}")
    if line.null is not None:
        said.append(f"null {line.null}")
    if line.since:
        said.append(f"since version {line.since}")
    if line.enumeration:
        said.append(f"codes {line.enumeration}")
    return ", ".join(filter(None, said))


def enumerations(messages: Sequence[MessageDescription]) -> dict[str, dict[str, str]]:
    """Gives every code list by its name, codes of all its uses together."""
    found: dict[str, dict[str, str]] = {}
    for message in messages:
        for line in lines(message):
            if line.codes:
                found.setdefault(line.enumeration or line.path, {}).update(line.codes)
    return found


def markdown(described: dict[str, Any]) -> str:
    """Writes the facts of :func:`facts` as a page."""
    messages: list[MessageDescription] = described["messages"]
    out = [
        f"# {described['title']}\n",
        f"Protocol `{described['protocol']}`, family {described['family']}, in {', '.join(described['framings'])}.\n",
        "| type | message | bytes | for |\n|---|---|---|---|",
        *(f"| `{each['type']}` | {each['name']} | {each['bytes']} | {_cell(each['about'])} |" for each in messages),
        "",
    ]
    for message in messages:
        out += [
            f"## {message['name']} (`{message['type']}`)\n",
            "| offset | bytes | field | type | notes |\n|---|---|---|---|---|",
            *(
                f"| {_number(line.offset)} | {_number(line.bytes)} | {line.path} | {line.type} | {_cell(notes(line))} |"
                for line in lines(message)
            ),
            "",
        ]
    if codes := enumerations(messages):
        out.append("## Codes\n")
        for name, values in codes.items():
            out += [f"### {name}\n", "| code | means |\n|---|---|"]
            out += [f"| `{_cell(code)}` | {_cell(meaning)} |" for code, meaning in values.items()]
            out.append("")
    return "\n".join(out)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
