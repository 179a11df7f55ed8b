"""A recorded day again: events as Arrow frames, and the books that they build."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from wirebook import _engine, clock
from wirebook._engine import Book, Frame
from wirebook.errors import Misuse
from wirebook.recognition import Recognized, recognize

Place = int | datetime.datetime | datetime.time
"""A moment: nanoseconds since 1970 UTC, a date and time (the venue's local one where it has no zone), or a time of the
venue's day."""


STREAMS = ("length16", "soupbintcp", "cme_tcp")
"""Framings that are streams, whose bytes have no receive times to be ordered by."""


class Books(Mapping[str, Book]):
    """The books of a replay by symbol, as they stand where the replay does.

    Behind the message with which a venue clears every book at the end of its day, they are those just before it.
    """

    def __init__(self, replay: _engine.Replay) -> None:
        self._replay = replay

    def __getitem__(self, symbol: str) -> Book:
        return self._replay.book(symbol)

    def __iter__(self) -> Iterator[str]:
        return iter(self._replay.symbols())

    def __len__(self) -> int:
        return len(self._replay.symbols())

    def tops(self) -> Frame:
        """Gives best bid and ask of every book that has one, as a frame."""
        return self._replay.tops()


class Replay:
    """A capture being replayed; :func:`replay` makes one.

    Iterating gives frames of events and moves the replay on; so does handing it to anything that takes Arrow's
    ``__arrow_c_stream__``: ``polars.DataFrame(replay)``, ``pyarrow.table(replay)``. Either uses it up.
    """

    def __init__(self, engine: _engine.Replay, recognized: Recognized, day: "_Day") -> None:
        self._engine = engine
        self.protocol = recognized.taken.protocol.name
        """Name of the protocol that the capture is read as."""
        self.framing = recognized.framing
        """How its packets number messages."""
        self.also_fits = recognized.others
        """Protocols that would explain the first packets as well."""
        self.date = day.date
        """The venue's day; None where nothing says it, and then times count from 1970-01-01."""
        self.base_ns = day.base_ns
        """What the protocol's times count from, nanoseconds since 1970 UTC: the venue's midnight, or 0."""
        self.books = Books(engine)
        """Books by symbol, where the replay stands now."""

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._engine)

    def __arrow_c_schema__(self) -> object:
        return self._engine.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._engine.__arrow_c_stream__(requested_schema)

    def run(self, progress: Callable[[int, int | None, int], object] | None = None) -> None:
        """Plays on to the end; frames are not kept, books are.

        Args:
            progress: called now and then with bytes done, bytes in all (None for a pipe) and messages; what it raises
                stops the replay.

        Raises:
            CaptureError: the capture is broken at some byte; everything before it was played.
        """
        self._engine.run(progress)

    @property
    def stats(self) -> dict[str, Any]:
        """Counts so far.

        ``messages``, ``message_types`` (by type), ``instruments``, ``unknown_orders`` (events of orders never added),
        ``gaps`` (runs of missing messages), ``errors`` (messages and packets that are not what the protocol says, and a
        broken capture), ``seconds`` (spent playing), ``messages_per_second``, and beside them ``channels``,
        ``open_orders``, ``given_levels`` (price levels that the feed gives), ``unknown_levels`` and
        ``contradicted_levels`` (events of levels that are not there, or not as they say), ``snapshots_joined`` and
        ``snapshots_unusable`` (snapshots of instruments in loops: taken, and incomplete, too old or not of it),
        ``missing``, ``duplicates``, ``foreign_packets``, ``undecoded_bytes``, ``faults`` (by status), ``first_faults``,
        ``source_error`` and ``events_recorded``.
        """
        return self._engine.stats()

    def write_books(self, path: str | PathLike[str], *, orders: bool = False) -> None:
        """Writes every book to a file.

        Args:
            path: ``.json`` (one book a line), ``.parquet``, ``.arrow``.
            orders: every order in its queue, not levels alone.
        """
        self._engine.write_books(Path(path), orders=orders)

    @property
    def engine(self) -> _engine.Replay:
        """The compiled replay, for commands."""
        return self._engine


def replay(
    path: str | PathLike[str],
    *further: str | PathLike[str],
    protocol: str | None = None,
    framing: str | None = None,
    format: str | None = None,
    date: datetime.date | None = None,
    symbols: Iterable[str] | None = None,
    start: Place | None = None,
    end: Place | None = None,
    start_sequence: int | None = None,
    end_sequence: int | None = None,
    batch_rows: int | None = 65_536,
    output: str | PathLike[str] | None = None,
    dataset: str = "XNAS.ITCH",
    tape: str | None = None,
) -> Replay:
    """Opens a capture to be replayed into books.

    Books are built of every message from the beginning; ``symbols``, ``start`` and ``start_sequence`` choose the events
    that come out. Nothing behind ``end`` or ``end_sequence`` is applied, so that books stand exactly there.

    Args:
        path: pcap, pcapng or raw protocol file, plain, gzip or zstd.
        further: captures of packets that are played together with it, in the order of their receive times: increments,
            snapshots and definitions that were recorded apart are joined into books.
        protocol: name of the protocol; told from the first packets where it is not given.
        framing: how packets number messages; told from the packets where it is not given.
        format: format of the file; told from its first bytes where it is not given.
        date: the venue's day; told from the receive time of the first packet where it is not given.
        symbols: symbols whose events come out; all where it is not given.
        start: moment of the first event.
        end: moment of the last event.
        start_sequence: sequence of the message of the first event.
        end_sequence: sequence of the message of the last event.
        batch_rows: rows of a frame, about; None gives no frames, books alone, which is fastest.
        output: file that events are written to while playing (``.parquet``, ``.arrow``, ``.dbn``, ``.dbn.zst``); then
            iterating gives no frames.
        dataset: Databento's code of the dataset, for DBN.
        tape: symbol whose prices are followed for a picture; then iterating gives no frames.

    Returns:
        The replay, at its beginning.

    Raises:
        Misuse: what was asked for makes no sense.
        WirebookError: the protocol is not clear, or the capture cannot be read.

    >>> import tempfile, wirebook
    >>> day = Path(tempfile.mkdtemp()) / "day.pcap"
    >>> made = wirebook.simulate(day, messages=5_000, symbols=20, seed=1)
    >>> replay = wirebook.replay(day, protocol="nasdaq-totalview-5.0")
    >>> sum(frame.num_rows for frame in replay) > 5_000
    True
    >>> replay.stats["messages"], replay.stats["gaps"], replay.stats["unknown_orders"]
    (5000, 0, 0)
    >>> book = replay.books[next(iter(replay.books))]
    >>> book.bid is None or book.ask is None or book.bid[0] < book.ask[0]
    True
    """
    paths = [Path(path), *map(Path, further)]
    recognized = recognize(paths[0], protocol=protocol, framing=framing, format=format)
    for each in paths[1:]:
        _check_packets(each, recognized, format)
    day = _Day.of(recognized, date)
    try:
        engine = _engine.Replay(
            paths,
            recognized.taken.decoder,
            framing=recognized.framing,
            format=format,
            ts_base_ns=day.base_ns,
            date=day.date.isoformat() if day.date else "",
            symbols=None if symbols is None else list(symbols),
            start_ns=day.clock_ns("start", start),
            end_ns=day.clock_ns("end", end),
            start_sequence=start_sequence,
            end_sequence=end_sequence,
            batch_rows=None if tape else batch_rows,
            output=None if output is None else Path(output),
            tape=tape,
            dataset=dataset,
        )
    except (ValueError, OverflowError) as error:
        raise Misuse(str(error)) from error
    return Replay(engine, recognized, day)


def _check_packets(path: Path, recognized: Recognized, format: str | None) -> None:
    """Says of a further capture at once that it cannot be played together with another one."""
    framing = recognize(path, protocol=recognized.taken.protocol.name, format=format).framing
    if framing != recognized.framing:
        raise Misuse(f"{path}: its packets come in {framing}, those of the first capture in {recognized.framing}")
    if framing in STREAMS:
        raise Misuse(f"{path}: streams ({framing}) cannot be played together; replay one file at a time")


@attrs.frozen
class _Day:
    """What a protocol's times count from."""

    date: datetime.date | None
    base_ns: int
    timezone: str

    @classmethod
    def of(cls, recognized: Recognized, date: datetime.date | None) -> "_Day":
        decoder = recognized.taken.decoder
        if date is None and recognized.ts_recv_ns:
            date = clock.day_of(recognized.ts_recv_ns, decoder.timezone)
        if date is None or not clock.counts_from_midnight(decoder):
            return cls(date, 0, decoder.timezone)
        return cls(date, clock.base_ns(date, decoder.timezone), decoder.timezone)

    def clock_ns(self, name: str, place: Place | None) -> int | None:
        """Gives a moment in the protocol's own clock."""
        if place is None:
            return None
        if isinstance(place, datetime.time):
            if self.date is None and self.base_ns == 0:
                place = datetime.datetime.combine(datetime.date(1970, 1, 1), place, datetime.UTC)
            else:
                place = datetime.datetime.combine(self.date or datetime.date(1970, 1, 1), place)
        unix_ns = clock.unix_ns(place, self.timezone) if isinstance(place, datetime.datetime) else place
        if unix_ns < self.base_ns:
            raise Misuse(f"{name}: {place} is before the venue's day, {self.date}")
        return unix_ns - self.base_ns
