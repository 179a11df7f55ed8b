"""Hook implementations."""

from wirebook import Capabilities, Protocol, hookimpl

from wirebook_pitch import _decoder

_CAPABILITIES = Capabilities(framings=("sequenced_unit",))
# The simulator makes days of US equities.
_WRITTEN = Capabilities(framings=("sequenced_unit",), encoder=True)


@hookimpl
def wirebook_protocols() -> list[Protocol]:
    """The newest version of a market first: versions share most layouts, and equities are the most common feed."""
    return [
        Protocol(
            name="cboe-us-equities-depth-2.41.64",
            title="Cboe US Equities Multicast Depth of Book (PITCH) 2.41.64",
            family="pitch",
            capabilities=_WRITTEN,
            table=_decoder.EQUITIES_2_41_64,
        ),
        Protocol(
            name="cboe-us-equities-depth-2.41.29",
            title="Cboe US Equities Multicast Depth of Book (PITCH) 2.41.29",
            family="pitch",
            capabilities=_WRITTEN,
            table=_decoder.EQUITIES_2_41_29,
        ),
        Protocol(
            name="cboe-us-equities-depth-2",
            title="BATS US Equities Multicast PITCH, early 2.x",
            family="pitch",
            capabilities=_WRITTEN,
            table=_decoder.EQUITIES_2,
        ),
        Protocol(
            name="cboe-us-options-depth-2.41.64",
            title="Cboe US Options Multicast Depth of Book (PITCH) 2.41.64",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.OPTIONS_2_41_64,
        ),
        Protocol(
            name="cboe-us-options-depth-2.39.4",
            title="Cboe US Options Multicast Depth of Book (PITCH) 2.39.4",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.OPTIONS_2_39_4,
        ),
        Protocol(
            name="cboe-c1-options-complex-2.1.18",
            title="Cboe C1 Options Complex Book Multicast PITCH 2.1.18",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.COMPLEX_2_1_18,
        ),
        Protocol(
            name="cfe-futures-depth-1.2.19",
            title="CFE Futures Multicast Depth of Book (PITCH) 1.2.19",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.CFE_1_2_19,
        ),
        Protocol(
            name="cfe-futures-depth-1.1.12",
            title="CFE Futures Multicast Depth of Book (PITCH) 1.1.12",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.CFE_1_1_12,
        ),
        Protocol(
            name="cfe-futures-depth-1.1.6",
            title="CFE Futures Multicast Depth of Book (PITCH) 1.1.6",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.CFE_1_1_6,
        ),
        Protocol(
            name="cboe-europe-depth-6.67",
            title="Cboe Europe Multicast Depth of Book (PITCH) 6.67",
            family="pitch",
            capabilities=_CAPABILITIES,
            table=_decoder.EUROPE_6_67,
        ),
    ]
