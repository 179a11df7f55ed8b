"""What `wirebook describe` says is what the decoder and its description say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from wirebook import description, plugins
from wirebook.cli import app
from wirebook.errors import Misuse

PROTOCOL = "nasdaq-totalview-5.0"
pytestmark = pytest.mark.skipif(
    PROTOCOL not in {each.protocol.name for each in plugins.installed().protocols},
    reason="wirebook-itch is not installed",
)


def describe(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["describe", PROTOCOL, *arguments], catch_exceptions=False)


def test_json_has_every_message_and_field() -> None:
    facts = json.loads(describe("--json").stdout)
    decoder = plugins.installed().find(PROTOCOL).decoder
    assert facts["messages"] == decoder.describe()
    assert facts["header"] is None
    assert facts["price_scale"] == 10_000
    add = next(each for each in facts["messages"] if each["name"] == "add_order")
    price = add["fields"][-1]
    assert (price["offset"], price["bytes"], price["byte_order"], price["scale"]) == (32, 4, "big", 10_000)
    side = next(each for each in add["fields"] if each["name"] == "buy_sell_indicator")
    assert set(side["codes"]) == {"B", "S"}


def test_table_shows_what_a_field_means() -> None:
    shown = describe("--type", "A").stdout
    assert "value / 10000, price" in shown
    assert "order_replace" not in shown


def test_type_and_name_choose_messages() -> None:
    facts = json.loads(describe("--type", "A,order_delete", "--json").stdout)
    assert [each["name"] for each in facts["messages"]] == ["add_order", "order_delete"]


def test_an_unknown_type_is_misuse() -> None:
    with pytest.raises(Misuse, match="has no message quantum"):
        describe("--type", "quantum")


def test_two_forms_at_once_are_misuse() -> None:
    with pytest.raises(Misuse, match="choose one"):
        describe("--json", "--markdown")


def test_markdown_has_a_row_for_each_field() -> None:
    page = describe("--markdown").stdout
    messages = plugins.installed().find(PROTOCOL).decoder.describe()
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\w+) \|", page, re.MULTILINE)
    assert rows == [
        (str(field["offset"]), str(field["bytes"]), field["name"]) for each in messages for field in each["fields"]
    ]


FIELD: dict[str, Any] = {
    "name": "price",
    "kind": "signed",
    "unit": "price",
    "offset": 8,
    "bytes": 8,
    "byte_order": "little",
    "scale": 1,
    "scaling": "exponent",
    "scale_from": "exponent",
    "null": 2**63 - 1,
    "since": 9,
    "count": 1,
    "constant": "",
    "enumeration": "",
    "codes": {},
}


def message(**parts: Any) -> Any:
    """A message with groups, data or parts, as decoders describe them."""
    return {"fields": [], "groups": [], "data": [], "parts": [], **parts}


def test_lines_go_through_groups_within_groups() -> None:
    inner = {"name": "legs", "fields": [FIELD], "groups": [], "data": []}
    text = {**FIELD, "name": "note", "kind": "utf8", "length": (0, 2), "head_bytes": 2}
    outer = {"name": "entries", "fields": [FIELD], "groups": [inner], "data": [text]}
    found = description.lines(message(groups=[outer]))
    assert [line.path for line in found] == ["entries[].price", "entries[].legs[].price", "entries[].note"]
    assert found[2].offset is None
    said = description.notes(found[0])
    assert said == "value * 10 ^ exponent, price, null 9223372036854775807, since version 9"


def test_lines_show_parts_and_constants() -> None:
    part = {"name": "legs", "repeats": True, "fields": [{**FIELD, "scaling": "fixed"}]}
    constant = {**FIELD, "name": "exponent", "constant": "-9", "scaling": "fixed", "null": None, "since": 0, "unit": ""}
    found = description.lines(message(fields=[constant], parts=[part]))
    assert [line.path for line in found] == ["exponent", "legs[].price"]
    assert found[0].bytes is None
    assert description.notes(found[0]) == "always -9"


def test_every_installed_protocol_is_described(tmp_path: Path) -> None:
    for each in plugins.installed().protocols:
        facts = description.facts(each)
        (tmp_path / each.protocol.name).write_text(json.dumps(facts))
        page = description.markdown(facts)
        assert all(f"## {message['name']}" in page for message in facts["messages"])
