"""The sources that a plugin is built against: border, framings and codegen of the engine that is installed here.

They come with the wheel, as numpy brings its headers, so that a plugin from outside needs no checkout of wirebook. A
plugin's ``Cargo.toml`` names them by path in a folder of its own, :data:`FOLDER`. The build backend
:mod:`wirebook.build` fills it by :func:`provide` ahead of each build.
"""

from pathlib import Path

from wirebook.errors import WirebookError

FOLDER = "wirebook-sdk"
"""Folder of a plugin that has its copy."""

CRATES = ("abi", "framing", "codegen")
"""Folders of the crates: ``wirebook-abi``, ``wirebook-framing`` and ``wirebook-codegen``."""


class SdkMissing(WirebookError):
    """This installation of wirebook has no sources to build plugins against."""


def path() -> Path:
    """Gives the folder of the sources that came with this wirebook.

    Raises:
        SdkMissing: it was installed in a way that leaves them out.
    """
    folder = Path(__file__).parent / "_sdk"
    if not (folder / "Cargo.toml").is_file():
        raise SdkMissing(f"{folder} is not there: install wirebook from its wheel")
    return folder


def provide(plugin: Path) -> Path:
    """Makes the plugin's copy of the sources that of this wirebook, and gives its folder.

    A copy, not a link: it outlives the environment that a build was isolated in. Only what differs is written, so that
    cargo compiles again what changed and nothing else.

    Raises:
        SdkMissing: as :func:`path`.
    """
    source, target = path(), plugin / FOLDER
    files = {file.relative_to(source): file.read_bytes() for file in source.rglob("*") if file.is_file()}
    for name, content in files.items():
        file = target / name
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    for file in target.rglob("*"):
        if file.is_file() and file.relative_to(target) not in files:
            file.unlink()
    return target
