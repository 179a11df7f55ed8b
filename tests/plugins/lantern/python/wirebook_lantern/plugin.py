"""Hook implementations."""

from wirebook import Capabilities, Protocol, hookimpl

from wirebook_lantern import _decoder


@hookimpl
def wirebook_protocols() -> list[Protocol]:
    """Gives the protocols of Lantern Exchange, the most likely first."""
    return [
        Protocol(
            name="lantern-1.0",
            title="Lantern Exchange 1.0",
            family="itch",
            capabilities=Capabilities(framings=("moldudp64", "length16"), encoder=True),
            table=_decoder.LANTERN_1_0,
        ),
    ]
