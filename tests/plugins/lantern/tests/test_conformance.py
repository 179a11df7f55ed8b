"""What wirebook asks of every decoder; docs/conformance.md of wirebook says what each check means."""

from pathlib import Path

from wirebook.testing import DecoderConformance


class TestLantern10(DecoderConformance):
    """Lantern Exchange."""

    protocol = "lantern-1.0"
    vectors = Path(__file__).parent / "vectors"
    every_type = True
