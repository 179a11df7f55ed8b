"""A synthetic day, replayed by the installed command and from Python, against books made here of its messages."""

import datetime
import json
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import wirebook

PROTOCOL = "nasdaq-totalview-5.0"

Facts = Callable[..., dict[str, Any]]
Lines = Callable[..., list[dict[str, Any]]]
Days = dict[str, tuple[Path, dict[str, Any]]]
Book = dict[str, list[dict[str, Any]]]


class ReferenceBooks:
    """Books as plain as they can be: a dictionary a level, whose insertion order is the queue."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[str, str, int]] = {}
        self.levels: dict[tuple[str, str, int], dict[int, int]] = {}
        self.symbols: set[str] = set()

    def add(self, order: int, place: tuple[str, str, int], quantity: int) -> None:
        self.orders[order] = place
        self.levels.setdefault(place, {})[order] = quantity

    def take(self, order: int, quantity: int | None) -> tuple[str, str, int]:
        place = self.orders[order]
        queue = self.levels[place]
        queue[order] -= queue[order] if quantity is None else quantity
        if queue[order] == 0:
            del queue[order], self.orders[order]
        if not queue:
            del self.levels[place]
        return place

    def apply(self, message: dict[str, Any]) -> None:
        fields = message["fields"]
        price = message["raw"].get("price", 0)
        match message["type"]:
            case "R":
                self.symbols.add(fields["stock"])
            case "A" | "F":
                side = {"B": "bids", "S": "asks"}[fields["buy_sell_indicator"]]
                self.add(fields["order_reference_number"], (fields["stock"], side, price), fields["shares"])
            case "E" | "C":
                self.take(fields["order_reference_number"], fields["executed_shares"])
            case "X":
                self.take(fields["order_reference_number"], fields["cancelled_shares"])
            case "D":
                self.take(fields["order_reference_number"], None)
            case "U":
                symbol, side, _ = self.take(fields["original_order_reference_number"], None)
                self.add(fields["new_order_reference_number"], (symbol, side, price), fields["shares"])

    def book(self, symbol: str) -> Book:
        """One book in the shape of the command's file."""
        found: Book = {"bids": [], "asks": []}
        for (of, side, price), queue in self.levels.items():
            if of == symbol:
                orders = [{"order_id": order, "quantity": quantity} for order, quantity in queue.items()]
                level = {"price": Decimal(price) / 10_000, "quantity": sum(queue.values()), "order_count": len(queue)}
                found[side].append({**level, "orders": orders})
        found["bids"].sort(key=lambda level: -level["price"])
        found["asks"].sort(key=lambda level: level["price"])
        return found


def reference(messages: Iterable[dict[str, Any]]) -> ReferenceBooks:
    books = ReferenceBooks()
    for message in messages:
        books.apply(message)
    return books


@pytest.fixture(scope="module")
def messages(days: Days, lines: Lines) -> list[dict[str, Any]]:
    """The day, message by message."""
    return lines(days["itch"][0], "--protocol", PROTOCOL)


@pytest.fixture(scope="module")
def final(messages: list[dict[str, Any]]) -> ReferenceBooks:
    return reference(messages)


@pytest.fixture(scope="module")
def busy(final: ReferenceBooks) -> str:
    """The symbol with most open orders."""
    counts = Counter(symbol for symbol, _, _ in final.orders.values())
    return counts.most_common(1)[0][0]


def books_of(path: Path) -> dict[str, dict[str, Any]]:
    """The books of a file by symbol; prices are exact."""
    rows = [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()]
    found = {row["symbol"]: row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("ending", ["pcap", "itch"])
def test_replay_gives_every_book_that_its_messages_make(
    ending: str, days: Days, final: ReferenceBooks, facts: Facts, tmp_path: Path
) -> None:
    path, simulated = days[ending]
    file = tmp_path / "books.json"
    found = facts("replay", path, "--protocol", PROTOCOL, "--books", file, "--orders")
    assert found["messages"] == simulated["messages"] == 60_000
    # The key under which system events speak of the whole market is one more.
    assert found["instruments"] == simulated["instruments"] + 1 == 301
    assert (found["unknown_orders"], found["gaps"], found["errors"]) == (0, 0, 0)
    assert found["open_orders"] == simulated["open_orders"] == len(final.orders) > 1_000
    books = books_of(file)
    assert set(books) == final.symbols
    for symbol, book in books.items():
        assert {side: book[side] for side in ("bids", "asks")} == final.book(symbol), symbol
        assert book["state"] == "valid"
        if book["bids"] and book["asks"]:
            assert book["bids"][0]["price"] < book["asks"][0]["price"], f"{symbol} is crossed"


def test_both_formats_are_one_day(days: Days, facts: Facts, tmp_path: Path) -> None:
    found = {}
    for ending, (path, _) in days.items():
        file = tmp_path / f"{ending}.json"
        counts = facts("replay", path, "--books", file, "--orders")
        books = books_of(file)
        for book in books.values():
            # Books are published some at a time, at one sequence; which come together depends on the packets.
            assert 0 < book.pop("sequence") <= counts["messages"]
        found[ending] = (books, counts["message_types"])
    assert found["pcap"] == found["itch"]


def test_books_without_queues_have_the_same_levels(days: Days, facts: Facts, tmp_path: Path) -> None:
    with_queues, levels = tmp_path / "queues.json", tmp_path / "levels.json"
    facts("replay", days["itch"][0], "--books", with_queues, "--orders")
    facts("replay", days["itch"][0], "--books", levels)
    expected = books_of(with_queues)
    for book in expected.values():
        for level in book["bids"] + book["asks"]:
            del level["orders"]
    assert books_of(levels) == expected


def test_seed_alone_decides_the_bytes(tmp_path: Path, days: Days, simulate: Callable[..., dict[str, Any]]) -> None:
    again, other = tmp_path / "again.pcap", tmp_path / "other.pcap"
    simulate(again)
    simulate(other, seed=12)
    assert again.read_bytes() == days["pcap"][0].read_bytes()
    assert other.read_bytes() != again.read_bytes()


def test_day_that_ends_with_a_clear_keeps_its_closing_books(tmp_path: Path, facts: Facts, lines: Lines) -> None:
    day, file = tmp_path / "day.itch", tmp_path / "books.json"
    facts("simulate", day, "--messages", "20000", "--symbols", "40", "--seed", "5")
    facts("replay", day, "--books", file, "--orders")
    expected = reference(lines(day))
    assert expected.orders
    for symbol, book in books_of(file).items():
        assert {side: book[side] for side in ("bids", "asks")} == expected.book(symbol), symbol


def replay(days: Days, **options: Any) -> wirebook.Replay:
    return wirebook.replay(days["pcap"][0], protocol=PROTOCOL, **options)


def table_of(days: Days, **options: Any) -> pa.Table:
    return pa.table(replay(days, **options))


def test_frames_go_into_pyarrow_polars_and_pandas_as_they_are(days: Days) -> None:
    whole = table_of(days)
    assert whole.num_rows > 60_000
    batches = [pa.record_batch(frame) for frame in replay(days, batch_rows=10_000)]
    assert len(batches) > 3
    assert (
        pa.Table.from_batches(batches)
        .select(["sequence", "price", "quantity"])
        .equals(whole.select(["sequence", "price", "quantity"]))
    )
    from_polars = pl.concat([pl.DataFrame(frame) for frame in replay(days)])
    assert from_polars.equals(pl.DataFrame(replay(days)))
    from_pandas = pd.DataFrame.from_arrow(replay(days)) if hasattr(pd.DataFrame, "from_arrow") else whole.to_pandas()
    for name in ("sequence", "order_id", "quantity"):
        expected = whole[name].to_pylist()
        assert from_polars[name].to_list() == expected
        assert from_pandas[name].tolist() == expected


def test_frames_are_not_copied_on_their_way(days: Days) -> None:
    frame = next(iter(replay(days)))
    addresses = [[buffer.address for buffer in pa.record_batch(frame)["order_id"].buffers() if buffer] for _ in "ab"]
    assert addresses[0] == addresses[1]


def test_events_say_what_the_messages_do(days: Days, messages: list[dict[str, Any]]) -> None:
    counts = Counter(table_of(days)["kind"].to_pylist())
    types = Counter(message["type"] for message in messages)
    assert counts["add"] == types["A"] + types["F"] + types["U"]
    assert counts["delete"] == types["D"] + types["U"]
    assert counts["execute"] == types["E"] + types["C"]
    assert counts["reduce"] == types["X"]
    assert counts["definition"] == types["R"] == 300


def test_symbols_choose_events_and_leave_books_whole(days: Days, busy: str, final: ReferenceBooks) -> None:
    whole = pl.DataFrame(replay(days)).with_columns(pl.col("symbol").cast(pl.String))
    chosen = replay(days, symbols=[busy])
    frame = pl.DataFrame(chosen).with_columns(pl.col("symbol").cast(pl.String))
    assert 0 < len(frame) < len(whole)
    # What is said of the whole market is said of this symbol too.
    assert frame.equals(whole.filter((pl.col("symbol") == busy) | pl.col("symbol").is_null()))
    other = next(symbol for symbol, _, _ in final.orders.values() if symbol != busy)
    assert depth_of(chosen, other) == without_queues(final.book(other))


def depth_of(played: wirebook.Replay, symbol: str) -> Book:
    return sides(pa.table(played.books[symbol].depth()), ["price", "quantity", "order_count"])


def sides(frame: pa.Table, names: list[str]) -> Book:
    rows = frame.to_pylist()
    return {
        name: [{key: row[key] for key in names} for row in rows if row["side"] == side]
        for name, side in (("bids", "B"), ("asks", "A"))
    }


def without_queues(book: Book) -> Book:
    return {side: [{key: level[key] for key in list(level)[:3]} for level in levels] for side, levels in book.items()}


def test_book_shows_top_depth_queue_and_snapshot(days: Days, busy: str, final: ReferenceBooks) -> None:
    played = replay(days, batch_rows=None)
    played.run()
    book, expected = played.books[busy], final.book(busy)
    assert depth_of(played, busy) == without_queues(expected)
    best = sides(pa.table(book.top(3)), ["price", "quantity", "order_count"])
    assert best == {side: levels[:3] for side, levels in without_queues(expected).items()}
    level = max(expected["bids"], key=lambda level: level["order_count"])
    queue = pa.table(book.orders(level["price"])).to_pylist()
    assert [{key: row[key] for key in ("order_id", "quantity")} for row in queue] == level["orders"]
    assert [row["position"] for row in queue] == list(range(len(queue)))
    last = level["orders"][-1]
    position = book.position(last["order_id"])
    assert position is not None
    assert position["orders_ahead"] == level["order_count"] - 1
    assert position["quantity_ahead"] == level["quantity"] - last["quantity"]
    assert book.position(2**63) is None
    everything = sides(pa.table(book.snapshot()), ["price", "order_id", "quantity"])
    for side, levels in expected.items():
        flat = [{"price": level["price"], **order} for level in levels for order in level["orders"]]
        assert everything[side] == flat
    assert pl.DataFrame(book.snapshot()).height == book.order_count == sum(map(len, everything.values()))


def test_symbol_that_the_day_does_not_have_is_a_key_error(days: Days) -> None:
    played = replay(days, batch_rows=None)
    played.run()
    assert "NO SUCH" not in played.books
    with pytest.raises(KeyError):
        played.books["NO SUCH"]


@pytest.mark.parametrize("at", [700, 20_000, 59_999])
def test_replay_to_a_sequence_stands_exactly_there(at: int, days: Days, messages: list[dict[str, Any]]) -> None:
    played = replay(days, end_sequence=at)
    frame = pl.DataFrame(played)
    expected = reference(messages[:at])
    assert messages[at - 1]["sequence"] == at
    assert frame["sequence"].max() == at
    assert played.stats["open_orders"] == len(expected.orders)
    for symbol in {symbol for symbol, _, _ in expected.orders.values()}:
        assert depth_of(played, symbol) == without_queues(expected.book(symbol)), symbol


def test_replay_from_a_sequence_has_the_books_of_what_came_before(days: Days, final: ReferenceBooks, busy: str) -> None:
    whole = pl.DataFrame(replay(days))
    played = replay(days, start_sequence=30_000, end_sequence=60_000)
    frame = pl.DataFrame(played)
    assert frame.equals(whole.filter(pl.col("sequence") >= 30_000))
    assert depth_of(played, busy) == without_queues(final.book(busy))


def test_replay_between_times_gives_the_events_between(days: Days) -> None:
    whole = pl.DataFrame(replay(days))
    time_ns = pl.col("ts_event").dt.epoch("ns")
    times = whole.select(time_ns)["ts_event"].unique().sort().to_list()
    start, end = times[len(times) // 3], times[len(times) // 2]
    between = whole.filter(time_ns.is_between(start, end))
    assert 0 < len(between) < len(whole)
    assert pl.DataFrame(replay(days, start=start, end=end)).equals(between)
    # A nanosecond less on each side leaves the events of the bounds themselves out.
    within = whole.filter(time_ns.is_between(start, end, closed="none"))
    assert len(within) < len(between)
    assert pl.DataFrame(replay(days, start=start + 1, end=end - 1)).equals(within)


def test_bounds_may_be_times_of_the_venues_day(days: Days) -> None:
    whole = pl.DataFrame(replay(days))
    zone = zoneinfo.ZoneInfo("America/New_York")
    start, end = (datetime.datetime(2025, 7, 17, hour, 30, tzinfo=zone) for hour in (10, 14))
    start_ns, end_ns = (int(each.timestamp()) * 1_000_000_000 for each in (start, end))
    expected = whole.filter(pl.col("ts_event").dt.epoch("ns").is_between(start_ns, end_ns))
    assert 0 < len(expected) < len(whole)
    assert pl.DataFrame(replay(days, start=start, end=end)).equals(expected)
    assert pl.DataFrame(replay(days, start=datetime.time(10, 30), end=datetime.time(14, 30))).equals(expected)


def test_bounds_of_the_command_are_those_of_python(days: Days, facts: Facts, tmp_path: Path, busy: str) -> None:
    out = tmp_path / "events.parquet"
    options = ("--from-sequence", "10000", "--to-sequence", "20000", "--symbols", busy)
    facts("replay", days["pcap"][0], "--protocol", PROTOCOL, *options, "--out", out)
    expected = pl.DataFrame(replay(days, start_sequence=10_000, end_sequence=20_000, symbols=[busy]))
    assert len(expected) > 0
    names = ["sequence", "order_id", "price", "quantity", "ts_event"]
    assert pl.read_parquet(out).select(names).equals(expected.select(names))
