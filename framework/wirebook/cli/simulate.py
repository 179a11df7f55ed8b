"""``wirebook simulate``: a synthetic trading day as a file."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from wirebook import clock, simulation
from wirebook.cli import progress
from wirebook.cli.app import Json, console, print_json, table


def run(
    file: Annotated[Path, typer.Argument(dir_okay=False, writable=True, metavar="FILE", help="File to write.")],
    *,
    messages: Annotated[int, typer.Option(min=1, help="Messages of the day.")] = 5_000_000,
    symbols: Annotated[int, typer.Option(min=1, help="Instruments.")] = 8_500,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another day.")] = 1,
    date: Annotated[str, typer.Option(help="The venue's day.")] = "2025-07-17",
    open_orders: Annotated[
        int | None, typer.Option(min=1, help="Orders open at a time; a tenth of the messages.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help="pcap or length16; told from the ending (.pcap, .itch).")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="Protocol; the first installed that has an encoder.")] = None,
    messages_per_packet: Annotated[
        int | None, typer.Option(min=1, max=256, help="As many in each packet; as at a venue.")
    ] = None,
    end_of_messages: Annotated[bool, typer.Option(help="End with the message that clears every book.")] = True,
    as_json: Json = False,
) -> None:
    """Write a synthetic trading day: sound references, books never crossed, the same bytes for the same options."""
    day = clock.parse_date(date)
    started = perf_counter()
    with progress.bar("messages") as bar:
        task = bar.add_task("simulate", total=messages)
        facts = simulation.simulate(
            file,
            protocol=protocol,
            messages=messages,
            symbols=symbols,
            seed=seed,
            date=day,
            open_orders=open_orders,
            format=file_format,
            messages_per_packet=messages_per_packet,
            end_of_messages=end_of_messages,
            progress=lambda done, _: bar.update(task, completed=done),
        )
    facts = {"file": str(file), **facts, "seconds": round(perf_counter() - started, 3)}
    if as_json:
        print_json(facts)
        return
    kinds = facts.pop("message_kinds")
    console.print(table("Simulated day", ("what", "value"), facts.items(), right=("value",)))
    rows = ((name, count) for name, count in sorted(kinds.items(), key=lambda item: -item[1]))
    console.print(table("Messages", ("kind", "count"), rows, right=("count",)))
