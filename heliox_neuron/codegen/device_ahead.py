"""What a node's thread looks up before it needs it: the memory answers while it computes.

Density mechanisms that lie at their nodes' positions (dense) take turns: while one computes, the
columns of the next one, or of the first one at the thread's next node, are under way. A
mechanism's columns are its own: nothing else stores them while the nodes' threads run.
"""

from __future__ import annotations

from ..nmodl.ir import Variable
from ..nmodl.lower import Kernel
from .cpp import namespace
from .cpp_layout import Layout
from .cpp_writer import Writer, mangled
from .device_entry import Entry

_MOST = 4  # columns of a mechanism: registers that others lack
Kernels = list[tuple[int, Entry, Kernel]]


def ahead_columns(kernel: Kernel, hook: str) -> list[Variable]:
    """Columns that "current" or "state" loads and that differ between nodes as they are stored."""
    columns = kernel.columns.current if hook == "current" else kernel.columns.state
    if columns is None or kernel.mechanism.kind != "density" or kernel.mechanism.pointers:
        return []
    stored = Layout(kernel).stored
    return [v for v in columns.load if v in stored][:_MOST]


def print_ahead(out: Writer, hook: str, places: list[tuple[Variable, str]]) -> None:
    """The structure of the columns, and the function that looks them up for instance i.

    places: each with the C++ expression of its element.
    """
    out.open(f"struct {hook.title()}Ahead {{")
    for variable, _ in places:
        out(f"double {mangled(variable.name)};")
    out.close("};")
    out()
    out.open(f"HX_DEVICE {hook.title()}Ahead {hook}_ahead(int i) {{")
    out(f"return {{{', '.join(place for _, place in places)}}};")
    out.close()
    out()


class NodeLoop:
    """The lines of a loop over a block's nodes that look ahead. Position p, the next one `next`."""

    def __init__(self, out: Writer, hook: str, kernels: Kernels) -> None:
        pointers = any(kernel.mechanism.pointers for *_, kernel in kernels)
        self.out = out
        self.hook = hook
        self.turns = [
            (m, kernel)
            for m, entry, kernel in kernels
            if entry.dense and not pointers and ahead_columns(kernel, hook)
        ]

    def _look(self, turn: int, place: str) -> str:
        m, kernel = self.turns[turn]
        return f"ahead_{m} = {namespace(kernel)}::{self.hook}_ahead({place});"

    def before(self, masks: dict[int, str], begin: str) -> None:
        """Before the loop. masks: the members of hx_model by word. begin: the first slot."""
        out = self.out
        out(f"int next = hx::position(nodes, {begin});")
        for word, mask in masks.items():
            out(f"unsigned next_mask_{word} = hx::fixed({mask}, next);")
        if self.turns:
            out(f"auto {self._look(0, 'next')}")

    def begin(self, masks: dict[int, str]) -> None:
        """In the loop, slot l known."""
        out = self.out
        out("int const p = nodes.first + l;")
        out("next = hx::position(nodes, l + hx::n_thread());")
        for word, mask in masks.items():
            out(f"unsigned const mask_{word} = next_mask_{word};")
            out(f"next_mask_{word} = hx::fixed({mask}, next);")

    def argument(self, m: int) -> str:
        """Before mechanism m runs: looks up what comes after it. Its last argument, or none."""
        numbers = [number for number, _ in self.turns]
        if m not in numbers:
            return ""
        turn = numbers.index(m)
        self.out(f"auto const looked_{m} = ahead_{m};")
        if turn + 1 < len(self.turns):
            self.out(f"auto {self._look(turn + 1, 'p')}")
        else:
            self.out(self._look(0, "next"))
        return f", looked_{m}"
