"""Hook implementations."""

from wirebook import Capabilities, Protocol, hookimpl

from wirebook_itch import _decoder

_CAPABILITIES = Capabilities(framings=("moldudp64", "length16", "soupbintcp"), encoder=True)
# Of a day in these the simulator would have to know more than their messages say.
_READ_ONLY = Capabilities(framings=("moldudp64", "length16", "soupbintcp"))


@hookimpl
def wirebook_protocols() -> list[Protocol]:
    """Nasdaq first: the three share their layouts, and most captures are its own."""
    return [
        Protocol(
            name="nasdaq-totalview-5.0",
            title="Nasdaq TotalView-ITCH 5.0",
            family="itch",
            capabilities=_CAPABILITIES,
            table=_decoder.NASDAQ,
        ),
        Protocol(
            name="nasdaq-bx-totalview-5.0",
            title="Nasdaq BX TotalView-ITCH 5.0",
            family="itch",
            capabilities=_CAPABILITIES,
            table=_decoder.NASDAQ_BX,
        ),
        Protocol(
            name="nasdaq-psx-totalview-5.0",
            title="Nasdaq PSX TotalView-ITCH 5.0",
            family="itch",
            capabilities=_CAPABILITIES,
            table=_decoder.NASDAQ_PSX,
        ),
        Protocol(
            name="nasdaq-nordic-totalview-3.04.5",
            title="Nasdaq Nordic TotalView-ITCH 3.04.5",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.NASDAQ_NORDIC,
        ),
        Protocol(
            name="jnx-equities-pts-1.6",
            title="Japannext PTS ITCH 1.6",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.JNX,
        ),
        Protocol(
            name="asx24-ntp-1.05",
            title="ASX 24 (NTP) ITCH 1.05",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.ASX24,
        ),
        Protocol(
            name="asx-trade-3.1",
            title="ASX Trade ITCH 3.1",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.ASX_TRADE_3,
        ),
        Protocol(
            name="asx-trade-2.0",
            title="ASX Trade ITCH 2.0",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.ASX_TRADE_2,
        ),
        Protocol(
            name="genium-inet-bist-21.12",
            title="Genium INET ITCH, Borsa Istanbul 21.12",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.GENIUM_BIST,
        ),
        Protocol(
            name="genium-inet-ose-5.0.6",
            title="Genium INET ITCH, Osaka 5.0.6",
            family="itch",
            capabilities=_READ_ONLY,
            table=_decoder.GENIUM_OSE,
        ),
        Protocol(
            name="soupbintcp-3.0",
            title="SoupBinTCP 3.0 session",
            family="session",
            capabilities=Capabilities(framings=("length16",), order_books=False),
            table=_decoder.SOUPBINTCP,
            aliases=("soupbintcp",),
        ),
    ]
