"""Decoder tables, as capsules named ``wirebook.decoder``."""

from typing import Final

EQUITIES_2_41_64: Final[object]
EQUITIES_2_41_29: Final[object]
EQUITIES_2: Final[object]
OPTIONS_2_41_64: Final[object]
OPTIONS_2_39_4: Final[object]
COMPLEX_2_1_18: Final[object]
CFE_1_2_19: Final[object]
CFE_1_1_12: Final[object]
CFE_1_1_6: Final[object]
EUROPE_6_67: Final[object]
