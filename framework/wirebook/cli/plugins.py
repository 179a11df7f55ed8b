"""``wirebook plugins``: what is installed, and what was refused and why."""

from typing import Any

import attrs
import typer

from wirebook import plugins
from wirebook.cli.app import Json, console, print_json, table
from wirebook.plugins import Installed, InstalledProtocol


def run(*, as_json: Json = False) -> None:
    """List protocols and plugins: versions, hooks, decoder ABI, where from; and what was refused and why.

    Exits with 1 when a plugin was refused.
    """
    found = plugins.installed()
    if as_json:
        print_json(_facts(found))
    else:
        _show(found)
    if found.refused:
        raise typer.Exit(1)


def _facts(found: Installed) -> dict[str, Any]:
    return {
        "protocols": [_protocol_facts(each) for each in found.protocols],
        "plugins": [
            {**attrs.asdict(each.origin), "hooks": list(each.hooks), "protocols": list(each.protocols)}
            for each in found.plugins
        ],
        "refused": [
            {**attrs.asdict(each.origin), "protocol": each.protocol, "reason": each.reason, "remedy": each.remedy}
            for each in found.refused
        ],
    }


def _protocol_facts(each: InstalledProtocol) -> dict[str, Any]:
    return {
        "name": each.protocol.name,
        "title": each.protocol.title,
        "version": each.decoder.version,
        "venue": each.decoder.venue,
        "family": each.decoder.family,
        "framings": list(each.decoder.framings),
        "capabilities": attrs.asdict(each.protocol.capabilities),
        "abi_version": each.decoder.abi_version,
        "messages": len(each.decoder.describe()),
        "distribution": each.origin.distribution,
        "distribution_version": each.origin.version,
        "path": each.origin.path,
    }


def _show(found: Installed) -> None:
    rows = [
        (
            each.protocol.name,
            each.decoder.venue,
            each.decoder.version,
            ", ".join(each.decoder.framings),
            f"{each.origin.distribution} {each.origin.version}",
        )
        for each in found.protocols
    ]
    console.print(table("Protocols", ("protocol", "venue", "version", "framings", "from"), rows))
    origins = [
        (
            f"{each.origin.distribution} {each.origin.version}",
            ", ".join(each.hooks),
            ", ".join(sorted({str(abi) for abi in _abi_versions(found, each.protocols)})),
            each.origin.path,
        )
        for each in found.plugins
    ]
    console.print(table("Plugins", ("plugin", "hooks", "ABI", "path"), origins))
    if found.refused:
        refused = [
            (f"{each.origin.distribution} {each.origin.version}", each.protocol or "all", each.reason, each.remedy)
            for each in found.refused
        ]
        console.print(table("Refused", ("plugin", "protocol", "reason", "what to do"), refused))


def _abi_versions(found: Installed, names: tuple[str, ...]) -> set[int]:
    return {each.decoder.abi_version for each in found.protocols if each.protocol.name in names}
