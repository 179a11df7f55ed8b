"""Every extension point, nothing else.

A plugin is a distribution with an entry point in group ``wirebook`` that names a module (or any object) whose
functions are marked with :data:`wirebook.hookimpl`:

.. code-block:: toml

    [project.entry-points.wirebook]
    itch = "wirebook_itch.plugin"
"""

import pluggy

from wirebook.model import Protocol

PROJECT = "wirebook"
"""Name of the plugin system and of the entry point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def wirebook_protocols() -> list[Protocol]:
    """Gives the protocols that this plugin decodes.

    Called once a process, when plugins are first needed (by ``wirebook plugins``, or to open a capture), before any
    packet is read. Returns a list with one :class:`~wirebook.model.Protocol` for each protocol, the most likely first:
    where several fit a capture equally well, the first is taken. May be empty. A protocol whose decoder table does not
    fit this engine is refused by itself; an exception refuses the plugin. Neither touches another plugin.
    """
    raise NotImplementedError
