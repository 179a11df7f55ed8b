"""`wirebook diff-spec` finds what moved between two versions, and the vectors that feel it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wirebook import comparison, layouts, plugins
from wirebook.cli import app
from wirebook.errors import Misuse
from wirebook.layouts import Layout

ROOT = Path(__file__).parents[2]
ITCH = ROOT / "plugins/itch/protocols"
DESCRIPTIONS = sorted((ROOT / "plugins").glob("*/protocols/*.yaml"))
SCHEMAS = ROOT.parent / "shared/specs/sbe/schemas"
INSTALLED = {each.protocol.name for each in plugins.installed().protocols}

DESCRIPTION = """
id: demo-1.0
byte_order: big
type_field: message_type
header:
  - {name: message_type, offset: 0, size: 1, type: char}
messages:
  - type: A
    name: add
    length: 10
    fields:
      - {name: order, offset: 1, size: 4, type: u32}
      - {name: side, offset: 5, size: 1, type: char, enum: side}
      - {name: price, offset: 6, size: 4, type: u32, scale: 100}
  - type: D
    name: delete
    length: 5
    fields:
      - {name: order, offset: 1, size: 4, type: u32}
enums:
  side: {B: buy, S: sell}
"""

VECTORS = """
protocol: demo-1.0
vectors:
  - {what: an order, bytes: "41 00000001 42 00000064", events: []}
  - {what: a deletion, bytes: "44 00000001", events: []}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a description and its vectors."""
    (tmp_path / "demo-1.0.yaml").write_text(DESCRIPTION)
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors/demo.yaml").write_text(VECTORS)
    return tmp_path


def changes(files: Path, *edits: tuple[str, str]) -> list[tuple[str, str, str, str, str]]:
    """What differs after these replacements."""
    text = DESCRIPTION
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (files / "demo-1.1.yaml").write_text(text)
    before, after = (comparison.open_layout(str(files / f"demo-{version}.yaml")) for version in ("1.0", "1.1"))
    return [
        (each.message, each.what, each.field, each.before, each.after) for each in comparison.compare(before, after)
    ]


def test_equal_versions_do_not_differ(files: Path) -> None:
    assert changes(files) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: price, offset: 6", "name: price, offset: 8", ("field moved", "price", "6", "8")),
        ("size: 4, type: u32, scale", "size: 8, type: u64, scale", ("field resized", "price", "4", "8")),
        ("type: u32, scale", "type: i32, scale", ("field retyped", "price", "unsigned big", "signed big")),
        ("scale: 100}", "scale: 1000}", ("scale changed", "price", "/ 100", "/ 1000")),
        ("{name: price", "{name: limit", ("field renamed", "price", "price", "limit")),
        ("S: sell}", "S: sell, X: short}", ("code added", "side", "", "X short")),
        (", S: sell}", "}", ("code removed", "side", "S sell", "")),
        ("S: sell}", "S: offer}", ("code renamed", "side", "S sell", "S offer")),
        ("length: 10", "length: 12", ("length changed", "", "10", "12")),
        ("name: add\n", "name: add_order\n", ("message renamed", "", "add", "add_order")),
        ("type: A\n", "type: Z\n", ("type changed", "", "A", "Z")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_change_is_named(files: Path, old: str, new: str, expected: tuple[str, ...]) -> None:
    assert changes(files, (old, new)) == [("A add", *expected)]


def test_messages_and_fields_that_come_and_go(files: Path) -> None:
    gone = DESCRIPTION[DESCRIPTION.index("  - type: D") : DESCRIPTION.index("enums:")]
    added = "  - type: X\n    name: cancel\n    length: 1\n    fields: []\n"
    price = "      - {name: price, offset: 6, size: 4, type: u32, scale: 100}\n"
    found = changes(files, (gone, added), (price, price + "      - {name: flags, offset: 10, size: 1, type: bits8}\n"))
    assert ("D delete", "message removed", "", "5", "") in found
    assert ("X cancel", "message added", "", "", "1") in found
    assert ("A add", "field added", "flags", "", "1 bytes at 10, bits") in found


def test_vectors_of_changed_messages_are_affected(files: Path) -> None:
    changes(files, ("name: price, offset: 6", "name: price, offset: 8"))
    arguments = ["diff-spec", str(files / "demo-1.0.yaml"), str(files / "demo-1.1.yaml")]
    result = CliRunner().invoke(
        app, [*arguments, "--vectors", str(files / "vectors"), "--json"], catch_exceptions=False
    )
    facts: dict[str, Any] = json.loads(result.stdout)
    assert (facts["before"], facts["after"]) == ("demo-1.0", "demo-1.0")
    assert [each["what"] for each in facts["affected_vectors"]] == ["an order"]
    assert [each["what"] for each in facts["changes"]] == ["field moved"]


def test_a_folder_without_its_vectors_is_misuse(files: Path) -> None:
    (files / "vectors/demo.yaml").write_text("protocol: other-1.0\nvectors: []\n")
    layout = layouts.of_file(files / "demo-1.0.yaml")
    with pytest.raises(Misuse, match=r"no vector of demo-1\.0"):
        comparison.affected(layout, [], files / "vectors")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a list", "has no keys"),
        ("{broken", "cannot be read as YAML"),
        ("id: demo", "no description of flat messages"),
        ("family: sbe\nid: demo", "message_header is missing"),
        ("extends: nowhere", "cannot be read"),
        ("extends: demo-1.0", "without end"),
    ],
)
def test_files_that_are_no_description_are_misuse(files: Path, text: str, why: str) -> None:
    (files / "demo-1.0.yaml").write_text(text)
    with pytest.raises(Misuse, match=why):
        comparison.open_layout(str(files / "demo-1.0.yaml"))


@pytest.mark.parametrize("path", [each for each in DESCRIPTIONS if each.stem in INSTALLED], ids=lambda path: path.stem)
def test_a_decoder_has_the_layout_of_its_description(path: Path) -> None:
    """Two ways to one layout: through codegen and the decoder's table, and by the file."""

    def told(layout: Layout) -> dict[tuple[str, str, str], Any]:
        return {
            (each.type, each.name, each.size): [(line.path, line.offset, line.bytes, line.codes) for line in each.lines]
            for each in layout.messages
        }

    assert told(layouts.of_file(path)) == told(layouts.of_protocol(path.stem))


@pytest.mark.skipif("nasdaq-totalview-5.0" not in INSTALLED, reason="wirebook-itch is not installed")
def test_versions_of_installed_protocols_compare(tmp_path: Path) -> None:
    vectors = shutil.copytree(ROOT / "plugins/itch/tests/vectors", tmp_path / "vectors")
    before, after = map(comparison.open_layout, ("nasdaq-totalview-5.0", "nasdaq-psx-totalview-5.0"))
    found = comparison.compare(before, after)
    removed = [each.message for each in found if each.what == "message removed"]
    assert removed == ["K ipo_quoting_period_update", "N retail_interest", "O direct_listing_price_discovery"]
    assert not [each for each in found if each.what in ("field moved", "field resized", "field retyped")]
    affected = {each.message for each in comparison.affected(before, found, vectors)}
    assert set(removed) <= affected
    assert "D order_delete" not in affected


SCHEMA = """<?xml version="1.0"?>
<messageSchema id="9" version="VERSION" byteOrder="littleEndian">
  <types>
    <composite name="messageHeader">
      <type name="blockLength" primitiveType="uint16"/><type name="templateId" primitiveType="uint16"/>
      <type name="schemaId" primitiveType="uint16"/><type name="version" primitiveType="uint16"/>
    </composite>
    <composite name="groupSizeEncoding">
      <type name="blockLength" primitiveType="uint16"/><type name="numInGroup" primitiveType="uint8"/>
    </composite>
  </types>
  <message name="Quote" id="1">
    <field name="price" id="1" type="int64"/>
    <group name="legs" id="2"><field name="ratio" id="3" type="uint8"/>MORE</group>
  </message>
  <message name="Beat" id="2"/>
</messageSchema>
"""


def test_venues_schemas_compare_as_they_are(tmp_path: Path) -> None:
    old, new = tmp_path / "old.xml", tmp_path / "new.xml"
    old.write_text(SCHEMA.replace("VERSION", "1").replace("MORE", ""))
    more = '<field name="side" id="4" type="char"/>'
    new.write_text(SCHEMA.replace("VERSION", "2").replace("MORE", more).replace("int64", "int32"))
    vectors = """
    protocol: demo-1.0
    vectors:
      - {what: a quote, bytes: "0800 0100 0900 0100 0000000000000000 0100 00", events: []}
      - {what: a beat, bytes: "0000 0200 0900 0100", events: []}
      - {what: behind a quote, before: ["0800 0100 0900 0100 0000000000000000 0100 00"], bytes: "0000 0200 0900 0100"}
      - {what: a packet, packet: "00", framing: message, events: []}
    """
    (tmp_path / "demo.yaml").write_text(vectors)
    arguments = ["diff-spec", str(old), str(new), "--vectors", str(tmp_path), "--json"]
    facts: dict[str, Any] = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    found = {(each["what"], each["field"]): (each["before"], each["after"]) for each in facts["changes"]}
    assert found == {
        ("length changed", ""): ("16", "12"),
        ("field resized", "price"): ("8", "4"),
        ("field added", "legs[].side"): ("", "1 bytes at 1, char"),
    }
    assert [each["what"] for each in facts["affected_vectors"]] == ["a quote", "behind a quote"]


def test_a_broken_schema_is_misuse_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text(SCHEMA.replace("VERSION", "1").replace("int64", "int65").replace("MORE", ""))
    with pytest.raises(Misuse, match=r"broken\.xml:13:.*int65"):
        comparison.open_layout(str(tmp_path / "broken.xml"))


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="SKIPPED: ../shared is missing")
def test_versions_of_a_real_schema_compare() -> None:
    before, after = (layouts.of_file(SCHEMAS / f"coinbase-derivatives-md-{version}.xml") for version in ("1.2", "1.7"))
    changes = comparison.compare(before, after)
    assert {each.what for each in changes} >= {"message added", "field added"}
    assert comparison.compare(before, before) == []
