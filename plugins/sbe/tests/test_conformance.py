"""The conformance suite for each protocol of the plugin."""

from pathlib import Path

from wirebook.testing import DecoderConformance

VECTORS = Path(__file__).parent / "vectors"


class TestCme(DecoderConformance):
    protocol = "cme-mdp3"
    vectors = VECTORS


class TestB3PositionLists(DecoderConformance):
    protocol = "b3-umdf-1.8"
    vectors = VECTORS


class TestB3(DecoderConformance):
    protocol = "b3-umdf-2.2"
    vectors = VECTORS


class TestMemx(DecoderConformance):
    protocol = "memx-memoir-depth-1.3"
    vectors = VECTORS


class TestCoinbaseTwo(DecoderConformance):
    protocol = "coinbase-derivatives-md-1.2"
    vectors = VECTORS


class TestCoinbaseSeven(DecoderConformance):
    protocol = "coinbase-derivatives-md-1.7"
    vectors = VECTORS


class TestDeribit(DecoderConformance):
    protocol = "deribit-md-1.0"
    vectors = VECTORS


class TestEuronext(DecoderConformance):
    protocol = "euronext-optiq-mdg-6.67"
    vectors = VECTORS


class TestBinance(DecoderConformance):
    protocol = "binance-spot-stream-1.0"
    vectors = VECTORS


class TestMoex(DecoderConformance):
    protocol = "moex-simba-9"
    vectors = VECTORS
