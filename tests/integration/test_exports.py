"""Files of events: each format says the same, and Databento's own package reads the DBN."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import wirebook

Facts = Callable[..., dict[str, Any]]
Days = dict[str, tuple[Path, dict[str, Any]]]
Outputs = dict[str, Path]

ENDINGS = ("parquet", "arrow", "dbn", "dbn.zst")
LAST, BAD_TS_RECV = 128, 8
NON_PRINTABLE = 2
OTHER_SIDE = {"B": "A", "A": "B", "N": "N"}


@pytest.fixture(scope="module")
def outputs(days: Days, facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """The day's events in every format."""
    folder = tmp_path_factory.mktemp("out")
    paths = {ending: folder / f"events.{ending}" for ending in ENDINGS}
    for path in paths.values():
        facts("replay", days["pcap"][0], "--out", path)
    return paths


@pytest.fixture(scope="module")
def events(days: Days) -> pl.DataFrame:
    return plain(pl.DataFrame(wirebook.replay(days["pcap"][0])))


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes and symbols as texts: which dictionary stands behind them is the format's own affair."""
    return frame.with_columns(pl.col("kind", "side", "symbol").cast(pl.String))


def test_parquet_and_arrow_have_the_rows_that_python_gets(outputs: Outputs, events: pl.DataFrame) -> None:
    assert plain(pl.read_parquet(outputs["parquet"])).equals(events)
    assert plain(pl.read_ipc(outputs["arrow"])).equals(events)


def test_pyarrow_reads_what_polars_does(outputs: Outputs, events: pl.DataFrame) -> None:
    read = {
        "parquet": pq.read_table(outputs["parquet"]),
        "arrow": pa.ipc.open_file(outputs["arrow"]).read_all(),
    }
    for ending, table in read.items():
        assert table.schema.field("price").type == pa.decimal128(18, 9), ending
        assert table.schema.field("ts_event").type == pa.timestamp("ns", "UTC"), ending
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        assert plain(frame).equals(events), ending


def records_of(data: bytes) -> tuple[dbn.Metadata, list[Any]]:
    decoder = dbn.DBNDecoder()
    decoder.write(data)
    metadata, *records = decoder.decode()
    assert isinstance(metadata, dbn.Metadata)
    return metadata, records


def test_dbn_opens_in_databentos_package_and_says_the_same(outputs: Outputs, events: pl.DataFrame) -> None:
    metadata, records = records_of(outputs["dbn"].read_bytes())
    assert (metadata.dataset, str(metadata.schema)) == ("XNAS.ITCH", "mbo")
    expected = list(expected_records(events))
    assert len(expected) > 60_000
    names = ("action", "side", "order_id", "price", "size", "instrument_id", "sequence", "ts_event", "ts_recv")
    found = [
        (*(str(getattr(record, name)) for name in names[:2]), *(getattr(record, name) for name in names[2:]))
        for record in records
    ]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == other
    symbols = dict(events.filter(pl.col("kind") == "definition").select("instrument", "symbol").iter_rows())
    mapped = {int(each["symbol"]): raw for raw, (each,) in metadata.mappings.items()}
    assert mapped.items() <= symbols.items()
    assert set(mapped) >= {record.instrument_id for record in records}


def expected_records(events: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Records as Databento normalises such events."""
    own_price: dict[int, int] = {}
    columns = [
        "kind",
        "side",
        "order_id",
        "price",
        "quantity",
        "instrument",
        "sequence",
        "ts_event",
        "ts_recv",
        "detail",
    ]
    exact = events.select(columns).with_columns(
        # As integers: a decimal of nine places in units of 1e-9, times in nanoseconds.
        (pl.col("price") * 1_000_000_000).cast(pl.Int64),
        pl.col("ts_event", "ts_recv").dt.epoch("ns"),
    )
    for kind, side, order, price, quantity, *rest, detail in exact.iter_rows():
        common = tuple(rest)
        if kind == "add":
            own_price[order] = price
            yield ("A", side, order, price, quantity, *common)
        elif kind in ("reduce", "delete"):
            yield ("C", side, order, price, quantity, *common)
        elif kind == "trade":
            yield ("T", OTHER_SIDE[side], 0, price, quantity, *common)
        elif kind == "execute":
            if not detail & NON_PRINTABLE:
                yield ("T", OTHER_SIDE[side], 0, price, quantity, *common)
            yield ("F", side, order, price, quantity, *common)
            yield ("C", side, order, own_price[order], quantity, *common)


def test_each_message_has_one_last_record(outputs: Outputs) -> None:
    _, records = records_of(outputs["dbn"].read_bytes())
    for record, following in zip(records, [*records[1:], None], strict=True):
        ends = following is None or following.sequence != record.sequence
        assert bool(int(record.flags) & LAST) == ends
        assert not int(record.flags) & BAD_TS_RECV


def test_dbn_survives_databentos_own_encoder(outputs: Outputs) -> None:
    data = outputs["dbn"].read_bytes()
    metadata, records = records_of(data)
    assert bytes(metadata.encode()) + b"".join(bytes(record) for record in records) == data


def test_compressed_dbn_holds_the_same_bytes(outputs: Outputs) -> None:
    with pa.CompressedInputStream(pa.OSFile(str(outputs["dbn.zst"])), "zstd") as stream:
        assert stream.read() == outputs["dbn"].read_bytes()


def test_books_as_frames_hold_what_the_json_does(days: Days, facts: Facts, tmp_path: Path) -> None:
    path = tmp_path / "books.parquet"
    facts("replay", days["pcap"][0], "--books", path, "--orders")
    played = wirebook.replay(days["pcap"][0], batch_rows=None)
    played.run()
    frames = [pl.DataFrame(played.books[symbol].snapshot()) for symbol in played.books]
    expected = pl.concat([frame.with_columns(pl.col("symbol", "side").cast(pl.String)) for frame in frames])
    found = pl.read_parquet(path).with_columns(pl.col("symbol", "side").cast(pl.String))
    order = ["symbol", "side", "rank", "position"]
    assert found.height > 1_000
    assert found.sort(order).equals(expected.sort(order))
