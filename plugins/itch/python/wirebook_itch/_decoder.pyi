"""Decoder tables, as capsules named ``wirebook.decoder``."""

from typing import Final

NASDAQ: Final[object]
NASDAQ_BX: Final[object]
NASDAQ_PSX: Final[object]
NASDAQ_NORDIC: Final[object]
SOUPBINTCP: Final[object]
JNX: Final[object]
ASX24: Final[object]
ASX_TRADE_3: Final[object]
ASX_TRADE_2: Final[object]
GENIUM_BIST: Final[object]
GENIUM_OSE: Final[object]
