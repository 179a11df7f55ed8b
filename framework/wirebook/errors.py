"""What can go wrong, in words for the person who must mend it."""

from wirebook._engine import CaptureError, PluginRefused, ProtocolUnclear, WirebookError

__all__ = [
    "CaptureError",
    "MissingExtra",
    "Misuse",
    "PluginRefused",
    "ProtocolUnclear",
    "UnknownProtocol",
    "WirebookError",
]


class Misuse(WirebookError):
    """What was asked for makes no sense; asking otherwise helps."""


class UnknownProtocol(Misuse):
    """No installed plugin decodes the protocol that was asked for."""

    def __init__(self, name: str, installed: tuple[str, ...]) -> None:
        known = ", ".join(installed) if installed else "none; install a plugin, for example wirebook-itch"
        super().__init__(f"protocol: {name} is not installed; installed: {known}")


class MissingExtra(WirebookError):
    """A package is missing that only some commands need."""

    def __init__(self, package: str, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed: pip install 'wirebook[{extra}]'")
