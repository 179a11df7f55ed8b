"""Decoder tables, as capsules named ``wirebook.decoder``."""

from typing import Final

NASDAQ: Final[object]
NASDAQ_BX: Final[object]
NASDAQ_PSX: Final[object]
