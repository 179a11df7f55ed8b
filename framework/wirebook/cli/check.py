"""``wirebook check``: whether a venue's configuration can run here, without starting it."""

from pathlib import Path
from typing import Annotated

import attrs
import typer

from wirebook import config, plan, plugins
from wirebook.cli.app import Json, console, print_json, table
from wirebook.cli.doctor import MARKS
from wirebook.daemon import machine
from wirebook.doctor import State

VenueFile = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, readable=True, metavar="VENUE.YAML", help="A venue's configuration."),
]


def load(file: Path) -> plan.Plan:
    """Reads a configuration and makes its plan.

    Raises:
        ConfigError: with every fault.
    """
    venue = config.load(file)
    try:
        return plan.make(venue, plugins.installed())
    except ValueError as error:
        raise config.ConfigError(file, str(error).split("\n")) from error


def run(file: VenueFile, *, as_json: Json = False) -> None:
    """Check a venue's configuration, and say what this machine lacks for it. Exits with 1 when it could not start."""
    venue = load(file).venue
    findings = machine.examine(venue)
    fine = all(each.state is not State.PROBLEM for each in findings)
    channels = sum(len(feed.channels) for feed in venue.feeds)
    if as_json:
        facts = {"ok": fine, "venue": venue.venue, "feeds": len(venue.feeds), "channels": channels}
        print_json({**facts, "findings": [attrs.asdict(each) for each in findings]})
    else:
        rows = ((each.topic, each.name, MARKS[each.state], each.detail, each.remedy) for each in findings)
        title = f"{venue.venue}: {len(venue.feeds)} feeds, {channels} channels, {len(venue.loops)} loops"
        console.print(table(title, ("of", "what", "state", "detail", "what to do"), rows))
    if not fine:
        raise typer.Exit(1)
