"""Draws one instrument's day: best bid, best ask and trades over time, and the depth at the end."""

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wirebook.errors import MissingExtra, Misuse
from wirebook.replay import Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".png", ".svg", ".pdf", ".html")
"""Endings of pictures."""

DEPTH_LEVELS = 50
HOUR_NS = 3_600_000_000_000


def check(path: Path) -> None:
    """Says early what would keep a picture from being drawn.

    Raises:
        Misuse: the ending says no format.
        MissingExtra: matplotlib is not installed.
    """
    if path.suffix not in FORMATS:
        raise Misuse(f"plot: {path} ends in none of {', '.join(FORMATS)}")
    try:
        import matplotlib as _  # noqa: F401 - only pictures need it
    except ImportError as error:
        raise MissingExtra("matplotlib", "a picture", "plot") from error


def draw(path: Path, replay: Replay, symbol: str) -> None:
    """Draws what a replay taped of a symbol, once it has run.

    Best prices are looked at some thousand times over the capture; trades are all there.

    Args:
        path: picture to write, ``.png``, ``.svg``, ``.pdf`` or ``.html``.
        replay: a replay with ``tape=symbol``, at its end.
        symbol: the symbol.
    """
    check(path)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    tape = replay.engine.tape()
    with mpl.rc_context({"font.size": 9, "svg.fonttype": "none"}):
        figure = Figure(figsize=(12, 6), layout="constrained")
        prices, depth = figure.subplots(1, 2, width_ratios=(3, 1))
        _prices(prices, tape, replay.base_ns)
        _depth(depth, replay, symbol)
        day = f", {replay.date}" if replay.date else ""
        figure.suptitle(f"{symbol}{day} ({replay.protocol})")
        _save(figure, path)


def _prices(axes: "Axes", tape: dict[str, Any], base_ns: int) -> None:
    hours = [(at - base_ns) / HOUR_NS for at, _, _ in tape["touches"]]
    for column, name, colour in ((1, "best bid", "tab:green"), (2, "best ask", "tab:red")):
        values = [float("nan") if touch[column] is None else touch[column] for touch in tape["touches"]]
        axes.step(hours, values, where="post", linewidth=0.8, color=colour, label=name)
    trades = tape["trades"]
    if trades:
        times = [(at - base_ns) / HOUR_NS for at, _, _ in trades]
        biggest = max(quantity for _, _, quantity in trades)
        sizes = [2 + 40 * quantity / biggest for _, _, quantity in trades]
        axes.scatter(times, [price for _, price, _ in trades], s=sizes, color="black", alpha=0.4, label="trades")
    _zoom(axes, tape)
    axes.set_xlabel("hours of the venue's day")
    axes.set_ylabel("price")
    axes.legend(loc="best")
    axes.grid(alpha=0.3)


def _zoom(axes: "Axes", tape: dict[str, Any]) -> None:
    """Keeps stub quotes and the empty book of the early morning from flattening the day."""
    values = sorted(
        [price for _, price, _ in tape["trades"]] or [(b + a) / 2 for _, b, a in tape["touches"] if b and a]
    )
    if values:
        low, high = values[len(values) // 100], values[-1 - len(values) // 100]
        room = max((high - low) * 0.25, high * 0.002)
        axes.set_ylim(low - room, high + room)


def _depth(axes: "Axes", replay: Replay, symbol: str) -> None:
    book = replay.books[symbol]
    for side, name, colour in (("B", "bids", "tab:green"), ("A", "asks", "tab:red")):
        total = 0
        prices: list[float] = []
        sums: list[int] = []
        for price, quantity, _ in book.levels(side, DEPTH_LEVELS):
            total += quantity
            prices.append(float(price))
            sums.append(total)
        axes.step(sums, prices, where="pre", color=colour, label=name)
        axes.fill_betweenx(prices, sums, step="post", color=colour, alpha=0.2)
    axes.set_xlabel("quantity at or better")
    axes.set_title(f"depth at the end, {DEPTH_LEVELS} levels", fontsize=9)
    axes.grid(alpha=0.3)


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401 - matplotlib's figure, imported late
    if path.suffix != ".html":
        figure.savefig(path, dpi=130)
        return
    picture = io.BytesIO()
    figure.savefig(picture, format="svg")
    encoded = base64.b64encode(picture.getvalue()).decode()
    title = html.escape(path.stem)
    path.write_text(
        f'<!doctype html><meta charset="utf-8"><title>{title}</title>'
        f'<img alt="{title}" src="data:image/svg+xml;base64,{encoded}">\n'
    )
