"""Looks at the machine and the installation: what is there, what is missing, what to do."""

import importlib.metadata
import os
import platform
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

import wirebook
from wirebook import _engine
from wirebook.plugins import Installed

if TYPE_CHECKING:
    from wirebook._engine import BuildInfo

EXTRAS = {
    "matplotlib": ("plot", "pictures (replay --plot)"),
    "polars": ("test", "frames as polars"),
    "pyarrow": ("test", "frames as pyarrow"),
    "pandas": ("test", "frames as pandas"),
    "databento-dbn": ("test", "reading DBN output in Python"),
}
"""Optional packages: the extra that brings each, and what it is for."""

RECEIVE_BUFFER_SIZE = 16 << 20
"""Bytes that sockets ask the kernel to keep, unless they are told otherwise."""


class State(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    ADVICE = "advice"
    """Works, and could work better."""
    MISSING = "missing"
    """Something optional is not there."""
    PROBLEM = "problem"
    """Something does not work."""


@attrs.frozen
class Finding:
    """One thing that was looked at."""

    topic: str
    name: str
    state: State
    detail: str
    remedy: str | None = None


def examine(installed: Installed) -> list[Finding]:
    """Looks at everything; reads from the system and changes nothing."""
    return [
        Finding("python", "version", State.OK, f"{platform.python_implementation()} {platform.python_version()}"),
        Finding("wirebook", "version", State.OK, wirebook.__version__),
        *engine(_engine.build_info()),
        *plugins(installed),
        *(extra(package) for package in EXTRAS),
        *(source(*each) for each in _engine.sources()),
        receive_buffer(_read("/proc/sys/net/core/rmem_max"), privileged=os.geteuid() == 0),
        huge_pages(_read("/proc/meminfo"), _read("/sys/kernel/mm/transparent_hugepage/enabled")),
        cores(len(os.sched_getaffinity(0)), _read("/sys/devices/system/cpu/isolated").strip()),
    ]


def engine(build: "BuildInfo") -> list[Finding]:
    """How the engine was built, and what the processor offers it."""
    detail = f"{build['version']}, {build['profile']}, {build['target']}, decoder ABI {build['abi_version']}"
    features = ", ".join(build["cpu_features"]) or "none of those looked for"
    if build["profile"] == "release":
        built = Finding("engine", "build", State.OK, detail)
    else:
        remedy = "install a release build: a debug build is many times slower"
        built = Finding("engine", "build", State.ADVICE, detail, remedy)
    return [built, Finding("engine", "processor", State.OK, f"{platform.machine()}: {features}")]


def plugins(installed: Installed) -> list[Finding]:
    """What can be decoded, and which plugins do not work."""
    taken = [
        Finding(
            "plugins",
            f"{each.origin.distribution} {each.origin.version}",
            State.OK,
            ", ".join(each.protocols) or "no protocol",
        )
        for each in installed.plugins
    ]
    refused = [
        Finding(
            "plugins",
            f"{each.origin.distribution} {each.origin.version}",
            State.PROBLEM,
            f"{each.protocol}: {each.reason}" if each.protocol else each.reason,
            each.remedy,
        )
        for each in installed.refused
    ]
    if not installed.protocols:
        remedy = "pip install wirebook-itch"
        refused.append(Finding("plugins", "protocols", State.PROBLEM, "no protocol can be decoded", remedy))
    return [*taken, *refused]


def extra(package: str) -> Finding:
    """Whether an optional package is there."""
    name, purpose = EXTRAS[package]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return Finding("extras", package, State.MISSING, purpose, f"pip install {package}, or 'wirebook[{name}]'")
    return Finding("extras", package, State.OK, f"{version}: {purpose}")


def source(name: str, is_there: bool, detail: str, remedy: str | None) -> Finding:
    """Whether packets can be received by this means. One that is missing is no problem: ``socket`` is everywhere."""
    return Finding("sources", name, State.OK if is_there else State.MISSING, detail, remedy)


def receive_buffer(limit: str, *, privileged: bool) -> Finding:
    """Whether the kernel keeps enough packets for a reader that is late; root may ask for more than the limit."""
    size = int(limit or 0)
    detail = f"up to {size} bytes a socket" + (", more for root" if privileged else "")
    if privileged or size >= RECEIVE_BUFFER_SIZE:
        return Finding("sources", "receive buffer", State.OK, detail)
    remedy = f"sysctl net.core.rmem_max={RECEIVE_BUFFER_SIZE}, as root; a short one loses packets in bursts"
    return Finding("sources", "receive buffer", State.ADVICE, detail, remedy)


def huge_pages(meminfo: str, transparent: str) -> Finding:
    """Whether books can lie in 2 MB pages, reserved or transparent; ``transparent`` shows its choice in brackets."""
    reserved = _meminfo(meminfo, "HugePages_Total")
    mode = transparent.partition("[")[2].partition("]")[0] or "absent"
    detail = f"{reserved} reserved, transparent: {mode}"
    if reserved or mode in ("always", "madvise"):
        return Finding("machine", "huge pages", State.OK, detail)
    remedy = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as root; books gain 10-30 %"
    return Finding("machine", "huge pages", State.ADVICE, detail, remedy)


def cores(usable: int, isolated: str) -> Finding:
    """Whether a core can be given to a poll loop with another left for everything else."""
    detail = f"{usable} usable, isolated: {isolated or 'none'}"
    if usable >= 2:
        return Finding("machine", "cores", State.OK, detail)
    return Finding("machine", "cores", State.ADVICE, detail, "give the process a second core for recorders and readers")


def _meminfo(text: str, key: str) -> int:
    values = (line.split()[1] for line in text.splitlines() if line.startswith(f"{key}:"))
    return int(next(values, "0"))


def _read(path: str) -> str:
    """Gives the text of a system file; empty where this system has none."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""
