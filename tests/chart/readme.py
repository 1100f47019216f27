"""The table of values in the chart's README, made from the comments in values.yaml: `python -m tests.chart.readme`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tests.chart.rendering import CHART

README: Final = CHART / "README.md"
_BEGIN: Final = "<!-- made from values.yaml by `python -m tests.chart.readme` -->\n"


@dataclass(frozen=True)
class Value:
    """One documented value."""

    path: str
    default: str
    says: str


def values() -> Iterator[Value]:
    """Yield the values in the order of values.yaml. Raises KeyError where a comment is about no value."""
    text = (CHART / "values.yaml").read_text()
    defaults = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if said := re.fullmatch(r" *# (-- )?(.*)", line):
            comment = [said[2]] if said[1] else [*comment, said[2]] if comment else []
        elif key := re.match(r"( *)([A-Za-z][\w-]*):", line):
            depth = len(key[1])
            path = [*(each for each in path if each[0] < depth), (depth, key[2])]
            if comment:
                names = [name for _, name in path]
                yield Value(".".join(names), _default(defaults, names), " ".join(comment))
            comment = []
        else:
            comment = []


def _default(values: Any, names: list[str]) -> str:
    for name in names:
        values = values[name]
    return json.dumps(values)


def readme() -> str:
    """Return what the README should be: as it is, with the table of now."""
    before, _, _ = README.read_text().partition(_BEGIN)
    rows = [f"| `{value.path}` | `{value.default}` | {value.says.replace('|', chr(92) + '|')} |" for value in values()]
    return before + _BEGIN + "\n" + "\n".join(["| value | default | what it is |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    README.write_text(readme())
