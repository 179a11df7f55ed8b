"""Says which protocol a capture speaks: the one that was named, or what its bytes fit."""

from pathlib import Path

import attrs

from wirebook import _engine, plugins
from wirebook.errors import Misuse, ProtocolUnclear
from wirebook.model import FORMATS, FRAMINGS
from wirebook.plugins import InstalledProtocol


@attrs.frozen
class Recognized:
    """The protocol that a capture is read with."""

    taken: InstalledProtocol
    framing: str
    """How its packets number messages."""
    others: tuple[str, ...]
    """Protocols that fit as well: they share their messages with the one taken."""
    ts_recv_ns: int
    """Receive time of the first packet, nanoseconds since 1970 UTC; 0 where the capture does not say."""

    @property
    def remark(self) -> str | None:
        """What a person should know of a guess; None where nothing was guessed."""
        if not self.others:
            return None
        name = self.taken.protocol.name
        return f"read as {name}; {', '.join(self.others)} would fit as well (--protocol chooses)"


def recognize(
    path: Path,
    *,
    protocol: str | None = None,
    framing: str | None = None,
    format: str | None = None,
) -> Recognized:
    """Gives the protocol to read a capture with.

    Args:
        path: the capture.
        protocol: the protocol's name; told from the first packets where it is not given.
        framing: how packets number messages; told from the packets where it is not given.
        format: format of the file; told from its first bytes where it is not given.

    Raises:
        Misuse: the protocol is not installed, or does not come in this framing.
        ProtocolUnclear: no installed protocol explains every message of the first packets.
        CaptureError: the capture cannot be read.
    """
    if format is not None and format not in FORMATS:
        raise Misuse(f"format: {format} is not one of {', '.join(FORMATS)}")
    if framing is not None and framing not in FRAMINGS:
        raise Misuse(f"framing: {framing} is not one of {', '.join(FRAMINGS)}")
    installed = plugins.installed()
    if protocol is not None:
        return _named(path, installed.find(protocol), framing, format)
    # A session's packets are what they are whatever they carry: they are shown where that is asked for by name.
    candidates = [each for each in installed.protocols if each.protocol.family != "session"]
    guess = _engine.guess(path, [each.decoder for each in candidates], format)
    clear = [
        (candidates[index], fitting)
        for index, fitting, _, faults in guess.fits
        if faults == 0 and framing in (None, fitting)
    ]
    if not clear:
        raise ProtocolUnclear(_unclear(path, guess, [each.protocol.name for each in installed.protocols]))
    (taken, fitting), *others = clear
    names = dict.fromkeys(each.protocol.name for each, _ in others if each is not taken)
    return Recognized(taken, fitting, tuple(names), guess.ts_recv_ns)


def _named(path: Path, taken: InstalledProtocol, framing: str | None, format: str | None) -> Recognized:
    """Gives the protocol that was named, in the framing that was named or that explains most."""
    if framing is not None and framing not in taken.decoder.framings:
        known = ", ".join(taken.decoder.framings)
        raise Misuse(f"framing: {taken.protocol.name} does not come in {framing}; it comes in {known}")
    guess = _engine.guess(path, [taken.decoder], format)
    explained = [fitting for _, fitting, _, _ in guess.fits]
    likely = [framing] if framing else [*explained, *guess.framings, *taken.decoder.framings]
    return Recognized(taken, likely[0], (), guess.ts_recv_ns)


def _unclear(path: Path, guess: _engine.Guess, names: list[str]) -> str:
    looked = f"{path}: no installed protocol explains the first packets of this {guess.format} capture"
    if not names:
        return f"{looked}, because none is installed: pip install wirebook-itch"
    return f"{looked}; name one with --protocol ({', '.join(names)}), or install the plugin for it"
