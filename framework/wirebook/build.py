"""Build backend of plugins: maturin, with the SDK of the installed wirebook in the plugin's folder.

.. code-block:: toml

    [build-system]
    requires = ["maturin>=1.13,<2", "wirebook"]
    build-backend = "wirebook.build"
"""

from pathlib import Path
from typing import Any

import maturin
from maturin import get_requires_for_build_editable, get_requires_for_build_sdist, get_requires_for_build_wheel

from wirebook import sdk

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, Any] | None


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Builds the wheel of the plugin in the current folder, and gives its file name."""
    sdk.provide(Path.cwd())
    name: str = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    return name


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """As :func:`build_wheel`, for an installation that follows the plugin's Python sources."""
    sdk.provide(Path.cwd())
    name: str = maturin.build_editable(wheel_directory, config_settings, metadata_directory)
    return name


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Builds the source distribution of the plugin in the current folder, and gives its file name."""
    sdk.provide(Path.cwd())
    name: str = maturin.build_sdist(sdist_directory, config_settings)
    return name


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
    """Writes the wheel's metadata, and gives its folder's name."""
    sdk.provide(Path.cwd())
    name: str = maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)
    return name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
