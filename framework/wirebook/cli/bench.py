"""``wirebook bench``: what a message costs on this machine, beside the classic design."""

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import attrs
import typer

from wirebook import _engine, neighbours, plugins
from wirebook.cli import progress
from wirebook.cli.app import Json, console, emit, table
from wirebook.errors import Misuse


class Subject(StrEnum):
    """What can be measured."""

    BOOKS = "books"
    SOURCES = "sources"
    LIVE = "live"


FIGURES = ("what", "figure")

SOURCE_FIGURES = (
    "source",
    "drain, ns a packet",
    "ratio",
    "packets a second",
    "spinning P50 / P99, us",
    "blocking P50 / P99, us",
)


def run(
    subject: Annotated[
        Subject, typer.Argument(help="Books in memory, live packet sources, or a live channel.")
    ] = Subject.BOOKS,
    *,
    quick: Annotated[bool, typer.Option(help="A million messages and some seconds; flatters both designs.")] = False,
    messages: Annotated[int | None, typer.Option(min=1, help="Messages of the day; ten million.")] = None,
    symbols: Annotated[int | None, typer.Option(min=1, help="Symbols of the day; 8,500.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Times that each measure is taken; five.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the day.")] = None,
    core: Annotated[int | None, typer.Option(min=0, help="Core to run on; the last one usable.")] = None,
    protocol: Annotated[str, typer.Option(help="Protocol of the day.")] = "nasdaq-totalview-5.0",
    with_neighbours: Annotated[
        bool,
        typer.Option(
            "--neighbours/--no-neighbours",
            help="Also compare a process that has all plugins loaded with one that has this one only.",
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure decoding and full books on a synthetic day in memory, beside the classic design in the same run.

    Or the packet sources of this machine beside a plain recvmmsg loop, on a network of their own; as root. Or a live
    channel: from a burst received to its tops published, at a million messages a second and in tenfold bursts.
    """
    if subject is Subject.SOURCES:
        options = {"--messages": messages, "--symbols": symbols, "--seed": seed, "--core": core}
        strangers = [name for name, value in options.items() if value is not None]
        if strangers:
            raise Misuse(f"bench sources: {strangers[0]} is for books; --quick, --runs and --json would do")
        _sources(quick=quick, runs=runs, as_json=as_json)
        return
    installed = plugins.installed()
    decoder = installed.find(protocol).decoder
    if subject is Subject.LIVE:
        _live(
            decoder,
            messages=messages or (400_000 if quick else None),
            symbols=symbols,
            seed=seed,
            core=core,
            as_json=as_json,
        )
        return
    with progress.bar("steps") as bar:
        task = bar.add_task("bench", total=None)
        try:
            report, method, rows = _engine.bench(
                decoder,
                [each.decoder for each in installed.protocols],
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
    compared = _compare(protocol, json.loads(report)) if with_neighbours else None
    if as_json:
        facts = json.loads(report) | {"all_plugins_ratio": compared and attrs.asdict(compared)}
        emit(json.dumps(facts) + "\n")
        return
    if compared:
        rows += [_row("decoding", compared.decode), _row("everything on", compared.everything)]
    _show(method, "Bench", FIGURES, rows)


def _compare(protocol: str, report: dict[str, Any]) -> neighbours.Comparison:
    """The comparison on a day of the same sort, a million messages at most: two processes hold it at once."""
    return neighbours.compare(
        protocol,
        messages=min(report["messages"], 1_000_000),
        symbols=report["symbols"],
        seed=1,
        runs=report["runs"],
        core=report["core"],
    )


def _row(what: str, ratio: neighbours.Spread) -> tuple[str, str]:
    return f"{what}, all plugins loaded to one", f"{ratio.median:.3f} ({ratio.min:.3f} to {ratio.max:.3f})"


def _sources(*, quick: bool, runs: int | None, as_json: bool) -> None:
    """Measures the packet sources of this machine beside each other."""
    with progress.bar("sources") as bar:
        task = bar.add_task("bench", total=None)
        try:
            report, method, rows, left_out = _engine.bench_sources(
                quick=quick,
                runs=runs,
                progress=lambda step, done, total: bar.update(task, description=step, completed=done, total=total),
            )
        except (ValueError, OverflowError) as error:
            raise Misuse(str(error)) from error
    if as_json:
        emit(report + "\n")
        return
    _show(method, "Packet sources", SOURCE_FIGURES, rows)
    for name, reason in left_out:
        print(f"left out: {name}: {reason}", file=sys.stdout)


def _live(
    decoder: _engine.Decoder,
    *,
    messages: int | None,
    symbols: int | None,
    seed: int | None,
    core: int | None,
    as_json: bool,
) -> None:
    """Measures a live channel."""
    try:
        report, method, rows = _engine.bench_live(decoder, messages=messages, symbols=symbols, seed=seed, core=core)
    except (ValueError, OverflowError) as error:
        raise Misuse(str(error)) from error
    if as_json:
        emit(report + "\n")
        return
    _show(method, "Live channel", FIGURES, rows)


def _show(method: Iterable[str], title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """How it was measured, and what came of it."""
    for sentence in method:
        print(sentence, file=sys.stdout)
    console.print(table(title, columns, rows))
