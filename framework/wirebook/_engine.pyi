"""The compiled engine as Python sees it."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias, TypedDict, final

ABI_VERSION: Final[int]
CAPSULE_NAME: Final[str]

class WirebookError(Exception): ...
class PluginRefused(WirebookError): ...
class CaptureError(WirebookError): ...
class ProtocolUnclear(WirebookError): ...

class BuildInfo(TypedDict):
    version: str
    profile: str
    target: str
    abi_version: int
    event_layout_hash: str
    cpu_features: list[str]

Slot = tuple[int, int]
"""Offset and size of a number."""

class FieldDescription(TypedDict):
    name: str
    kind: str
    unit: str
    offset: int
    bytes: int
    byte_order: str
    scale: int
    scaling: str
    scale_from: str
    null: int | None
    since: int
    count: int
    constant: str
    enumeration: str
    codes: dict[str, str]

class DataDescription(FieldDescription):
    length: Slot | None
    head_bytes: int

class GroupDescription(TypedDict):
    name: str
    since: int
    dimension_bytes: int
    block_length: Slot | None
    count: Slot | None
    entry_bytes: int
    dimension: list[FieldDescription]
    fields: list[FieldDescription]
    groups: list[GroupDescription]
    data: list[DataDescription]

class PartDescription(TypedDict):
    name: str
    offset: int
    stride: int
    count: int
    count_field: int | None
    offset_field: int | None
    present_field: int | None
    present_mask: int
    repeats: bool
    fields: list[FieldDescription]

class MessageDescription(TypedDict):
    type: str
    type_value: int
    name: str
    about: str
    bytes: int
    schema: int | None
    since: int
    block_bytes: int
    fields: list[FieldDescription]
    groups: list[GroupDescription]
    data: list[DataDescription]
    parts: list[PartDescription]

class HeaderDescription(TypedDict):
    bytes: int
    byte_order: str
    block_length: Slot | None
    template_id: Slot | None
    schema_id: Slot | None
    version: Slot | None

def build_info() -> BuildInfo: ...

class SbeLayout(TypedDict):
    protocol: str
    header: HeaderDescription | None
    messages: list[MessageDescription]

def read_sbe_layout(path: Path) -> SbeLayout: ...

@final
class Decoder:
    def __new__(cls, capsule: object) -> Decoder: ...
    @property
    def protocol(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def price_scale(self) -> int: ...
    @property
    def clock(self) -> str: ...
    @property
    def order_ids(self) -> str: ...
    @property
    def framings(self) -> tuple[str, ...]: ...
    @property
    def abi_version(self) -> int: ...
    def describe(self) -> list[MessageDescription]: ...
    @property
    def header(self) -> HeaderDescription | None: ...

@final
class Guess:
    @property
    def format(self) -> str: ...
    @property
    def fits(self) -> list[tuple[int, str, int, int]]: ...
    @property
    def framings(self) -> list[str]: ...
    @property
    def ts_recv_ns(self) -> int: ...

def guess(path: Path, decoders: list[Decoder], format: str | None = None) -> Guess: ...

@final
class Inspector:
    def __new__(
        cls,
        path: Path,
        decoder: Decoder,
        *,
        framing: str | None = None,
        format: str | None = None,
        types: list[str] = ...,
        symbols: list[str] = ...,
        limit: int | None = None,
        json: bool = True,
        hex: bool = False,
    ) -> Inspector: ...
    def __iter__(self) -> Inspector: ...
    def __next__(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def messages(self) -> int: ...
    @property
    def shown(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def foreign(self) -> int: ...
    def progress(self) -> tuple[int, int | None]: ...

def simulate(
    path: Path,
    decoder: Decoder,
    *,
    seed: int,
    symbols: int,
    messages: int,
    midnight_unix_ns: int,
    format: str = "pcap",
    open_orders: int | None = None,
    zipf_exponent: float = 1.0,
    id_streams: int = 1,
    messages_per_packet: int | None = None,
    channels: int | None = None,
    end_of_messages: bool = True,
    session: str = "SIMULATED1",
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]: ...

@final
class Frame:
    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Book:
    @property
    def symbol(self) -> str: ...
    @property
    def bid(self) -> tuple[Decimal, int, int] | None: ...
    @property
    def ask(self) -> tuple[Decimal, int, int] | None: ...
    @property
    def order_count(self) -> int: ...
    @property
    def given(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def ts_event_ns(self) -> int | None: ...
    @property
    def validity(self) -> tuple[str, str, int]: ...
    def top(self, n: int = 10) -> Frame: ...
    def depth(self) -> Frame: ...
    def implied(self, n: int = ...) -> Frame: ...
    def orders(self, price: Decimal | float | str) -> Frame: ...
    def snapshot(self) -> Frame: ...
    def levels(self, side: str, n: int = ...) -> list[tuple[Decimal, int, int]]: ...
    def position(self, order_id: int) -> dict[str, Any] | None: ...

@final
class Replay:
    def __new__(
        cls,
        paths: list[Path],
        decoder: Decoder,
        *,
        framing: str,
        format: str | None = None,
        ts_base_ns: int = 0,
        date: str = "",
        symbols: list[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        start_sequence: int | None = None,
        end_sequence: int | None = None,
        batch_rows: int | None = None,
        output: Path | None = None,
        tape: str | None = None,
        dataset: str = "XNAS.ITCH",
    ) -> Replay: ...
    def __iter__(self) -> Replay: ...
    def __next__(self) -> Frame: ...
    def run(self, progress: Callable[[int, int | None, int], object] | None = None) -> None: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def stats(self) -> dict[str, Any]: ...
    def symbols(self) -> list[str]: ...
    def book(self, symbol: str) -> Book: ...
    def tops(self) -> Frame: ...
    def top_rows(self) -> list[tuple[str, int, tuple[str, int] | None, tuple[str, int] | None]]: ...
    def tape(self) -> dict[str, Any]: ...
    def write_books(self, path: Path, *, orders: bool = False) -> None: ...

def bench(
    decoder: Decoder,
    others: Sequence[Decoder] = (),
    *,
    quick: bool = False,
    messages: int | None = None,
    symbols: int | None = None,
    runs: int | None = None,
    seed: int | None = None,
    core: int | None = None,
    progress: Callable[[str, int, int], object] | None = None,
) -> tuple[str, list[str], list[tuple[str, str]]]: ...
def sources() -> list[tuple[str, bool, str, str | None]]: ...
def bench_sources(
    *,
    quick: bool = False,
    runs: int | None = None,
    progress: Callable[[str, int, int], object] | None = None,
) -> tuple[str, list[str], list[tuple[str, str, str, str, str, str]], list[tuple[str, str]]]: ...

@final
class DayAgain:
    def __new__(cls, decoder: Decoder, *, messages: int, symbols: int, seed: int) -> DayAgain: ...
    def round(self) -> tuple[float, float]: ...

class FrameFault(TypedDict):
    status: str
    sequence: int
    offset: int
    message_type: int

class Run(TypedDict):
    framed: str
    framed_offset: int
    kind: str
    session: str
    first_sequence: int
    numbering: str
    message_count: int
    size_bytes: int
    status: str
    messages: int
    offset: int
    counted: int
    stalled: bool
    failed: bool
    events: list[dict[str, Any]]
    faults: list[FrameFault]

@final
class Rig:
    def __new__(cls, decoder: Decoder, framing: str, *, events: int = 1024, records: int = 512) -> Rig: ...
    @property
    def is_stream(self) -> bool: ...
    @property
    def failed(self) -> bool: ...
    def run(self, packet: bytes, skip: int = 0) -> Run: ...
    def decode(self, packet: bytes, skip: int) -> Run: ...
    def split(self, packet: bytes) -> tuple[str, list[bytes]]: ...
    def encode(self, events: list[dict[str, Any]]) -> tuple[str, bytes]: ...
    def pack(
        self, messages: list[bytes], *, session: str, first_sequence: int, kind: str = "data"
    ) -> tuple[str, bytes]: ...
    def build(self, message: str, fields: Mapping[str, bytes | str | int]) -> bytes: ...
    def identify(self, message: bytes) -> str | None: ...
    def said(self, message: bytes) -> list[str] | None: ...
    def newer(self, message: bytes) -> bytes | None: ...
    def older(self, message: bytes) -> list[tuple[int, bytes]]: ...

LevelFacts: TypeAlias = tuple[int, int, int, list[tuple[int, int]]]

class BookFacts(TypedDict):
    key: int
    symbol: str | None
    state: str
    reason: str
    bids: list[LevelFacts]
    asks: list[LevelFacts]

class ChannelCounts(TypedDict):
    messages: int
    gaps: int
    missing: int
    duplicates: int
    sessions: int
    heartbeats: int
    next_sequence: int
    unknown_orders: int
    duplicate_orders: int
    overdrawn_orders: int
    misplaced_events: int
    failed: bool
    faults: dict[str, int]

@final
class RigChannel:
    def __new__(cls, decoder: Decoder, framing: str) -> RigChannel: ...
    def packet(self, packet: bytes) -> list[dict[str, Any]]: ...
    def counts(self) -> ChannelCounts: ...
    def books(self) -> list[BookFacts]: ...

def survey(
    decoder: Decoder, framing: str, packets: list[bytes], damage: str, *, seed: int = 1, noise: int = 200
) -> tuple[int, list[tuple[bytes, str]]]: ...
def count_allocations(
    decoder: Decoder, framing: str, packets: list[bytes], *, rounds: int = 100
) -> dict[str, int] | None: ...
def measure_rate(
    decoder: Decoder, framing: str, packets: list[bytes], *, messages: int = 1_000_000, runs: int = 5
) -> dict[str, Any]: ...
def check_live(plan: str, decoders: list[Decoder]) -> None: ...

class Exchange:
    def __init__(self, path: Path, decoder: Decoder, plan: str) -> None: ...
    def status(self) -> str: ...
    def stop(self) -> str: ...

class Live:
    def __init__(self, plan: str, decoders: list[Decoder]) -> None: ...
    def notes(self) -> list[str]: ...
    def status(self, *, latency: bool = False) -> str: ...
    def has_ended(self) -> bool: ...
    def stop(self) -> list[str]: ...
    def write_books(self, path: str | Path | str, *, orders: bool = False) -> None: ...

def bench_live(
    decoder: Decoder,
    *,
    messages: int | None = None,
    symbols: int | None = None,
    seed: int | None = None,
    rate: int | None = None,
    core: int | None = None,
) -> tuple[str, list[str], list[tuple[str, str]]]: ...
