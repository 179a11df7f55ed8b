"""``wirebook replay``: a capture into books."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from wirebook import clock, picture
from wirebook.cli import progress
from wirebook.cli.app import (
    Captures,
    FileFormat,
    Framing,
    Json,
    Protocol,
    console,
    notes,
    print_json,
    split_list,
    table,
)
from wirebook.errors import CaptureError, Misuse
from wirebook.replay import Replay, replay

ROWS = 20
"""Books shown where no symbols are asked for."""

EVENT_FILES = (".parquet", ".arrow", ".arrows", ".feather", ".ipc", ".dbn", ".dbn.zst")
"""Endings of files of events."""

BOOK_FILES = (".json", ".parquet", ".arrow", ".arrows", ".feather", ".ipc")
"""Endings of files of books."""


def run(
    files: Captures,
    *,
    protocol: Protocol = None,
    framing: Framing = None,
    file_format: FileFormat = None,
    date: Annotated[str | None, typer.Option(help="The venue's day; told from the first receive time.")] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", "--symbol", help="Only events and books of these symbols.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Levels to show of each side of each book.")] = 1,
    start: Annotated[str | None, typer.Option("--from", help="First event, 09:30 or 2019-12-30T09:30.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last event; books stand there.")] = None,
    start_sequence: Annotated[int | None, typer.Option("--from-sequence", min=0, help="First event.")] = None,
    end_sequence: Annotated[int | None, typer.Option("--to-sequence", min=0, help="Last event.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write events: .parquet, .arrow, .dbn or .dbn.zst.", dir_okay=False)
    ] = None,
    dataset: Annotated[str, typer.Option(help="Databento's code of the dataset, for DBN.")] = "XNAS.ITCH",
    books: Annotated[
        Path | None, typer.Option(help="Write the final books: .json, .parquet or .arrow.", dir_okay=False)
    ] = None,
    orders: Annotated[bool, typer.Option(help="Write every order in its queue with --books.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw a symbol's day: .png, .svg, .pdf or .html.")] = None,
    as_json: Json = False,
) -> None:
    """Replay captures into full order books, and show what came out.

    Several are played together, in the order of their receive times.
    A broken capture is played up to the broken place; the command then exits with 1.
    """
    wanted = split_list(symbols)
    options: dict[str, Any] = {
        "protocol": protocol,
        "framing": framing,
        "format": file_format,
        "date": clock.parse_date(date) if date else None,
        "end": clock.parse_place("--to", end) if end else None,
        "end_sequence": end_sequence,
    }
    _check_ending("--out", out, EVENT_FILES)
    _check_ending("--books", books, BOOK_FILES)
    if plot:
        picture.check(plot)
    if orders and not books:
        raise Misuse("--orders goes with --books FILE")
    played = replay(
        *files,
        **options,
        symbols=wanted or None,
        start=clock.parse_place("--from", start) if start else None,
        start_sequence=start_sequence,
        batch_rows=None,
        output=out,
        dataset=dataset,
    )
    if played.also_fits:
        notes.print(f"read as {played.protocol}; {', '.join(played.also_fits)} would fit as well (--protocol chooses)")
    broken = _play(played)
    if books:
        played.write_books(books, orders=orders)
    if plot:
        _draw(plot, files, played, wanted, {**options, "protocol": played.protocol, "framing": played.framing})
    _show(played, wanted, depth, as_json=as_json)
    if broken:
        raise broken


def _check_ending(option: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Says before the replay what could not be written after it."""
    if path and not path.name.endswith(endings):
        raise Misuse(f"{option}: {path} ends in none of {', '.join(endings)}")


def _play(played: Replay) -> CaptureError | None:
    """Plays to the end; a broken capture is told at the end, after what there was of it."""
    with progress.bar("messages") as bar:
        task = bar.add_task("replay", total=None, messages=0)

        def show(done: int, total: int | None, messages: int) -> None:
            bar.update(task, completed=done, total=total, messages=messages)

        try:
            played.run(show)
        except CaptureError as error:
            return error
    return None


def _draw(plot: Path, files: list[Path], played: Replay, wanted: list[str], options: dict[str, Any]) -> None:
    rows = sorted(played.engine.top_rows(), key=lambda row: -row[1])
    symbol = wanted[0] if wanted else next((row[0] for row in rows), None)
    if symbol is None or symbol not in played.books:
        raise Misuse(f"--plot: no book of {symbol} to draw" if symbol else "--plot: no book has an order to draw")
    taped = replay(*files, **options, tape=symbol)
    _play(taped)
    picture.draw(plot, taped, symbol)


def _show(played: Replay, wanted: list[str], depth: int, *, as_json: bool) -> None:
    stats = played.stats
    if as_json:
        print_json({**stats, "protocol": played.protocol, "date": str(played.date) if played.date else None})
        return
    unknown = [symbol for symbol in wanted if symbol not in played.books]
    if unknown:
        notes.print(f"never named in this capture: {', '.join(unknown)}")
    _show_books(played, [symbol for symbol in wanted if symbol in played.books], depth)
    _show_counts(stats)


def _show_books(played: Replay, wanted: list[str], depth: int) -> None:
    rows = sorted(played.engine.top_rows(), key=lambda row: -row[1])
    symbols = wanted or [row[0] for row in rows[:ROWS] if row[0]]
    columns = ("symbol", "orders", "bid quantity", "bid", "ask", "ask quantity", "state")
    lines = [line for symbol in symbols for line in _book_lines(played, symbol, depth)]
    title = "Books" if wanted or len(rows) <= ROWS else f"Books: the {ROWS} with most orders of {len(rows)}"
    console.print(table(title, columns, lines, right=columns[1:6]))


def _book_lines(played: Replay, symbol: str, depth: int) -> list[tuple[object, ...]]:
    book = played.books[symbol]
    bids, asks = book.levels("B", depth), book.levels("A", depth)
    lines: list[tuple[object, ...]] = []
    for rank in range(max(len(bids), len(asks), 1)):
        bid = bids[rank] if rank < len(bids) else (None, None, None)
        ask = asks[rank] if rank < len(asks) else (None, None, None)
        head = (symbol, book.order_count) if rank == 0 else (None, None)
        state = _state(book.validity) if rank == 0 else None
        lines.append((*head, bid[1], _price(bid[0]), _price(ask[0]), ask[1], state))
    return lines


def _price(price: Decimal | None) -> str | None:
    """Shows a price with the places that it has, and two at least; market orders have none."""
    if price is None or not price.is_finite():
        return None if price is None else "market"
    return f"{price:.{max(2, -int(price.as_tuple().exponent))}f}"


def _state(validity: tuple[str, str, int]) -> str:
    state, reason, since = validity
    return state if state == "valid" else f"{state}: {reason} since {since}"


def _show_counts(stats: dict[str, Any]) -> None:
    types = sorted(stats["message_types"].items(), key=lambda item: -item[1])
    console.print(
        table("Messages", ("type", "count"), ((name, f"{count:,}") for name, count in types), right=("count",))
    )
    counts = ("messages", "instruments", "open_orders", "unknown_orders", "gaps", "missing", "duplicates", "errors")
    rows = [(name.replace("_", " "), f"{stats[name]:,}") for name in counts]
    of_some = ("given_levels", "unknown_levels", "contradicted_levels", "snapshots_joined", "snapshots_unusable")
    rows += [(name.replace("_", " "), f"{stats[name]:,}") for name in of_some if stats[name]]
    rows.append(("seconds", f"{stats['seconds']:.3f}"))
    rows.append(("messages a second", f"{progress.quantity(stats['messages_per_second'])}".strip()))
    console.print(table("Replay", ("what", "value"), rows, right=("value",)))
    for fault in stats["first_faults"][:5]:
        notes.print(fault)
