"""Hook implementations."""

from wirebook import Capabilities, Protocol, hookimpl

from wirebook_sbe import _decoder


def _protocol(
    name: str, title: str, table: object, *framings: str, aliases: tuple[str, ...] = (), order_books: bool = True
) -> Protocol:
    capabilities = Capabilities(framings=framings, order_books=order_books)
    return Protocol(name=name, title=title, family="sbe", capabilities=capabilities, table=table, aliases=aliases)


@hookimpl
def wirebook_protocols() -> list[Protocol]:
    """One decoder takes several versions of a venue's schema; their names are aliases."""
    return [
        _protocol(
            "cme-mdp3",
            "CME MDP 3.0",
            _decoder.CME,
            "cme_packet",
            "cme_tcp",
            aliases=(*(f"cme-mdp3-v{version}" for version in range(5, 14)), "cme-mdp-tcp-session-v0"),
        ),
        _protocol("b3-umdf-1.8", "B3 UMDF binary 1.8", _decoder.B3_1, "b3_packet", aliases=("b3-umdf-1.6",)),
        _protocol("b3-umdf-2.2", "B3 UMDF binary 2.2", _decoder.B3_2, "b3_packet"),
        _protocol("memx-memoir-depth-1.3", "MEMX MEMOIR Depth 1.3", _decoder.MEMX, "memx_packet"),
        _protocol(
            "coinbase-derivatives-md-1.2",
            "Coinbase Derivatives market data 1.2",
            _decoder.COINBASE_1_2,
            "coinbase_packet",
        ),
        _protocol(
            "coinbase-derivatives-md-1.7",
            "Coinbase Derivatives market data 1.7",
            _decoder.COINBASE_1_7,
            "coinbase_packet",
        ),
        _protocol("deribit-md-1.0", "Deribit multicast market data 1.0", _decoder.DERIBIT, "deribit_packet"),
        _protocol("moex-simba-9", "MOEX SIMBA SPECTRA 9", _decoder.MOEX, "simba_packet"),
        _protocol("euronext-optiq-mdg-6.67", "Euronext Optiq MDG 6.67", _decoder.OPTIQ, "optiq_packet"),
        _protocol(
            "binance-spot-stream-1.0", "Binance spot streams 1.0", _decoder.BINANCE, "message", order_books=False
        ),
    ]
