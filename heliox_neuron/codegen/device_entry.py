"""A mechanism of the model as the printers of the device's source see it."""

from __future__ import annotations

from dataclasses import dataclass

from ..nmodl.lower import Kernel


@dataclass(frozen=True)
class Entry:
    """A mechanism in the thread's order. kernel: None for ions and for what does nothing in a step.

    nernst: some instance of this ion mechanism follows its concentrations. dense: so many nodes
    have one that instances lie at their nodes' positions.
    """

    name: str
    kind: str  # "ion", "density", "point"
    kernel: Kernel | None
    nernst: bool = False
    dense: bool = False
