"""``wirebook doctor``: what is installed, what is missing, what to do."""

import attrs
import typer

from wirebook import doctor, plugins
from wirebook.cli.app import Json, console, print_json, table
from wirebook.doctor import State

MARKS = {State.OK: "[green]ok", State.ADVICE: "[yellow]advice", State.MISSING: "missing", State.PROBLEM: "[red]problem"}


def run(*, as_json: Json = False) -> None:
    """Look at the installation and the machine. Exits with 1 when something does not work."""
    findings = doctor.examine(plugins.installed())
    fine = all(each.state is not State.PROBLEM for each in findings)
    if as_json:
        print_json({"ok": fine, "findings": [attrs.asdict(each) for each in findings]})
    else:
        rows = ((each.topic, each.name, MARKS[each.state], each.detail, each.remedy) for each in findings)
        console.print(table("Doctor", ("topic", "name", "state", "detail", "what to do"), rows))
    if not fine:
        raise typer.Exit(1)
