"""Report: text that is also data.

A `str`, because hoc prints a string and nothing else of Python's: `print heliox.report()` works
from hoc and Python alike. The same blocks are drawn with rich on a terminal (`report.show()`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar


@dataclass
class Table:
    """Columns by name, rows of text; `right` holds the names of the columns of numbers."""

    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    right: frozenset[str] = frozenset()

    def text(self) -> str:
        """Aligned plain text, two spaces between columns; empty columns are left out."""
        keep = [k for k in range(len(self.columns)) if any(row[k] for row in self.rows)]
        lines = [[self.columns[k] for k in keep]] + [[row[k] for k in keep] for row in self.rows]
        widths = [max(len(line[k]) for line in lines) for k in range(len(keep))]
        pads = [str.rjust if self.columns[k] in self.right else str.ljust for k in keep]
        padded = ([p(c, w) for p, c, w in zip(pads, line, widths, strict=True)] for line in lines)
        return "\n".join("  ".join(cells).rstrip() for cells in padded)

    def __rich__(self) -> Any:
        from rich import box
        from rich.table import Table as RichTable

        table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        keep = [k for k in range(len(self.columns)) if any(row[k] for row in self.rows)]
        for k in keep:
            numeric = self.columns[k] in self.right
            table.add_column(
                self.columns[k],
                justify="right" if numeric else "left",
                no_wrap=numeric,
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*(row[k] for k in keep))
        return table


Block = str | Table
R = TypeVar("R", bound="Report")


class Report(str):
    """Text made of paragraphs and tables, with the data it was made from."""

    _blocks: list[Block]
    _data: dict[str, Any]

    @classmethod
    def build(cls: type[R], blocks: list[Block], data: dict[str, Any]) -> R:
        blocks = [block for block in blocks if block]
        report = cls(
            "\n\n".join(block.text() if isinstance(block, Table) else block for block in blocks)
        )
        report._blocks = blocks
        report._data = data
        return report

    def to_dict(self) -> dict[str, Any]:
        """The data: plain dicts, lists, numbers and strings."""
        return self._data

    def to_json(self, indent: int | None = 2) -> str:
        return json.dumps(self._data, indent=indent, default=str)

    def show(self, stderr: bool = False) -> None:
        """Prints it: rich tables on a terminal, plain text elsewhere."""
        import sys

        stream = sys.stderr if stderr else sys.stdout
        if not stream.isatty():
            print(self, file=stream)
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream)
        for block in self._blocks:
            console.print(Text(block) if isinstance(block, str) else block)

    def __repr__(self) -> str:  # a prompt shows the text itself
        return str.__str__(self)


def heading(status: dict[str, Any]) -> str:
    """The first line: version, whether it is on, and with which settings."""
    name = f"HelioX for NEURON {status['version']}"
    if status["off"]:
        return f"{name}: off. {status['off']}"
    if not status["enable"]:
        return f"{name}: off (heliox.enable = 1 switches it on)"
    words = [f"device {status['device']}", f"fidelity {status['fidelity']}", status["isa"]]
    if status["strict"]:
        words.append("strict")
    return f"{name}: on, {', '.join(word for word in words if word)}"


def plural(count: Any, noun: str) -> str:
    """Like 1 cell, 2 cells."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def number(value: Any, digits: int = 3) -> str:
    """'' for None, whole numbers in full, others to `digits` significant digits."""
    if value is None:
        return ""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = f"{value:.{digits}g}"
    return f"{float(text):g}" if "e" in text and 1e-4 <= abs(value) < 1e15 else text
