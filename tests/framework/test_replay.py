"""Replays of synthetic days: frames, books, bounds, files, exit codes."""

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import wirebook
import wirebook.plugins
from typer.testing import CliRunner
from wirebook.cli import app
from wirebook.errors import CaptureError, Misuse

NASDAQ = "nasdaq-totalview-5.0"

pytestmark = pytest.mark.skipif(
    NASDAQ not in {each.protocol.name for each in wirebook.plugins.installed().protocols},
    reason="wirebook-itch is not installed",
)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of a few symbols, whose books are full at its end."""
    path = tmp_path_factory.mktemp("day") / "day.pcap"
    wirebook.simulate(path, messages=20_000, symbols=25, seed=9, end_of_messages=False)
    return path


@pytest.fixture(scope="module")
def events(day: Path) -> pl.DataFrame:
    """Every event of the day."""
    return pl.DataFrame(wirebook.replay(day, protocol=NASDAQ))


class Model:
    """Books of plain dictionaries, built of the rows of a frame."""

    def __init__(self) -> None:
        self.orders: dict[int, list[Any]] = {}

    def apply(self, row: dict[str, Any]) -> None:
        """Does what an event says."""
        match row["kind"]:
            case "add":
                self.orders[row["order_id"]] = [row["symbol"], row["side"], row["price"], row["quantity"]]
            case "reduce" | "execute":
                order = self.orders[row["order_id"]]
                order[3] -= row["quantity"]
                if not order[3]:
                    del self.orders[row["order_id"]]
            case "delete":
                assert self.orders.pop(row["order_id"])[3] == row["quantity"]

    def levels(self, symbol: str, side: str) -> list[tuple[Decimal, int, int]]:
        """Levels of a side, best first."""
        found: dict[Decimal, list[int]] = {}
        for name, of, price, quantity in self.orders.values():
            if (name, of) == (symbol, side):
                found.setdefault(price, []).append(quantity)
        return [(price, sum(found[price]), len(found[price])) for price in sorted(found, reverse=side == "B")]


def test_books_are_what_the_events_say(day: Path, events: pl.DataFrame) -> None:
    model = Model()
    for row in events.iter_rows(named=True):
        model.apply(row)
    replay = wirebook.replay(day, protocol=NASDAQ)
    replay.run()
    assert len(replay.books) == 25
    assert model.orders
    for symbol, book in replay.books.items():
        for side in "BA":
            assert book.levels(side) == model.levels(symbol, side)
        assert book.order_count == sum(order[0] == symbol for order in model.orders.values())
        assert book.validity[0] == "valid"


def test_frames_go_into_arrow_libraries_without_each_other(day: Path, events: pl.DataFrame) -> None:
    table = pa.table(wirebook.replay(day, protocol=NASDAQ))
    assert table.num_rows == len(events)
    assert table.column("price").type == pa.decimal128(18, 9)
    batches = [pa.record_batch(frame) for frame in wirebook.replay(day, protocol=NASDAQ, batch_rows=1_000)]
    assert len(batches) > 5
    assert pa.Table.from_batches(batches).num_rows == len(events)


def test_times_are_of_the_venues_day(events: pl.DataFrame) -> None:
    assert events["ts_event"].dt.convert_time_zone("America/New_York").dt.date().unique().to_list() == [
        datetime.date(2025, 7, 17)
    ]
    behind = events["ts_recv"] - events["ts_event"]
    assert behind.min() >= datetime.timedelta(0)  # type: ignore[operator]


def test_symbols_choose_events_and_books_stay_whole(day: Path, events: pl.DataFrame) -> None:
    symbol = events["symbol"].drop_nulls()[0]
    replay = wirebook.replay(day, protocol=NASDAQ, symbols=[symbol])
    chosen = pl.DataFrame(replay)
    assert set(chosen["symbol"].drop_nulls().unique()) == {symbol}
    assert chosen.filter(pl.col("symbol") == symbol).height == events.filter(pl.col("symbol") == symbol).height
    assert len(replay.books) == 25


def test_bounds_by_sequence_stop_books_there(day: Path, events: pl.DataFrame) -> None:
    replay = wirebook.replay(day, protocol=NASDAQ, start_sequence=500, end_sequence=6_000)
    assert pl.DataFrame(replay)["sequence"].to_list() == [
        sequence for sequence in events["sequence"] if 500 <= sequence <= 6_000
    ]
    model = Model()
    for row in events.filter(pl.col("sequence") <= 6_000).iter_rows(named=True):
        model.apply(row)
    for symbol, book in replay.books.items():
        assert book.levels("B") == model.levels(symbol, "B")


def test_bounds_by_time_are_the_venues(day: Path, events: pl.DataFrame) -> None:
    chosen = pl.DataFrame(
        wirebook.replay(day, protocol=NASDAQ, start=datetime.time(9, 30), end=datetime.datetime(2025, 7, 17, 11, 0))
    )
    local = events["ts_event"].dt.convert_time_zone("America/New_York").dt.time()
    within = events.filter((local >= datetime.time(9, 30)) & (local <= datetime.time(11, 0)))
    assert 0 < chosen.height < events.height
    assert chosen["sequence"].to_list() == within["sequence"].to_list()


def test_queue_is_first_come_first_served(day: Path) -> None:
    replay = wirebook.replay(day, protocol=NASDAQ)
    replay.run()
    book = max(replay.books.values(), key=lambda book: book.order_count)
    snapshot = pl.DataFrame(book.snapshot())
    assert snapshot.height == book.order_count
    longest = snapshot.group_by("side", "price").len().sort("len").row(-1, named=True)
    queue = pl.DataFrame(book.orders(longest["price"]))
    assert queue["position"].to_list() == list(range(longest["len"]))
    last = queue.row(-1, named=True)
    assert book.position(last["order_id"]) == {
        "side": last["side"],
        "price": last["price"],
        "quantity": last["quantity"],
        "orders_ahead": queue.height - 1,
        "quantity_ahead": queue["quantity"][:-1].sum(),
    }
    assert book.position(2**63) is None
    assert pl.DataFrame(book.top(1)).height <= 2
    assert pl.DataFrame(book.depth())["quantity"].sum() == snapshot["quantity"].sum()


def test_book_of_no_symbol_is_a_key_error(day: Path) -> None:
    with pytest.raises(KeyError):
        wirebook.replay(day, protocol=NASDAQ).books["NOSUCH"]


def test_price_off_the_grid_is_refused(day: Path) -> None:
    replay = wirebook.replay(day, protocol=NASDAQ)
    replay.run()
    with pytest.raises(ValueError, match="not a price in steps of 1/10000"):
        next(iter(replay.books.values())).orders("1.00001")


def test_interrupt_stops_a_replay(day: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    day_big = day.with_name("big.pcap")
    wirebook.simulate(day_big, messages=120_000, symbols=25, seed=1)
    replay = wirebook.replay(day_big, protocol=NASDAQ, batch_rows=None)
    with pytest.raises(KeyboardInterrupt):
        replay.run(interrupt)
    assert replay.stats["messages"] < 120_000


def test_time_and_sequence_bound_together_are_refused(day: Path) -> None:
    with pytest.raises(Misuse, match="start: give a time or a sequence"):
        wirebook.replay(day, protocol=NASDAQ, start=datetime.time(9), start_sequence=3)


def command(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """Runs ``wirebook replay --json`` and gives what it prints."""
    result = CliRunner().invoke(app, ["replay", *map(str, arguments), "--json"])
    if code == 0:
        assert result.exit_code == 0, result.output
    else:
        assert result.exception is not None
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


FIXED_KEYS = {
    "messages",
    "message_types",
    "instruments",
    "unknown_orders",
    "gaps",
    "errors",
    "seconds",
    "messages_per_second",
}


def test_json_has_the_fixed_keys(day: Path) -> None:
    facts = command(day)
    assert set(facts) >= FIXED_KEYS
    assert facts["messages"] == 20_000 == sum(facts["message_types"].values())
    assert (facts["unknown_orders"], facts["gaps"], facts["errors"]) == (0, 0, 0)
    # 25 symbols, and the key under which system events speak of the market.
    assert (facts["instruments"], facts["date"]) == (26, "2025-07-17")


def test_parquet_and_arrow_hold_the_events(day: Path, events: pl.DataFrame, tmp_path: Path) -> None:
    command(day, "--out", tmp_path / "events.parquet")
    command(day, "--out", tmp_path / "events.arrow")
    as_text = [pl.col(name).cast(pl.String) for name in ("symbol", "kind", "side")]
    for written in (
        pl.read_parquet(tmp_path / "events.parquet"),
        pl.read_ipc(tmp_path / "events.arrow"),
    ):
        assert written.with_columns(as_text).equals(events.with_columns(as_text))


def test_dbn_opens_in_databentos_package(day: Path, events: pl.DataFrame, tmp_path: Path) -> None:
    databento_dbn = pytest.importorskip("databento_dbn")
    command(day, "--out", tmp_path / "events.dbn")
    decoder = databento_dbn.DBNDecoder()
    decoder.write((tmp_path / "events.dbn").read_bytes())
    metadata, *records = decoder.decode()
    assert metadata.dataset == "XNAS.ITCH"
    adds = [record for record in records if str(record.action) == "A"]
    wanted = events.filter(pl.col("kind") == "add")
    assert [record.order_id for record in adds] == wanted["order_id"].to_list()
    assert [record.price for record in adds] == [int(price * 10**9) for price in wanted["price"]]
    assert [record.size for record in adds] == wanted["quantity"].to_list()


def test_books_file_holds_levels_and_queues(day: Path, tmp_path: Path) -> None:
    command(day, "--books", tmp_path / "books.json", "--orders")
    command(day, "--books", tmp_path / "books.parquet")
    books = [json.loads(line) for line in (tmp_path / "books.json").read_text().splitlines()]
    assert len(books) == 25
    levels = [level for book in books for side in ("bids", "asks") for level in book[side]]
    for level in levels:
        assert level["order_count"] == len(level["orders"])
        assert level["quantity"] == sum(order["quantity"] for order in level["orders"])
    assert pl.read_parquet(tmp_path / "books.parquet").height == len(levels)


def test_venue_that_clears_its_books_leaves_those_before(tmp_path: Path) -> None:
    path = tmp_path / "day.itch"
    made = wirebook.simulate(path, messages=5_000, symbols=20, seed=2)
    command(path, "--protocol", NASDAQ, "--books", tmp_path / "books.json", "--orders")
    books = [json.loads(line) for line in (tmp_path / "books.json").read_text().splitlines()]
    orders = sum(level["order_count"] for book in books for side in ("bids", "asks") for level in book[side])
    assert orders == made["open_orders"] > 0


def test_broken_capture_is_played_up_to_the_place(day: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(day.read_bytes()[:-5])
    facts = command(path, "--out", tmp_path / "events.parquet", code=1)
    assert facts["messages"] >= 19_900
    assert facts["errors"] == 1
    assert "byte" in facts["source_error"]
    assert pl.read_parquet(tmp_path / "events.parquet")["sequence"].max() == facts["messages"]
    with pytest.raises(CaptureError):
        pl.DataFrame(list(wirebook.replay(path, protocol=NASDAQ)))


@pytest.mark.parametrize("ending", ["png", "html"])
def test_plot_draws_a_symbol(day: Path, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"day.{ending}"
    command(day, "--plot", path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if ending == "png" else b"<!doctype html>")
    assert len(content) > 10_000


@pytest.mark.parametrize(
    "arguments",
    [
        ("--out", "events.txt"),
        ("--plot", "picture.txt"),
        ("--orders",),
        ("--from", "noon"),
        ("--date", "2025-13-01"),
        ("--protocol", "sumerian-1"),
        ("--framing", "pigeon"),
    ],
    ids=" ".join,
)
def test_misuse_of_replay_is_told(day: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["replay", str(day), *arguments])
    assert result.exit_code == 2 or isinstance(result.exception, wirebook.WirebookError), result.output


def test_table_shows_books_counts_and_the_rate(day: Path) -> None:
    result = CliRunner().invoke(app, ["replay", str(day), "--depth", "2"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    for words in ("Books", "Messages", "unknown orders", "messages a second"):
        assert words in result.stdout
