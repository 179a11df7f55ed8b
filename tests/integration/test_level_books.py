"""Books of price levels that a feed gives outright, from packets to Python, frames and files."""

import json
import struct
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import wirebook

INSTRUMENT = 4711
INSERT, IMPLIED = 16, 32
MBP = 16
NEW, CHANGE, DELETE = 0, 1, 2
END_OF_EVENT = 0x80


def message(template: int, block: bytes, groups: bytes) -> bytes:
    body = struct.pack("<HHHH", len(block), template, 1, 9) + block + groups
    return struct.pack("<H", 2 + len(body)) + body


def definition(symbol: bytes, depths: dict[bytes, int]) -> bytes:
    """MDInstrumentDefinitionFuture54 with a name and the depths of its books."""
    block = bytearray(216)
    block[0] = END_OF_EVENT
    block[5] = ord("A")
    block[35 : 35 + len(symbol)] = symbol
    block[55:59] = struct.pack("<i", INSTRUMENT)
    feeds = b"".join(struct.pack("<3sb", feed, depth) for feed, depth in depths.items())
    groups = struct.pack("<HB", 9, 0) + struct.pack("<HB", 4, len(depths)) + feeds
    return message(54, bytes(block), groups + struct.pack("<HB", 4, 0) + struct.pack("<HB", 18, 0))


def book(*entries: tuple[int, int, str, int, int, int], orders: tuple[tuple[int, int], ...] = ()) -> bytes:
    """MDIncrementalRefreshBook46: action, level, type, price, quantity and count; new orders by id and quantity."""
    levels = b"".join(
        struct.pack("<qiiIiBBc5x", price * 10**9, quantity, INSTRUMENT, 1, count, level, action, kind.encode())
        for action, level, kind, price, quantity, count in entries
    )
    detail = b"".join(struct.pack("<QQiBB2x", order, order, quantity, 1, 0) for order, quantity in orders)
    groups = struct.pack("<HB", 32, len(entries)) + levels + struct.pack("<H5xB", 24, len(orders)) + detail
    return message(46, struct.pack("<QB2x", 10**18, END_OF_EVENT), groups)


def capture(path: Path, messages: list[bytes]) -> Path:
    """Each message a datagram of a channel."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for sequence, each in enumerate(messages, 1):
        payload = struct.pack("<IQ", sequence, 10**18) + each
        udp = struct.pack(">HHHH", 14310, 14310, 8 + len(payload), 0) + payload
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 9, 17, 0, b"\xcc\x00\x00\x01", b"\xe0\x00\x1c\x01"
        )
        frame = bytes(12) + b"\x08\x00" + ip + udp
        records.append(struct.pack("<IIII", 10**9, sequence, len(frame), len(frame)) + frame)
    path.write_bytes(b"".join(records))
    return path


@pytest.fixture
def levels(tmp_path: Path) -> Path:
    """Three levels a side at most, two implied ones; the fourth bid pushes the third out."""
    return capture(
        tmp_path / "levels.pcap",
        [
            definition(b"GEZ9", {b"GBX": 3, b"GBI": 2}),
            book((NEW, 1, "0", 100, 5, 1), (NEW, 2, "0", 99, 7, 2), (NEW, 3, "0", 97, 1, 1)),
            book((NEW, 3, "0", 98, 4, 1), (NEW, 1, "1", 102, 6, 3), (NEW, 1, "1", 101, 2, 2)),
            book((NEW, 1, "E", 99, 30, 0), (NEW, 1, "F", 103, 40, 0)),
            book((CHANGE, 2, "0", 99, 9, 3), (DELETE, 1, "1", 101, 2, 2)),
        ],
    )


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return pl.DataFrame(frame).with_columns(pl.col("symbol", "side").cast(pl.String)).rows()


def played(path: Path) -> wirebook.Replay:
    replay = wirebook.replay(path, protocol="cme-mdp3", batch_rows=None)
    replay.run()
    return replay


BIDS = [("GEZ9", "B", 0, Decimal(100), 5, 1, False), ("GEZ9", "B", 1, Decimal(99), 9, 3, False)]
THIRD_BID = ("GEZ9", "B", 2, Decimal(98), 4, 1, False)
ASK = ("GEZ9", "A", 0, Decimal(102), 6, 3, False)
IMPLIED_LEVELS = [("GEZ9", "B", 0, Decimal(99), 30, 0, True), ("GEZ9", "A", 0, Decimal(103), 40, 0, True)]


def test_a_book_shows_levels_within_their_depth_and_implied_ones_apart(levels: Path) -> None:
    replay = played(levels)
    shown = replay.books["GEZ9"]
    assert rows(shown.depth()) == [*BIDS, THIRD_BID, ASK]
    assert rows(shown.top(2)) == [*BIDS, ASK]
    assert rows(shown.implied()) == IMPLIED_LEVELS
    assert rows(shown.snapshot()) == [*BIDS, THIRD_BID, ASK, *IMPLIED_LEVELS]
    assert (shown.given, shown.bid, shown.ask) == ("levels", (Decimal(100), 5, 1), (Decimal(102), 6, 3))
    assert shown.position(1) is None
    with pytest.raises(ValueError, match="GEZ9: the feed gives price levels and no orders"):
        shown.orders(100)
    stats = replay.stats
    assert (stats["given_levels"], stats["unknown_levels"], stats["contradicted_levels"]) == (6, 0, 0)


def test_orders_of_a_feed_that_gives_both_stand_beside_the_levels(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "both.pcap",
        [
            definition(b"GEZ9", {b"GBX": 10, b"GBI": 2}),
            book((NEW, 1, "0", 100, 8, 2), orders=((11, 5), (12, 3))),
        ],
    )
    replay = played(path)
    shown = replay.books["GEZ9"]
    assert shown.given == "both"
    assert rows(shown.depth()) == [("GEZ9", "B", 0, Decimal(100), 8, 2, False)]
    assert [row[4:] for row in rows(shown.orders(100))] == [(0, 11, 5), (1, 12, 3)]
    assert rows(shown.snapshot()) == rows(shown.orders(100))
    assert shown.position(12) == {
        "side": "B",
        "price": Decimal(100),
        "quantity": 3,
        "orders_ahead": 1,
        "quantity_ahead": 5,
    }
    replay.write_books(tmp_path / "books.json", orders=True)
    (line,) = map(json.loads, (tmp_path / "books.json").read_text().splitlines())
    assert [each["order_id"] for each in line["order_bids"][0]["orders"]] == [11, 12]


def test_files_of_books_have_implied_levels(levels: Path, tmp_path: Path) -> None:
    replay = played(levels)
    replay.write_books(tmp_path / "books.parquet")
    assert rows(pl.read_parquet(tmp_path / "books.parquet")) == [*BIDS, THIRD_BID, ASK, *IMPLIED_LEVELS]
    replay.write_books(tmp_path / "books.json")
    (line,) = map(json.loads, (tmp_path / "books.json").read_text().splitlines())
    assert line["implied_bids"] == [{"price": 99.0, "quantity": 30, "order_count": 0}]
    assert [level["price"] for level in line["bids"]] == [100.0, 99.0, 98.0]


def test_event_frames_have_positions_and_counts(levels: Path) -> None:
    frame = pl.concat(
        pl.DataFrame(batch).with_columns(pl.col("kind", "side", "symbol").cast(pl.String))
        for batch in wirebook.replay(levels, protocol="cme-mdp3")
    ).filter(pl.col("kind").str.starts_with("level"))
    columns = ("kind", "side", "price", "quantity", "position", "order_count", "detail", "order_id")
    found = frame.select(columns).rows()
    assert found[0] == ("level_set", "B", Decimal(100), 5, 1, 1, INSERT, 0)
    assert ("level_set", "B", Decimal(99), 30, 1, None, INSERT | IMPLIED, 0) in found
    assert found[-1] == ("level_delete", "A", Decimal(101), 2, 1, 2, 0, 0)
    assert all(flags & MBP for flags in frame["flags"])


def test_dbn_of_levels_alone_is_refused(levels: Path, tmp_path: Path) -> None:
    path = tmp_path / "levels.dbn"
    replay = wirebook.replay(levels, protocol="cme-mdp3", output=path)
    with pytest.raises(wirebook.WirebookError, match="price levels, 10 of them, and no orders"):
        replay.run()
    assert not path.exists()


def test_books_of_the_long_sample_are_the_expected_ones(shared: Callable[[str], Path], tmp_path: Path) -> None:
    sample = shared("samples/cme/mdp3-1.6-sequence/globex-part1.expected.json")
    expected = json.loads(sample.read_text())["result"]
    replay = played(sample.with_name("globex-part1.pcap"))
    replay.write_books(tmp_path / "books.json")
    found = Counter[int]()
    names = {"bid": "bids", "offer": "asks", "implied_bid": "implied_bids", "implied_offer": "implied_asks"}
    with (tmp_path / "books.json").open() as lines:
        for line in map(json.loads, lines):
            sides = expected["books"].get(str(line["instrument"]), {})
            for side, ours in names.items():
                levels = [
                    (each["price_mantissa"] / 10**7, each["quantity"], each["orders"] or 0)
                    for each in sides.get(side, [])
                ]
                given = [(each["price"], each["quantity"], each["order_count"]) for each in line.get(ours, [])]
                assert given == levels, f"{line['instrument']} {side}"
            found[line["instrument"]] += bool(sides)
    assert len([key for key, count in found.items() if count]) == len(expected["books"]) == 101
