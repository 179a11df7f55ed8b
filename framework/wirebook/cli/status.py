"""``wirebook status``: how the running process is."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wirebook.cli.app import Json, console, notes, print_json, table
from wirebook.daemon import control as process
from wirebook.errors import Misuse

STAGES = ("received", "framed", "decoded", "applied", "published")
"""What packets go through, in order."""

QUANTILES = ("p50", "p90", "p99", "p999", "max")
"""What is shown of the times."""


def run(
    venue: Annotated[str | None, typer.Argument(help="The venue; needed only where several run.")] = None,
    *,
    control: Annotated[Path | None, typer.Option(help="Socket of the process.")] = None,
    latency: Annotated[bool, typer.Option(help="Times by stage, too.")] = False,
    stop: Annotated[bool, typer.Option(help="Stop the process.")] = False,
    as_json: Json = False,
) -> None:
    """Show states, rates, gaps, lines, books and recovery of a running `wirebook run`."""
    path = control or _find(venue)
    if stop:
        answer = process.ask(path, {"request": "stop"})
        if as_json:
            print_json(answer)
        return
    status = process.ask(path, {"request": "status", "latency": latency})
    if as_json:
        print_json(status)
        return
    _show(status)
    if latency:
        _show_latency(status)


def _find(venue: str | None) -> Path:
    """The socket of the venue, or of the only process that runs."""
    if venue:
        return process.socket_path(venue, None)
    folder = process.runtime_dir()
    running = sorted(folder.glob("*.sock")) if folder.is_dir() else []
    if len(running) == 1:
        return running[0]
    if running:
        raise Misuse(f"several run; name one of {', '.join(each.stem for each in running)}")
    raise process.NotRunning(f"nothing runs under {folder}; start `wirebook run`, or give its --control")


def _show(status: dict[str, Any]) -> None:
    for note in status["notes"]:
        notes.print(note, markup=False)
    columns = ("channel", "state", "for", "messages", "a second", "gaps", "recovered", "lost", "waiting", "books valid")
    rows = (
        (
            each["name"],
            each["state"] if each["reason"] == "none" else f"{each['state']}: {each['reason']}",
            f"{each['state_seconds']:.1f} s",
            f"{each['messages']:,}",
            f"{each['messages_per_second']:,.0f}",
            f"{each['gaps']:,}",
            f"{each['recovered'] + each['covered']:,}",
            f"{each['lost']:,}",
            f"{each['held_packets']:,}",
            f"{each['books_valid']:,} of {each['instruments']:,}",
        )
        for each in status["channels"]
    )
    console.print(table(f"{status['venue']}, {status['seconds']:.0f} s", columns, rows, right=columns[2:]))
    _show_lines(status)
    services = [(name, each) for name, those in status["recovery"].items() for each in those]
    if services:
        keys = ("requests", "retries", "packets", "snapshots", "refusals", "gave_up", "failures", "garbage")
        lines = ((name, each["service"], *(f"{each[key]:,}" for key in keys)) for name, each in services)
        heads = ("channel", "service", *(key.replace("_", " ") for key in keys))
        console.print(table("Recovery", heads, lines, right=heads[2:]))


def _show_lines(status: dict[str, Any]) -> None:
    columns = ("channel", "line", "packets", "wins", "duplicates", "late", "mean lead")
    rows = (
        (
            each["name"],
            chr(ord("A") + at),
            f"{line['packets']:,}",
            f"{line['wins']:,}",
            f"{line['duplicates']:,}",
            f"{line['late']:,}",
            f"{line['lead_ns'] / line['led'] / 1e3:,.1f} us" if line["led"] else None,
        )
        for each in status["channels"]
        for at, line in enumerate(each["lines"])
    )
    console.print(table("Lines", columns, rows, right=columns[2:]))


def _show_latency(status: dict[str, Any]) -> None:
    columns = ("channel", "stage", "bursts", *QUANTILES)
    rows = (
        (each["name"], stage, f"{times['count']:,}", *(f"{times[key]:,}" for key in QUANTILES))
        for each in status["channels"]
        for stage, times in ((stage, each["latency_ns"][stage]) for stage in STAGES)
        if times["count"]
    )
    console.print(table("Nanoseconds since the loop had the packet", columns, rows, right=columns[2:]))
