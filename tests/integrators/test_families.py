"""What `wirebook new-plugin` writes passes its tests as it stands: every family, and a venue's own SBE schema."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[[str, Path], str]

SCHEMA = """<?xml version="1.0" encoding="UTF-8"?>
<sbe:messageSchema xmlns:sbe="http://fixprotocol.io/2016/sbe" xmlns:xi="http://www.w3.org/2001/XInclude"
    package="harbor" id="9" version="1" byteOrder="bigEndian">
  <xi:include href="header.xml"/>
  <types>
    <enum name="Side" encodingType="char">
      <validValue name="Buy">B</validValue>
      <validValue name="Sell">S</validValue>
    </enum>
    <composite name="groupSizeEncoding">
      <type name="blockLength" primitiveType="uint16"/>
      <type name="numInGroup" primitiveType="uint8"/>
    </composite>
    <composite name="text">
      <type name="length" primitiveType="uint8"/>
      <type name="varData" primitiveType="uint8" length="0"/>
    </composite>
    <type name="Symbol" primitiveType="char" length="6"/>
  </types>
  <sbe:message name="Heartbeat" id="1"/>
  <sbe:message name="Listing" id="2">
    <field name="Symbol" id="1" type="Symbol"/>
    <field name="Lot" id="2" type="uint32"/>
    <group name="Legs" id="3" dimensionType="groupSizeEncoding">
      <field name="LegSide" id="4" type="Side"/>
    </group>
    <data name="Note" id="5" type="text"/>
  </sbe:message>
</sbe:messageSchema>
"""

HEADER = """<types>
  <composite name="messageHeader">
    <type name="blockLength" primitiveType="uint16"/>
    <type name="templateId" primitiveType="uint16"/>
    <type name="schemaId" primitiveType="uint16"/>
    <type name="version" primitiveType="uint16"/>
  </composite>
</types>
"""


@pytest.fixture
def started(shell: Shell, tmp_path: Path) -> Callable[[str], Path]:
    """Gives the function that starts a plugin with these options, builds it, and runs its tests."""

    def started(options: str) -> Path:
        shell(f"wirebook new-plugin harbor --into harbor {options}", tmp_path)
        folder = tmp_path / "harbor"
        shell("python -m pip install --no-build-isolation --no-deps --force-reinstall .", folder)
        shell("python -m pytest", folder)
        return folder

    return started


@pytest.mark.parametrize("family", ["pitch", "sbe"])
def test_a_family_s_plugin_passes_its_tests(family: str, started: Callable[[str], Path]) -> None:
    assert (started(f"--family {family}") / "protocols/harbor-1.0.yaml").is_file()


def test_a_schema_s_plugin_passes_its_tests(started: Callable[[str], Path], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "harbor.xml").write_text(SCHEMA)
    (tmp_path / "header.xml").write_text(HEADER)
    folder = started("--sbe harbor.xml --framing moldudp64")
    assert {file.name for file in (folder / "protocols").iterdir()} == {"harbor-1.0.yaml", "harbor.xml", "header.xml"}
    described = shell("wirebook describe harbor-1.0 --markdown", folder)
    assert "## listing (`2`)" in described
    assert "| legs[].leg_side | char |" in described


def test_formatting_is_what_the_tools_make(shell: Shell, tmp_path: Path) -> None:
    """An author's first run of the formatters changes nothing."""
    for tool in ("rustfmt", "cargo"):
        assert shutil.which(tool), f"{tool} is not installed: rustup component add rustfmt"
    shell("wirebook new-plugin harbor --family itch --into harbor", tmp_path)
    shell("cargo fmt --check", tmp_path / "harbor")
