"""``wirebook simulate``: a synthetic trading day as a file, and an exchange that publishes it."""

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from wirebook import clock, exchange, simulation
from wirebook.cli import progress
from wirebook.cli.app import Json, console, notes, print_json, table
from wirebook.errors import Misuse
from wirebook.replay import replay
from wirebook.signals import stop_on_signal


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
    channels: Annotated[
        int | None, typer.Option(min=1, help="Channels, of protocols that have several (units of PITCH: 4).")
    ] = None,
    live: Annotated[
        Path | None,
        typer.Option(
            help="Publish FILE as this YAML file says; FILE is written first where it is not there.", dir_okay=False
        ),
    ] = None,
    books: Annotated[
        Path | None, typer.Option(help="Write the books that the day ends with: a JSON object a line.", dir_okay=False)
    ] = None,
    orders: Annotated[bool, typer.Option(help="Write every order in its queue with --books.")] = False,
    end_of_messages: Annotated[bool, typer.Option(help="End with the message that clears every book.")] = True,
    as_json: Json = False,
) -> None:
    """Write a synthetic trading day: sound references, books never crossed, the same bytes for the same options."""
    if live and protocol is None:
        raise Misuse("--live: name the protocol of the day with --protocol")
    plan = exchange.read_plan(live) if live else None
    day = clock.parse_date(date)
    started = perf_counter()
    if plan is not None and file.exists():
        _truth(file, protocol, books, orders=orders)
        _publish(file, protocol or "", plan, as_json=as_json)
        return
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
            channels=channels,
            end_of_messages=end_of_messages,
            progress=lambda done, _: bar.update(task, completed=done),
        )
    _truth(file, protocol, books, orders=orders)
    if plan is not None:
        _publish(file, protocol or "", plan, as_json=as_json)
        return
    facts = {"file": str(file), **facts, "seconds": round(perf_counter() - started, 3)}
    if as_json:
        print_json(facts)
        return
    kinds = facts.pop("message_kinds")
    console.print(table("Simulated day", ("what", "value"), facts.items(), right=("value",)))
    rows = ((name, count) for name, count in sorted(kinds.items(), key=lambda item: -item[1]))
    console.print(table("Messages", ("kind", "count"), rows, right=("count",)))


def _truth(file: Path, protocol: str | None, books: Path | None, *, orders: bool) -> None:
    """Writes what a reader of the whole day must come to."""
    if books:
        played = replay(file, protocol=protocol)
        played.run()
        played.write_books(books, orders=orders)


def _publish(file: Path, protocol: str, plan: dict[str, Any], *, as_json: bool) -> None:
    with stop_on_signal() as stop, exchange.Exchange(file, protocol=protocol, plan=plan) as running:
        for service in running.status["services"]:
            notes.print(f"{service['service']} at {service['address']}", markup=False)
        with progress.bar("packets") as bar:
            total = running.status["packets"]
            task = bar.add_task("publish", total=total)
            done = running.run(stop, lambda status: bar.update(task, completed=status["published"]))
    if as_json:
        print_json(done)
        return
    rows = [(name, done[name]) for name in ("packets", "published", "sent", "unsent")]
    console.print(table("Published", ("what", "value"), rows, right=("value",)))
    names = ("sent", "lost", "dead", "duplicated", "reordered")
    lines = [(chr(ord("A") + at), *(line[name] for name in names)) for at, line in enumerate(done["lines"])]
    console.print(table("Lines", ("line", *names), lines, right=names))
    names = ("conversations", "answered", "messages", "refused", "spoilt")
    services = [(each["service"], each["address"], *(each[name] for name in names)) for each in done["services"]]
    console.print(table("Services", ("service", "address", *names), services, right=names))
