"""Writes the package of a new venue's plugin, complete and ready to be changed.

Templates stand in ``templates/plugin``: ``common`` has what every plugin has, a folder for each family a description
and its vectors. In a file's path ``_package_`` and ``_protocol_`` stand for the plugin's names.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

import attrs
import jinja2

from wirebook import sbe_schema, sdk
from wirebook.errors import Misuse
from wirebook.model import FRAMINGS

ENDING = ".jinja"
"""What a template's name ends in, and the written file's does not."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PROTOCOL = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")


@attrs.frozen
class Family:
    """A family of protocols that a plugin can be started from."""

    framings: tuple[str, ...]
    """Framings that its packets come in, the usual one first."""
    encoder: bool = True
    """Whether its events can be written as messages, whatever a description says."""


FAMILIES = {
    "itch": Family(("moldudp64", "length16", "soupbintcp")),
    "pitch": Family(("sequenced_unit",), encoder=False),
    "sbe": Family(("cme_packet", "moldudp64"), encoder=False),
}
"""Families that have a template."""


def _known_framings(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    for framing in value:
        if framing not in FRAMINGS:
            raise Misuse(f"framing: {framing!r} is not one of {', '.join(FRAMINGS)}")


def _matches(pattern: re.Pattern[str], what: str) -> Callable[[object, "attrs.Attribute[str]", str], None]:
    def check(_instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
        if not pattern.fullmatch(value):
            raise Misuse(f"{attribute.name}: {value!r} is not {what}")

    return check


@attrs.frozen
class Plan:
    """What is to be written."""

    name: str = attrs.field(validator=_matches(_NAME, "lower-case words joined by underscores"))
    """The plugin's name: ``lantern`` becomes distribution ``wirebook-lantern``, package ``wirebook_lantern``."""
    family: str
    protocol: str = attrs.field(validator=_matches(_PROTOCOL, "lower-case words joined by - and ."))
    """Identity of its protocol, as ``--protocol`` takes it."""
    venue: str
    """Who publishes it, for people."""
    framings: tuple[str, ...] = attrs.field(validator=_known_framings)
    schema: sbe_schema.Schema | None = None
    """The venue's own SBE schema, whose layout is then the protocol's."""

    @classmethod
    def of(
        cls,
        name: str,
        family: str,
        *,
        protocol: str | None = None,
        venue: str | None = None,
        framings: tuple[str, ...] = (),
        schema: Path | None = None,
    ) -> "Plan":
        """Fills in what is left out.

        Raises:
            Misuse: a name cannot be one, a family or framing is not known, or the schema is none.
        """
        if schema is not None and family != "sbe":
            raise Misuse(f"--sbe: a schema goes with family sbe, not {family}")
        if family not in FAMILIES:
            raise Misuse(f"family: {family} has no template; there are {', '.join(FAMILIES)}")
        return cls(
            name=name,
            family=family,
            protocol=protocol or f"{name.replace('_', '-')}-1.0",
            venue=venue or name.replace("_", " ").title(),
            framings=framings or FAMILIES[family].framings,
            schema=sbe_schema.read(schema) if schema else None,
        )

    def facts(self) -> dict[str, Any]:
        """What templates speak of."""
        module = re.sub(r"[-.]", "_", self.protocol)
        return {
            "name": self.name,
            "family": self.family,
            "protocol": self.protocol,
            "venue": self.venue,
            "framings": self.framings,
            "schema_file": self.schema.files[0].name if self.schema else None,
            "schema_messages": self.schema.messages if self.schema else (),
            "schema_ending": self.schema.shortest if self.schema else None,
            "encoder": FAMILIES[self.family].encoder,
            "version": self.protocol.rpartition("-")[2],
            "distribution": f"wirebook-{self.name.replace('_', '-')}",
            "package": f"wirebook_{self.name}",
            # As codegen names them.
            "module": module,
            "type_name": "".join(word[:1].upper() + word[1:] for word in module.split("_")),
            "table": module.upper(),
        }


def write(plan: Plan, folder: Path) -> list[Path]:
    """Writes the plugin into a folder that is new or empty, its copy of the SDK beside; gives the files of its own.

    Raises:
        Misuse: the folder has something in it.
        SdkMissing: this wirebook came without the sources that plugins build against.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misuse(f"{folder} is there and not empty: name another folder with --into")
    sdk.path()
    written = []
    for name, text in render(plan):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    for source in plan.schema.files if plan.schema else ():
        file = folder / "protocols" / source.name
        shutil.copyfile(source, file)
        written.append(file)
    sdk.provide(folder)
    return written


def render(plan: Plan) -> Iterator[tuple[PurePosixPath, str]]:
    """Gives path and text of each file of the plugin."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    facts = plan.facts()
    templates = files("wirebook") / "templates" / "plugin"
    for part in ("common", "sbe_schema" if plan.schema else plan.family):
        for path, template in sorted(_templates(templates / part, PurePosixPath())):
            name = str(path).removesuffix(ENDING)
            for key in ("package", "protocol"):
                name = name.replace(f"_{key}_", facts[key])
            yield PurePosixPath(name), environment.from_string(template).render(facts)


def _templates(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, at / entry.name)
        elif entry.name.endswith(ENDING):
            yield at / entry.name, entry.read_text(encoding="utf-8")
