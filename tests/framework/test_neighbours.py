"""All plugins beside one: two processes, each with what it is to have."""

import pytest
from wirebook import neighbours, plugins
from wirebook.errors import WirebookError

NASDAQ = "nasdaq-totalview-5.0"
INSTALLED = {each.protocol.name for each in plugins.installed().protocols}

pytestmark = pytest.mark.skipif(NASDAQ not in INSTALLED, reason="wirebook-itch is not installed")


def test_both_sides_play_the_same_day_in_turn() -> None:
    compared = neighbours.compare(NASDAQ, messages=1_000, symbols=20, seed=1, runs=2, core=None)
    assert compared.plugins[0] == "wirebook-itch"
    for ratio in (compared.decode, compared.everything):
        assert 0 < ratio.min <= ratio.median <= ratio.max


def test_one_side_has_its_own_plugin_only() -> None:
    own = plugins.load(only="wirebook-itch")
    assert {each.origin.distribution for each in own.plugins} == {"wirebook-itch"}
    assert own.find(NASDAQ)


def test_a_process_that_fails_is_told() -> None:
    with pytest.raises(WirebookError, match="a process that was to be measured ended"):
        neighbours.compare(NASDAQ, messages=0, symbols=20, seed=1, runs=1, core=None)
