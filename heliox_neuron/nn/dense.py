"""A layer: n cells, each with a graded synapse from every cell of the layer before, and a bias."""

from __future__ import annotations

from typing import Any

from ..errors import HelioXValueError
from .build import LayerPlan
from .cells import CellFactory, cell_factory, from_description

PLACES = ("dendrites", "soma")


class Dense:
    """n cells made by `cell`: PointCell() (the default), PassiveHPC(...), PassiveTree(),
    Template("name"), or a function that returns a cell.

    synapses: "dendrites" (each on a section drawn uniformly of the cell's dendrites, at a uniform
    x) or "soma". A cell without dendrites has them at the soma. HX091 for other values.
    """

    def __init__(
        self, n: int, cell: Any = None, *, synapses: str = "dendrites", name: str = ""
    ) -> None:
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise HelioXValueError("HX091", f"Dense({n!r}): a number of cells, at least 1.")
        if synapses not in PLACES:
            raise HelioXValueError("HX091", f'Dense(synapses={synapses!r}): "dendrites" or "soma".')
        self.n = n
        self.cell: CellFactory = cell_factory(cell)
        self.synapses = synapses
        self.name = name

    def plan(self, number: int) -> LayerPlan:
        """What NeuronNetwork builds. number: of the layer, from 1."""
        label = self.name or f"dense_{number}"
        return LayerPlan(label, self.n, self.cell, self.synapses == "soma")

    def describe(self) -> dict[str, Any]:
        """What save() writes."""
        return {
            "n": self.n, "name": self.name, "synapses": self.synapses,
            "cell": self.cell.describe(),
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"Dense({self.n}, cell={self.cell.label})"


def layer_of(description: dict[str, Any], cell: Any = None) -> Dense:
    """The Dense that describe() was called on; cell: instead of the saved one."""
    made = from_description(description["cell"]) if cell is None else cell
    return Dense(description["n"], made, synapses=description["synapses"], name=description["name"])
