"""Temporary distributions on the path, as an installer would leave them, and capsules as a plugin would hand over."""

import ctypes
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wirebook import _engine

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Gives a function that puts a distribution with one plugin module on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def make(name: str, source: str, *, entry_point: str | None = None, version: str = "1.0") -> Path:
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[wirebook]\n{entry_point or f'{module} = {module}'}\n")
        return site / f"{module}.py"

    yield make
    for module in set(sys.modules) - before:
        if (getattr(sys.modules[module], "__file__", None) or "").startswith(str(site)):
            del sys.modules[module]


class Header(ctypes.Structure):
    """What every decoder table starts with, whatever its version."""

    _fields_ = (
        ("abi_version", ctypes.c_uint32),
        ("size_bytes", ctypes.c_uint32),
        ("event_layout_hash", ctypes.c_uint64),
        ("functions", ctypes.c_uint64 * 16),
    )


@pytest.fixture
def capsule() -> Callable[..., object]:
    """Gives a function that makes a capsule over a table header; the engine refuses it before it calls anything."""
    keep: list[object] = []
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def make(
        *, abi_version: int = _engine.ABI_VERSION, size_bytes: int = 144, name: str = _engine.CAPSULE_NAME
    ) -> object:
        header = Header(abi_version, size_bytes, 1)
        label = ctypes.create_string_buffer(name.encode())
        keep.extend((header, label))
        return new(ctypes.addressof(header), ctypes.addressof(label), None)

    # The capsules point into these, and a plugin's table lives as long as the process.
    _ALIVE.append(keep)
    return make


_ALIVE: list[list[object]] = []
