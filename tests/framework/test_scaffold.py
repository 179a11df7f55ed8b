"""`wirebook new-plugin` writes a whole plugin with its copy of the SDK; tests/integrators builds one."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner
from wirebook import sbe_schema, scaffold, sdk
from wirebook.cli import app
from wirebook.errors import Misuse
from wirebook.scaffold import FAMILIES, Plan


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin as the command writes it."""
    folder = tmp_path / "wirebook-acme"
    scaffold.write(Plan.of("acme", "itch"), folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_a_whole_plugin(family: str) -> None:
    files = {str(path): text for path, text in scaffold.render(Plan.of("two_words", family, venue="Two Words"))}
    assert {
        "pyproject.toml",
        "Cargo.toml",
        "build.rs",
        "README.md",
        "tox.ini",
        "src/lib.rs",
        "src/python.rs",
        "python/wirebook_two_words/plugin.py",
        "python/wirebook_two_words/py.typed",
        "protocols/two-words-1.0.yaml",
        "tests/vectors/two-words-1.0.yaml",
        "tests/test_conformance.py",
    } <= set(files)
    assert not [name for name, text in files.items() if "{{" in text or "{%" in text or "_package_" in name]
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["name"] == "wirebook-two-words"
    assert project["project"]["entry-points"]["wirebook"] == {"two_words": "wirebook_two_words.plugin"}
    assert tomllib.loads(files["Cargo.toml"])["workspace"] == {"exclude": [sdk.FOLDER]}
    assert yaml.safe_load(files["protocols/two-words-1.0.yaml"])["id"] == "two-words-1.0"
    assert yaml.safe_load(files["tests/vectors/two-words-1.0.yaml"])["protocol"] == "two-words-1.0"
    compile(files["python/wirebook_two_words/plugin.py"], "plugin.py", "exec")


def test_one_framing_is_still_a_tuple() -> None:
    files = {str(path): text for path, text in scaffold.render(Plan.of("acme", "itch", framings=("length16",)))}
    assert 'framings=("length16",)' in files["python/wirebook_acme/plugin.py"]


def test_the_command_says_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["new-plugin", "acme", "--family", "itch", "--json"], catch_exceptions=False)
    facts = json.loads(result.stdout)
    assert (facts["folder"], facts["protocol"]) == ("wirebook-acme", "acme-1.0")
    assert all((tmp_path / file).is_file() for file in facts["files"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("Acme", "itch", {}), "name: 'Acme' is not"),
        (("acme", "quantum", {}), "family: quantum has no template"),
        (("acme", "itch", {"protocol": "Acme 1"}), "protocol: 'Acme 1' is not"),
        (("acme", "itch", {"framings": ("pigeon",)}), "framing: 'pigeon' is not one of"),
    ],
)
def test_what_cannot_be_is_misuse(arguments: tuple[str, str, dict[str, str]], why: str) -> None:
    name, family, options = arguments
    with pytest.raises(Misuse, match=why):
        Plan.of(name, family, **options)  # type: ignore[arg-type]


def test_nothing_is_written_over(plugin: Path) -> None:
    before = (plugin / "README.md").read_bytes()
    with pytest.raises(Misuse, match="not empty"):
        scaffold.write(Plan.of("other", "itch"), plugin)
    assert (plugin / "README.md").read_bytes() == before


def test_the_plugin_has_its_copy_of_the_sdk(plugin: Path) -> None:
    copy = {file.relative_to(plugin / sdk.FOLDER) for file in (plugin / sdk.FOLDER).rglob("*") if file.is_file()}
    assert copy == {file.relative_to(sdk.path()) for file in sdk.path().rglob("*") if file.is_file()}
    members = tomllib.loads((plugin / sdk.FOLDER / "Cargo.toml").read_text())["workspace"]
    assert members["members"] == list(sdk.CRATES)
    named = {each for each in members["dependencies"] if each.startswith("wirebook-")}
    assert named == {f"wirebook-{each}" for each in sdk.CRATES}


def test_the_copy_follows_the_sdk_and_touches_nothing_else(plugin: Path) -> None:
    kept = plugin / sdk.FOLDER / "abi/src/lib.rs"
    stamp = kept.stat().st_mtime_ns
    changed = plugin / sdk.FOLDER / "framing/src/lib.rs"
    changed.write_text("// of another version\n")
    gone = plugin / sdk.FOLDER / "codegen/src/gone.rs"
    gone.write_text("")
    result = CliRunner().invoke(app, ["sdk", "--into", str(plugin), "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)["path"] == str(plugin / sdk.FOLDER)
    assert changed.read_bytes() == (sdk.path() / "framing/src/lib.rs").read_bytes()
    assert not gone.exists()
    assert kept.stat().st_mtime_ns == stamp


SCHEMA = """<messageSchema id="9" version="2">
  <types>
    <composite name="messageHeader">
      <type name="blockLength" primitiveType="uint16"/><type name="templateId" primitiveType="uint16"/>
      <type name="schemaId" primitiveType="uint16"/><type name="version" primitiveType="uint16"/>
    </composite>
    <composite name="groupSizeEncoding">
      <type name="blockLength" primitiveType="uint16"/><type name="numInGroup" primitiveType="uint8"/>
    </composite>
    <composite name="price">
      <type name="mantissa" primitiveType="int64"/>
      <type name="exponent" primitiveType="int8" presence="constant">-9</type>
    </composite>
    <enum name="Side" encodingType="char"/>
  </types>
  <message name="Beat" id="1"/>
  <message name="Order" id="2">
    <field name="Price" id="1" type="price" offset="2"/>
    <field name="Side" id="2" type="Side"/>
    <group name="Fills" id="3"><field name="Quantity" id="4" type="uint32"/></group>
  </message>
</messageSchema>
"""


def test_a_schema_gives_its_messages_empty(tmp_path: Path) -> None:
    (tmp_path / "venue.xml").write_text(SCHEMA)
    schema = sbe_schema.read(tmp_path / "venue.xml")
    beat, order = schema.messages
    assert schema.shortest is beat
    assert beat.empty == bytes.fromhex("0000 0100 0900 0200")
    assert order.empty == bytes.fromhex("0b00 0200 0900 0200") + bytes(11) + bytes(3)


def test_a_schema_lists_every_message_for_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "venue.xml").write_text(SCHEMA)
    files = {str(path): text for path, text in scaffold.render(Plan.of("acme", "sbe", schema=tmp_path / "venue.xml"))}
    description = yaml.safe_load(files["protocols/acme-1.0.yaml"])
    assert description["schema"] == "venue.xml"
    assert [each["of"] for each in description["meaning"]] == [1, 2]
    vectors = yaml.safe_load(files["tests/vectors/acme-1.0.yaml"])["vectors"]
    assert [each["events"] for each in vectors] == [[{"kind": "end"}], []]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not XML", "cannot be read as a schema"),
        ("<schema/>", "its root is schema, not messageSchema"),
        ("<messageSchema/>", "it has no message"),
        ('<messageSchema><message name="A" id="1"/></messageSchema>', "messageHeader"),
    ],
)
def test_what_is_no_schema_is_misuse(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "venue.xml").write_text(text)
    with pytest.raises(Misuse, match=why):
        sbe_schema.read(tmp_path / "venue.xml")


def test_a_schema_is_of_family_sbe_only(tmp_path: Path) -> None:
    (tmp_path / "venue.xml").write_text(SCHEMA)
    with pytest.raises(Misuse, match="goes with family sbe"):
        Plan.of("acme", "itch", schema=tmp_path / "venue.xml")


SCHEMAS = Path(__file__).parents[3] / "shared/specs/sbe/schemas"


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.xml")) or [SCHEMAS], ids=lambda path: path.stem)
def test_schemas_of_venues_are_read(path: Path) -> None:
    if not path.is_file():
        pytest.skip(f"SKIPPED: {SCHEMAS} is not there")
    assert all(message.empty for message in sbe_schema.read(path).messages)
