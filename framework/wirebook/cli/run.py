"""``wirebook run``: a venue's channels, live, until a signal."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wirebook.cli.app import Json, console, notes, print_json
from wirebook.cli.check import VenueFile, load
from wirebook.daemon import machine
from wirebook.daemon.control import socket_path
from wirebook.daemon.supervisor import Supervisor
from wirebook.doctor import State
from wirebook.errors import WirebookError
from wirebook.signals import stop_on_signal


def run(
    file: VenueFile,
    *,
    control: Annotated[
        Path | None, typer.Option(help="Socket that `wirebook status` asks; the file's, or one by the venue's name.")
    ] = None,
    books: Annotated[
        Path | None, typer.Option(help="Write every book when it stops: a JSON object a line.", dir_okay=False)
    ] = None,
    orders: Annotated[bool, typer.Option(help="Write every order in its queue with --books.")] = False,
    as_json: Json = False,
) -> None:
    """Run a venue's channels into live books. Stops on SIGTERM, SIGINT (Ctrl-C) or `wirebook status --stop`."""
    plan = load(file)
    path = control or socket_path(plan.venue.venue, plan.venue.control)
    for finding in machine.examine(plan.venue):
        if finding.state is not State.OK:
            notes.print(f"{finding.topic}: {finding.name}: {finding.detail}; {finding.remedy}", markup=False)
    with stop_on_signal() as stop:
        supervisor = Supervisor(plan, path, stop)
        try:
            for note in supervisor.notes():
                notes.print(note, markup=False)
            channels = sum(len(feed.channels) for feed in plan.venue.feeds)
            notes.print(
                f"{plan.venue.venue}: {channels} channels; ask `wirebook status --control {path}`", markup=False
            )
            supervisor.run()
        finally:
            errors = supervisor.close()
    if books:
        supervisor.live.write_books(books, orders=orders)
    _show(supervisor.status(), as_json=as_json)
    if errors:
        raise WirebookError("\n".join(errors))


def _show(status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(status)
        return
    for channel in status["channels"]:
        console.print(
            f"{channel['name']}: {channel['messages']:,} messages to {channel['next_sequence'] - 1:,}, "
            f"{channel['recovered']:,} recovered, {channel['lost']:,} lost; "
            f"{channel['books_valid']:,} of {channel['instruments']:,} books valid",
            markup=False,
        )
