"""Decoder tables, as capsules named ``wirebook.decoder``."""

from typing import Final

LANTERN_1_0: Final[object]
