"""What a venue's times count from."""

import datetime
import zoneinfo

from wirebook._engine import Decoder
from wirebook.errors import Misuse


def parse_date(text: str) -> datetime.date:
    """Reads a day as ``2019-12-30``.

    Raises:
        Misuse: it is no such day.
    """
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise Misuse(f"date: {text!r} is not a day like 2019-12-30: {error}") from error


def base_ns(date: datetime.date, timezone: str) -> int:
    """Gives midnight of a day, in nanoseconds since 1970 UTC.

    Args:
        date: the day, as the venue's own calendar has it.
        timezone: IANA name of the venue's time zone; UTC where empty.

    >>> base_ns(datetime.date(2019, 12, 30), "America/New_York")
    1577682000000000000
    """
    zone = zoneinfo.ZoneInfo(timezone) if timezone else datetime.UTC
    midnight = datetime.datetime.combine(date, datetime.time(), zone)
    return int(midnight.timestamp()) * 1_000_000_000


def day_of(unix_ns: int, timezone: str) -> datetime.date:
    """Gives the venue's day at a time in nanoseconds since 1970 UTC.

    >>> day_of(1_577_682_000_000_000_000 - 1, "America/New_York")
    datetime.date(2019, 12, 29)
    """
    zone = zoneinfo.ZoneInfo(timezone) if timezone else datetime.UTC
    return datetime.datetime.fromtimestamp(unix_ns // 1_000_000_000, zone).date()


def counts_from_midnight(decoder: Decoder) -> bool:
    """Whether event times need a day to be times."""
    return decoder.clock == "local_midnight"


def unix_ns(moment: datetime.datetime, timezone: str) -> int:
    """Gives a moment in nanoseconds since 1970 UTC; one without a zone is in the venue's.

    >>> unix_ns(datetime.datetime(2019, 12, 30, 9, 30), "America/New_York")
    1577716200000000000
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(timezone) if timezone else datetime.UTC)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def parse_place(name: str, text: str) -> datetime.datetime | datetime.time:
    """Reads a moment as ``09:30``, ``09:30:00.5`` or ``2019-12-30T09:30``.

    Raises:
        Misuse: it is no such moment.
    """
    for read in (datetime.time.fromisoformat, datetime.datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise Misuse(f"{name}: {text!r} is not a time like 09:30 or 2019-12-30T09:30")
