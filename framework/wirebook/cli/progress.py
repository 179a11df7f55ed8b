"""Progress bars with a rate and the time left, on the terminal and nowhere else."""

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from wirebook.cli.app import notes


class RateColumn(ProgressColumn):
    """Units a second; of the field ``messages`` where bytes are what is counted."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        super().__init__()

    def render(self, task: Task) -> Text:
        """Shows the rate since the start, as far as it is known."""
        done = task.fields.get("messages", task.completed)
        speed = done / task.elapsed if task.elapsed else 0
        return Text(f"{quantity(speed)}{self._unit}/s" if speed else "", style="progress.data.speed")


def quantity(value: float) -> str:
    """Shortens a number.

    >>> quantity(12_345_678)
    '12.3 M'
    >>> quantity(950)
    '950 '
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.1f} {unit}"
    return f"{value:.0f} "


def bar(unit: str) -> Progress:
    """Makes a bar; it shows only where standard error is a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        RateColumn(unit),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
        disable=not notes.is_terminal,
    )
