"""The arrows of the architecture: who may depend on whom, plugins of equal shape, every hook documented and used."""

import ast
import configparser
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from wirebook import hookspecs

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "engine"
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
MEMBERS: list[str] = tomllib.loads((ENGINE / "Cargo.toml").read_text())["workspace"]["members"]
NO_STD = ["abi", "framing", "book", "channel"]


TOX = configparser.RawConfigParser(comment_prefixes=("#",))
TOX.read(ROOT / "tox.ini")


def venues(family: str) -> dict[str, str]:
    """Environments of a family's venues, and which tests each takes: what ``pytest -k`` is given."""
    (section,) = (each for each in TOX.sections() if each.startswith(f"testenv:{family}-{{"))
    lines = TOX[section]["set_env"].strip().splitlines()
    return dict(line.strip().split(": WIREBOOK_VENUE = ", 1) for line in lines)


def chooses(expression: str, name: str) -> bool:
    """Whether ``pytest -k`` takes a test of this name; of its grammar what tox.ini uses."""

    def holds(term: str) -> bool:
        word = term.removeprefix("not ")
        return (word in name.lower()) is not term.startswith("not ")

    return any(all(map(holds, choice.split(" and "))) for choice in expression.split(" or "))


def manifest(folder: Path) -> dict[str, Any]:
    """The Cargo.toml of a crate."""
    return tomllib.loads((folder / "Cargo.toml").read_text())


def dependencies(folder: Path, *kinds: str) -> set[str]:
    """Names of the crates that a manifest depends on in these ways."""
    parsed = manifest(folder)
    tables = [parsed, *parsed.get("target", {}).values()]
    return {name for table in tables for kind in kinds for name in table.get(kind, {})}


def imports(file: Path) -> Iterator[str]:
    """Modules that a Python file imports, by their whole names."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_the_parts_are_found() -> None:
    assert len(MEMBERS) >= 5
    assert PLUGINS


@pytest.mark.parametrize("member", MEMBERS)
def test_engine_crates_name_only_crates_above_them(member: str) -> None:
    above = {f"wirebook-{each}" for each in MEMBERS[: MEMBERS.index(member)]}
    named = {name for name in dependencies(ENGINE / member, "dependencies") if name.startswith("wirebook-")}
    assert named <= above


@pytest.mark.parametrize("member", [each for each in MEMBERS if each != "python"])
def test_only_the_python_crate_knows_python(member: str) -> None:
    assert not dependencies(ENGINE / member, "dependencies", "build-dependencies", "dev-dependencies") & {
        "pyo3",
        "pyo3-ffi",
    }


def test_the_border_depends_on_nothing() -> None:
    assert dependencies(ENGINE / "abi", "dependencies", "build-dependencies") == set()


@pytest.mark.parametrize("member", NO_STD)
def test_hot_path_crates_need_no_std(member: str) -> None:
    if member in MEMBERS:
        assert "no_std" in (ENGINE / member / "src/lib.rs").read_text()


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
class TestPlugin:
    """Each plugin, which builds as a stranger's would."""

    def test_has_the_shape_of_the_others(self, plugin: Path) -> None:
        package = f"wirebook_{plugin.name}"
        parts = ("Cargo.toml", "build.rs", "protocols", "src/lib.rs", f"python/{package}/plugin.py", "tests/vectors")
        assert [part for part in parts if not (plugin / part).exists()] == []

    def test_names_nothing_of_the_engine_but_the_border(self, plugin: Path) -> None:
        named = {each for each in dependencies(plugin, "dependencies") if each.startswith("wirebook")}
        assert {"wirebook-abi"} <= named <= {"wirebook-abi", "wirebook-framing"}
        built_with = dependencies(plugin, "build-dependencies")
        assert {each for each in built_with if each.startswith("wirebook")} <= {"wirebook-codegen"}

    def test_is_a_workspace_of_its_own(self, plugin: Path) -> None:
        assert "workspace" in manifest(plugin)
        assert f"../plugins/{plugin.name}" not in MEMBERS

    def test_needs_no_std_without_python(self, plugin: Path) -> None:
        assert 'cfg_attr(not(feature = "python"), no_std)' in (plugin / "src/lib.rs").read_text()

    def test_leaves_the_crate_type_to_the_packager(self, plugin: Path) -> None:
        assert "crate-type" not in manifest(plugin).get("lib", {})

    def test_is_found_by_its_entry_point(self, plugin: Path) -> None:
        project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
        assert project["name"] == f"wirebook-{plugin.name}"
        assert project["entry-points"]["wirebook"] == {plugin.name: f"wirebook_{plugin.name}.plugin"}

    def test_has_an_environment_and_each_protocol_one_of_its_venue_s(self, plugin: Path) -> None:
        assert plugin.name in TOX["tox"]["env_list"].split()
        chosen = {
            path.stem: [venue for venue, expression in venues(plugin.name).items() if chooses(expression, path.stem)]
            for path in (plugin / "protocols").glob("*.yaml")
        }
        assert chosen
        assert {protocol: names for protocol, names in chosen.items() if len(names) != 1} == {}

    def test_has_a_conformance_class_for_each_protocol(self, plugin: Path) -> None:
        protocols = {path.stem for path in (plugin / "protocols").glob("*.yaml")}
        text = (plugin / "tests/test_conformance.py").read_text()
        tried = re.findall(
            r"^class (\w+)\(DecoderConformance\):.*?^    protocol = \"(.+?)\"", text, re.MULTILINE | re.DOTALL
        )
        assert {protocol for _, protocol in tried} == protocols
        # By its name, tox takes the class into the environment of the venue.
        for name, protocol in tried:
            (venue,) = (each for each, expression in venues(plugin.name).items() if chooses(expression, protocol))
            assert chooses(venues(plugin.name)[venue], name), name

    def test_never_meets_another(self, plugin: Path) -> None:
        others = {f"wirebook_{each.name}" for each in PLUGINS if each != plugin}
        for file in (plugin / "python").rglob("*.py"):
            assert not {name.partition(".")[0] for name in imports(file)} & others, file


@pytest.mark.parametrize("member", MEMBERS)
def test_engine_crates_build_without_any_plugin(member: str) -> None:
    names = {f"wirebook-{plugin.name}" for plugin in PLUGINS}
    assert not dependencies(ENGINE / member, "dependencies", "build-dependencies") & names


def test_framework_imports_no_plugin() -> None:
    files = list((ROOT / "framework").rglob("*.py"))
    assert files
    for file in files:
        strangers = {name for name in imports(file) if name.startswith("wirebook_")}
        assert not strangers, f"{file} imports {strangers}"


def hooks() -> list[FunctionType]:
    """Functions that are marked as hook specifications."""
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    return [each for _, each in functions if hasattr(each, f"{hookspecs.PROJECT}_spec")]


def test_hookspecs_hold_hooks() -> None:
    assert hooks()


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook.__name__)
class TestHook:
    """Each extension point."""

    def test_is_named_for_the_project(self, hook: FunctionType) -> None:
        assert hook.__name__.startswith("wirebook_")

    def test_says_when_how_often_and_what_comes_back(self, hook: FunctionType) -> None:
        text = inspect.getdoc(hook) or ""
        assert "Called" in text
        assert "Returns" in text

    def test_is_typed(self, hook: FunctionType) -> None:
        named = set(inspect.signature(hook).parameters) | {"return"}
        assert named == set(hook.__annotations__)

    def test_has_a_plugin_here_that_uses_it(self, hook: FunctionType) -> None:
        sources = [file.read_text() for plugin in PLUGINS for file in (plugin / "python").rglob("plugin.py")]
        assert any(f"def {hook.__name__}(" in source for source in sources)


def test_no_file_is_named_for_lack_of_a_noun() -> None:
    folders = [ENGINE, ROOT / "framework", ROOT / "plugins", ROOT / "tests"]
    files = [file for folder in folders for ending in ("py", "rs") for file in folder.rglob(f"*.{ending}")]
    named = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
    assert [file for file in files if file.stem in named and "target" not in file.parts] == []
