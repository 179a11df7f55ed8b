"""The conformance suite for each protocol of the plugin."""

from pathlib import Path

from wirebook.testing import DecoderConformance

VECTORS = Path(__file__).parent / "vectors"


class TestUsEquities24164(DecoderConformance):
    protocol = "cboe-us-equities-depth-2.41.64"
    vectors = VECTORS
    every_type = True


class TestUsEquities24129(DecoderConformance):
    protocol = "cboe-us-equities-depth-2.41.29"
    vectors = VECTORS
    every_type = True


class TestUsEquities2(DecoderConformance):
    protocol = "cboe-us-equities-depth-2"
    vectors = VECTORS
    every_type = True


class TestUsOptions24164(DecoderConformance):
    protocol = "cboe-us-options-depth-2.41.64"
    vectors = VECTORS
    every_type = True


class TestUsOptions2394(DecoderConformance):
    protocol = "cboe-us-options-depth-2.39.4"
    vectors = VECTORS
    every_type = True


class TestC1Complex2118(DecoderConformance):
    protocol = "cboe-c1-options-complex-2.1.18"
    vectors = VECTORS
    every_type = True


class TestCfe1219(DecoderConformance):
    protocol = "cfe-futures-depth-1.2.19"
    vectors = VECTORS
    every_type = True


class TestCfe1112(DecoderConformance):
    protocol = "cfe-futures-depth-1.1.12"
    vectors = VECTORS
    every_type = True


class TestCfe116(DecoderConformance):
    protocol = "cfe-futures-depth-1.1.6"
    vectors = VECTORS
    every_type = True


class TestEurope667(DecoderConformance):
    protocol = "cboe-europe-depth-6.67"
    vectors = VECTORS
    every_type = True
