"""What the cases brought: figures, one table, and a JSON file that keeps the last outcome of every case."""

from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Figure = str | int | float
Result = Literal["passed", "failed"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one case."""

    case: str
    title: str
    result: Result
    began: str
    """ISO 8601, UTC."""
    seconds: float
    figures: dict[str, Figure]
    """In the order in which they were measured; the names tell the units."""
    message: str = ""
    """Why it failed."""


def read(path: Path) -> dict[str, Outcome]:
    """Return the kept outcomes by case; none where there is no file yet."""
    if not path.exists():
        return {}
    return {outcome.case: outcome for outcome in msgspec.json.decode(path.read_bytes(), type=list[Outcome])}


def keep(path: Path, outcome: Outcome, order: list[str]) -> None:
    """Put the outcome into the file, in place of the case's earlier one; outcomes stand in the cases' `order`."""
    kept = read(path) | {outcome.case: outcome}
    outcomes = [kept[name] for name in order if name in kept]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes), indent=2) + b"\n")


def table(outcomes: list[Outcome]) -> Table:
    """Return the outcomes with all figures, a row a case."""
    shown = Table("case", "what it shows", "result", "s", "figures", show_lines=True)
    shown.columns[3].justify = "right"
    for outcome in outcomes:
        figures = "\n".join(f"{name}: {_text(figure)}" for name, figure in outcome.figures.items())
        colour = "green" if outcome.result == "passed" else "red bold"
        told = escape("\n".join(filter(None, (figures, outcome.message))))
        shown.add_row(outcome.case, outcome.title, f"[{colour}]{outcome.result}[/]", f"{outcome.seconds:.0f}", told)
    return shown


def markdown(outcomes: list[Outcome]) -> str:
    """Return the same as a table in Markdown, for the documentation; paths of this machine are left out."""
    rows = ["| case | what it shows | result | s | figures |", "|---|---|---|---|---|"]
    for outcome in outcomes:
        figures = "; ".join(
            f"{name}: {_text(figure)}" for name, figure in outcome.figures.items() if not _is_path(figure)
        )
        told = "; ".join(filter(None, (figures, outcome.message))).replace("|", "\\|").replace("\n", " ")
        rows.append(f"| {outcome.case} | {outcome.title} | {outcome.result} | {outcome.seconds:.0f} | {told} |")
    return "\n".join(rows) + "\n"


def _is_path(figure: Figure) -> bool:
    return isinstance(figure, str) and figure.startswith("/") and "." in Path(figure).name


def console() -> Console:
    """Return a console that is wide enough for the table."""
    return Console(width=max(140, Console().width))


def _text(figure: Figure) -> str:
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.2f}" if isinstance(figure, float) else figure
