"""The command ``wirebook``: one file a command, each parses, calls one function, prints.

People get a table, ``--json`` the same facts. Exit 0 fine, 1 failed, 2 misused.
"""

import os
import sys

from wirebook.cli import (
    bench,
    check,
    conformance,
    describe,
    diff_spec,
    dissector,
    doctor,
    inspect,
    new_plugin,
    plugins,
    replay,
    run,
    sdk,
    simulate,
    status,
)
from wirebook.cli.app import app
from wirebook.errors import Misuse, WirebookError

__all__ = ["app", "main"]

COMMANDS = (
    replay,
    inspect,
    simulate,
    run,
    check,
    status,
    plugins,
    describe,
    diff_spec,
    dissector,
    conformance,
    new_plugin,
    sdk,
    doctor,
    bench,
)

for command in COMMANDS:
    app.command(command.__name__.rpartition(".")[2].replace("_", "-"))(command.run)


def main() -> None:
    """Runs the command line of this process and exits with its code."""
    try:
        try:
            app()
        finally:
            # What is still buffered is written here, where a full disk can be told in words; at exit it could not.
            sys.stdout.flush()
    except WirebookError as error:
        print(f"wirebook: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Misuse) else 1)
    except OSError as error:
        print(f"wirebook: {error}", file=sys.stderr)
        # What could not be written would be tried again at exit; there it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
