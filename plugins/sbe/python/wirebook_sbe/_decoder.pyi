"""Decoder tables, as capsules named ``wirebook.decoder``."""

from typing import Final

CME: Final[object]
B3_1: Final[object]
B3_2: Final[object]
MEMX: Final[object]
COINBASE_1_2: Final[object]
COINBASE_1_7: Final[object]
DERIBIT: Final[object]
MOEX: Final[object]
OPTIQ: Final[object]
BINANCE: Final[object]
