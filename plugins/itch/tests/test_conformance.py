"""The conformance suite for each protocol of the plugin."""

from pathlib import Path

from wirebook.testing import DecoderConformance

VECTORS = Path(__file__).parent / "vectors"


class TestNasdaq(DecoderConformance):
    protocol = "nasdaq-totalview-5.0"
    vectors = VECTORS
    exact = True
    every_type = True


class TestNasdaqBx(DecoderConformance):
    protocol = "nasdaq-bx-totalview-5.0"
    vectors = VECTORS
    also_vectors_of = ("nasdaq-totalview-5.0",)
    exact = True
    every_type = True


class TestNasdaqPsx(DecoderConformance):
    protocol = "nasdaq-psx-totalview-5.0"
    vectors = VECTORS
    also_vectors_of = ("nasdaq-totalview-5.0",)
    exact = True
    every_type = True


class TestNasdaqNordic(DecoderConformance):
    protocol = "nasdaq-nordic-totalview-3.04.5"
    vectors = VECTORS
    every_type = True


class TestJnx(DecoderConformance):
    protocol = "jnx-equities-pts-1.6"
    vectors = VECTORS
    every_type = True


class TestAsx24(DecoderConformance):
    protocol = "asx24-ntp-1.05"
    vectors = VECTORS
    every_type = True


class TestAsxTrade2(DecoderConformance):
    protocol = "asx-trade-2.0"
    vectors = VECTORS
    every_type = True


class TestAsxTrade3(DecoderConformance):
    protocol = "asx-trade-3.1"
    vectors = VECTORS
    also_vectors_of = ("asx-trade-2.0",)
    every_type = True


class TestGeniumBist(DecoderConformance):
    protocol = "genium-inet-bist-21.12"
    vectors = VECTORS
    every_type = True


class TestGeniumOse(DecoderConformance):
    protocol = "genium-inet-ose-5.0.6"
    vectors = VECTORS
    every_type = True


class TestSoupbintcp(DecoderConformance):
    protocol = "soupbintcp-3.0"
    vectors = VECTORS
    every_type = True
