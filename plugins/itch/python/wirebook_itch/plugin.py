"""Hook implementations."""

from wirebook import Capabilities, Protocol, hookimpl

from wirebook_itch import _decoder

_CAPABILITIES = Capabilities(framings=("moldudp64", "length16", "soupbintcp"), encoder=True)


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
    ]
