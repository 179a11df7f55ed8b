"""Feeds that were recorded apart, joined into books through the installed command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wirebook
from wirebook.errors import Misuse

B3 = "captures/sbe/b3-umdf-v8_2024-07-22_{}.pcap.gz"
FEEDS = ("incremental", "instrument", "snapshot")


def test_increments_snapshots_and_definitions_are_joined(shared: Callable[[str], Path]) -> None:
    replay = wirebook.replay(*(shared(B3.format(feed)) for feed in FEEDS), batch_rows=None)
    replay.run()
    stats: dict[str, Any] = replay.stats
    assert (stats["channels"], stats["gaps"], stats["errors"]) == (1, 0, 0)
    assert (stats["snapshots_joined"], stats["snapshots_unusable"]) == (2_515, 0)
    assert (stats["unknown_levels"], stats["contradicted_levels"]) == (0, 0)
    assert len(replay.books) == 2_515
    states = {book.validity[0] for book in replay.books.values()}
    assert not states & {"building", "stale"}


def test_streams_are_not_played_together(tmp_path: Path) -> None:
    days = [tmp_path / "a.itch", tmp_path / "b.itch"]
    for day in days:
        wirebook.simulate(day, messages=500, symbols=5)
    with pytest.raises(Misuse, match="one file at a time"):
        wirebook.replay(*days, protocol="nasdaq-totalview-5.0")
