"""Broken plugins among good ones: each is refused by itself, with what to do, and the others go on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from wirebook import plugins
from wirebook._engine import ABI_VERSION, Decoder, PluginRefused
from wirebook.errors import Misuse
from wirebook.model import Capabilities, Protocol
from wirebook.plugins import Refused

Install = Callable[..., Path]

GOOD = """
    import wirebook

    @wirebook.hookimpl
    def wirebook_protocols():
        return []
"""


def refused_of(name: str) -> Refused:
    """The one refusal of this distribution."""
    (refused,) = (each for each in plugins.load().refused if each.origin.distribution == name)
    return refused


def test_good_plugin_is_listed_with_version_hooks_and_file(install: Install) -> None:
    file = install("good-plugin", GOOD, version="2.5")
    (plugin,) = (each for each in plugins.load().plugins if each.origin.distribution == "good-plugin")
    assert plugin.origin.version == "2.5"
    assert plugin.origin.path == str(file)
    assert plugin.hooks == ("wirebook_protocols",)


BROKEN = {
    "cannot be imported": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "has a syntax error": ("def (", "SyntaxError"),
    "leaves the interpreter": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "has no hook": ("answer = 42", "implements no hook"),
    "takes arguments that the hook does not have": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_protocols(depth): return []",
        "do not fit",
    ),
    "implements a hook of another version": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_teleport(): return []",
        "wirebook_teleport",
    ),
    "raises": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_protocols(): raise RuntimeError('no licence')",
        "RuntimeError: no licence",
    ),
    "leaves the interpreter when asked": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_protocols(): raise SystemExit",
        "SystemExit",
    ),
    "gives a text": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_protocols(): return 'itch'",
        "gave a str",
    ),
    "gives a list of texts": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_protocols(): return ['itch']",
        "[0] is a str",
    ),
    "declares nonsense": (
        "import wirebook\n@wirebook.hookimpl\ndef wirebook_protocols(): return [wirebook.Capabilities(['pigeon'])]",
        "framings[0]: 'pigeon' is not one of",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_plugin_is_refused_with_reason_and_remedy(install: Install, source: str, reason: str) -> None:
    install("broken", source)
    refused = refused_of("broken")
    assert reason in refused.reason
    assert refused.remedy
    assert refused.protocol is None


def test_broken_plugins_leave_good_ones_alone(install: Install) -> None:
    before = [each.protocol.name for each in plugins.load().protocols]
    for number, (source, _) in enumerate(BROKEN.values()):
        install(f"broken-{number}", source)
    install("a-good-one", GOOD)
    install("z-good-one", GOOD)
    found = plugins.load()
    assert {"a-good-one", "z-good-one"} <= {each.origin.distribution for each in found.plugins}
    assert len(found.refused) == len(BROKEN)
    assert [each.protocol.name for each in found.protocols] == before


def test_interrupt_while_loading_is_not_swallowed(install: Install) -> None:
    install("interrupted", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.load()


def test_entry_point_that_is_no_reference_is_refused(install: Install) -> None:
    install("unreadable", "", entry_point="unreadable = not a module")
    assert "cannot be loaded" in refused_of("unreadable").reason


TABLE = """
    import wirebook

    TABLE = None

    @wirebook.hookimpl
    def wirebook_protocols():
        return [
            wirebook.Protocol(
                name=name, title="", family="itch", capabilities=wirebook.Capabilities(["moldudp64"]), table=TABLE
            )
            for name in ("one-1.0", "two-1.0")
        ]
"""


def test_table_that_is_no_capsule_refuses_its_protocol_only(install: Install) -> None:
    install("no-capsule", TABLE)
    found = plugins.load()
    refused = [each for each in found.refused if each.origin.distribution == "no-capsule"]
    assert [each.protocol for each in refused] == ["one-1.0", "two-1.0"]
    assert "NoneType" in refused[0].reason
    assert refused[0].remedy == "hand over the capsule itself"
    assert [each.protocols for each in found.plugins if each.origin.distribution == "no-capsule"] == [()]


def test_capsule_of_another_name_is_refused(capsule: Callable[..., object]) -> None:
    with pytest.raises(PluginRefused, match=r"wants wirebook\.decoder"):
        Decoder(capsule(name="arrow_schema"))


@pytest.mark.parametrize(
    ("version", "remedy"), [(ABI_VERSION - 1, "rebuild the plugin"), (ABI_VERSION + 1, "upgrade wirebook")]
)
def test_table_of_another_abi_is_refused_naming_both(capsule: Callable[..., object], version: int, remedy: str) -> None:
    with pytest.raises(PluginRefused, match=f"ABI {version}, the engine wants ABI {ABI_VERSION}: {remedy}"):
        Decoder(capsule(abi_version=version))


def test_short_table_is_refused_before_it_is_read(capsule: Callable[..., object]) -> None:
    with pytest.raises(PluginRefused, match="has 16 bytes"):
        Decoder(capsule(size_bytes=16))


def test_table_of_another_event_layout_is_refused(capsule: Callable[..., object]) -> None:
    with pytest.raises(PluginRefused, match="event layout is 0x0000000000000001"):
        Decoder(capsule())


def test_unknown_protocol_names_those_installed() -> None:
    with pytest.raises(Misuse, match="protocol: sumerian-1 is not installed; installed: "):
        plugins.load().find("sumerian-1")


@pytest.mark.parametrize("name", ["", "Nasdaq", "two words", "-itch", "itch-"])
def test_protocol_names_are_lower_case_words(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Protocol(name=name, title="", family="itch", capabilities=Capabilities(["length16"]), table=None)
