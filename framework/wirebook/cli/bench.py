"""``wirebook bench``: what a message costs on this machine, beside the classic design."""

import sys
from typing import Annotated

import typer

from wirebook import _engine, plugins
from wirebook.cli import progress
from wirebook.cli.app import Json, console, emit, table
from wirebook.errors import Misuse


def run(
    *,
    quick: Annotated[bool, typer.Option(help="A million messages and some seconds; flatters both designs.")] = False,
    messages: Annotated[int | None, typer.Option(min=1, help="Messages of the day; ten million.")] = None,
    symbols: Annotated[int | None, typer.Option(min=1, help="Symbols of the day; 8,500.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Times that each measure is taken; five.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the day.")] = None,
    core: Annotated[int | None, typer.Option(min=0, help="Core to run on; the last one usable.")] = None,
    protocol: Annotated[str, typer.Option(help="Protocol of the day.")] = "nasdaq-totalview-5.0",
    as_json: Json = False,
) -> None:
    """Measure decoding and full books on a synthetic day in memory, beside the classic design in the same run."""
    decoder = plugins.installed().find(protocol).decoder
    with progress.bar("steps") as bar:
        task = bar.add_task("bench", total=None)
        try:
            report, method, rows = _engine.bench(
                decoder,
                quick=quick,
                messages=messages,
                symbols=symbols,
                runs=runs,
                seed=seed,
                core=core,
                progress=lambda step, done, total: bar.update(task, description=step, completed=done, total=total),
            )
        except (ValueError, OverflowError) as error:
            raise Misuse(str(error)) from error
    if as_json:
        emit(report + "\n")
        return
    for sentence in method:
        print(sentence, file=sys.stdout)
    console.print(table("Bench", ("what", "figure"), rows))
