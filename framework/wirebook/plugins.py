"""Finds, checks and lists plugins.

Each plugin is loaded, asked and checked by itself: whatever one does wrong is written down with its remedy, and the
others go on.
"""

import functools
import importlib.metadata
import inspect
import itertools
import types
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint

import attrs
import pluggy

from wirebook import hookspecs
from wirebook._engine import Decoder
from wirebook.errors import PluginRefused, UnknownProtocol
from wirebook.model import Protocol


@attrs.frozen
class Origin:
    """Where a plugin comes from, for tables and bug reports."""

    distribution: str
    """Name of the distribution that declares the entry point."""
    version: str
    """Its version."""
    entry_point: str
    """Name and target of the entry point: ``itch = wirebook_itch.plugin``."""
    path: str
    """File or folder that it was loaded from."""


@attrs.frozen
class Plugin:
    """A plugin that was taken."""

    origin: Origin
    hooks: tuple[str, ...]
    """Names of the hooks that it implements."""
    protocols: tuple[str, ...]
    """Names of its protocols that can be used."""


@attrs.frozen
class Refused:
    """A plugin, or one protocol of it, that was not taken."""

    origin: Origin
    protocol: str | None
    """The protocol that was refused; None where it is the whole plugin."""
    reason: str
    remedy: str


@attrs.frozen
class InstalledProtocol:
    """A protocol that can be used now."""

    protocol: Protocol
    decoder: Decoder = attrs.field(eq=False)
    origin: Origin


@attrs.frozen
class Installed:
    """All that was found."""

    protocols: tuple[InstalledProtocol, ...]
    plugins: tuple[Plugin, ...]
    refused: tuple[Refused, ...]

    def find(self, name: str) -> InstalledProtocol:
        """Gives the protocol with this name or alias.

        Raises:
            UnknownProtocol: no plugin that was taken has it.
        """
        for each in self.protocols:
            if name == each.protocol.name or name in each.protocol.aliases:
                return each
        raise UnknownProtocol(name, tuple(each.protocol.name for each in self.protocols))


class _Fault(Exception):
    """Why a plugin or protocol is refused, on its way to a :class:`Refused`."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@functools.cache
def installed() -> Installed:
    """Gives what :func:`load` found the first time it was asked in this process."""
    return load()


def load(*, only: str | None = None) -> Installed:
    """Loads every entry point of group ``wirebook``, by distribution and name; ``only`` those of one distribution."""
    protocols: dict[str, InstalledProtocol] = {}
    plugins: list[Plugin] = []
    refused: list[Refused] = []
    for entry_point in _entry_points():
        origin = _origin(entry_point)
        if only not in (None, origin.distribution):
            continue
        try:
            origin, hooks, given = _ask(entry_point, origin)
        except _Fault as fault:
            refused.append(Refused(origin, None, fault.reason, fault.remedy))
            continue
        taken = []
        for protocol in given:
            try:
                protocols[protocol.name] = _check(protocol, origin, protocols)
                taken.append(protocol.name)
            except _Fault as fault:
                refused.append(Refused(origin, protocol.name, fault.reason, fault.remedy))
        plugins.append(Plugin(origin, hooks, tuple(taken)))
    return Installed(tuple(protocols.values()), tuple(plugins), tuple(refused))


def _entry_points() -> list[EntryPoint]:
    found = importlib.metadata.entry_points(group=hookspecs.PROJECT)
    return sorted(found, key=lambda each: (each.dist.name if each.dist else "", each.name))


def _origin(entry_point: EntryPoint) -> Origin:
    """Gives what the metadata says, without loading anything."""
    distribution = entry_point.dist
    return Origin(
        distribution=distribution.name if distribution else "unknown",
        version=distribution.version if distribution else "unknown",
        entry_point=f"{entry_point.name} = {entry_point.value}",
        path=str(distribution.locate_file("")) if distribution else "unknown",
    )


def _ask(entry_point: EntryPoint, origin: Origin) -> tuple[Origin, tuple[str, ...], list[Protocol]]:
    """Loads one plugin and calls its hooks, in a manager of its own so that no other plugin is called."""
    plugin = _import(entry_point)
    origin = attrs.evolve(origin, path=_file_of(plugin) or origin.path)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    hooks = _register(manager, plugin)
    return origin, hooks, _protocols(manager)


def _import(entry_point: EntryPoint) -> object:
    try:
        return entry_point.load()
    except (Exception, SystemExit) as error:
        raise _Fault(
            f"its entry point cannot be loaded: {_in_words(error)}",
            "reinstall the plugin and what it depends on, or uninstall it",
        ) from error


def _file_of(plugin: object) -> str | None:
    module = plugin if isinstance(plugin, types.ModuleType) else inspect.getmodule(plugin)
    return getattr(module, "__file__", None)


def _register(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """Registers the plugin and gives the names of its hooks; whatever does not fit the specifications is a fault."""
    try:
        manager.register(plugin)
        manager.check_pending()
    except Exception as error:
        raise _Fault(
            f"its hooks do not fit wirebook's: {_in_words(error)}",
            "install a version of the plugin for this wirebook",
        ) from error
    hooks = tuple(sorted(caller.name for caller in manager.get_hookcallers(plugin) or ()))
    if not hooks:
        raise _Fault("it implements no hook", "report it to the plugin's author: mark hooks with wirebook.hookimpl")
    return hooks


def _protocols(manager: pluggy.PluginManager) -> list[Protocol]:
    """Calls ``wirebook_protocols`` and checks that it gives what its specification says."""
    remedy = "report it to the plugin's author"
    try:
        answers = manager.hook.wirebook_protocols()
    except (Exception, SystemExit) as error:
        raise _Fault(f"wirebook_protocols raised {_in_words(error)}", remedy) from error
    given: list[Protocol] = []
    for item in itertools.chain.from_iterable(_list_of(answer, remedy) for answer in answers):
        if not isinstance(item, Protocol):
            kind = type(item).__name__
            raise _Fault(f"wirebook_protocols()[{len(given)}] is a {kind}, not a wirebook.Protocol", remedy)
        given.append(item)
    return given


def _list_of(answer: object, remedy: str) -> Iterable[object]:
    if not isinstance(answer, (list, tuple)):
        raise _Fault(f"wirebook_protocols gave a {type(answer).__name__}, not a list of wirebook.Protocol", remedy)
    return answer


def _check(protocol: Protocol, origin: Origin, taken: dict[str, InstalledProtocol]) -> InstalledProtocol:
    """Opens the decoder table and holds what the plugin declares against what the table says."""
    if other := taken.get(protocol.name):
        where = other.origin.distribution
        raise _Fault(f"{protocol.name} is already there, from {where}", f"uninstall {where} or {origin.distribution}")
    try:
        decoder = Decoder(protocol.table)
    except PluginRefused as error:
        reason, _, remedy = str(error).rpartition(": ")
        raise _Fault(reason or remedy, remedy if reason else "report it to the plugin's author") from error
    for reason in _contradictions(protocol, decoder):
        raise _Fault(reason, "report it to the plugin's author: declaration and decoder table must agree")
    return InstalledProtocol(protocol, decoder, origin)


def _contradictions(protocol: Protocol, decoder: Decoder) -> Iterator[str]:
    if protocol.name != decoder.protocol:
        yield f"name: declared {protocol.name}, its decoder table says {decoder.protocol}"
    if protocol.family != decoder.family:
        yield f"family: declared {protocol.family}, its decoder table says {decoder.family}"
    missing = set(protocol.capabilities.framings) - set(decoder.framings)
    if missing:
        yield (
            f"capabilities.framings: declared {', '.join(sorted(missing))}, "
            f"its decoder table has only {', '.join(decoder.framings)}"
        )


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
