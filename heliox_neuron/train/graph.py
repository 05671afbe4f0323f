"""The graded synapses of the running model: who looks at whom, and in which order.

Read once for each state of the model's structure. A presynaptic potential is found where NEURON
keeps it: in a POINTER, in ParallelContext's transfer, or as a number in the synapse (a bias).
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import HelioXError
from .resistance import Ints, roots

GRADED = ("HelioxGradedSynapse", "HelioxGradedSynapsePointer")
_NODE, _COLUMN, _V = 1, 2, 0  # of _core.device_resolve


@dataclass(frozen=True)
class Synapses:
    """Graded synapses of one mechanism, in NEURON's order.

    node: (n,) where they sit; pre: (n,) node whose v they look at, -1 for a constant; constant:
    (n,) addresses of those constants, 0 for v_pre of the synapse itself; columns: NEURON's memory.
    """

    mechanism: str
    node: Ints
    pre: Ints
    constant: np.ndarray
    columns: dict[str, np.ndarray]

    def constants(self) -> np.ndarray:
        """(n,) mV, present values of constant v_pre; NaN where a node is looked at."""
        values = np.full(len(self.node), np.nan)
        own = self.columns.get("v_pre")
        for k in np.flatnonzero(self.pre < 0):
            address = int(self.constant[k])
            if address:
                values[k] = ctypes.c_double.from_address(address).value
            elif own is not None:
                values[k] = own[k]
        return values


@dataclass(frozen=True)
class Graph:
    """All graded synapses and the cells that they join.

    structure: _core.device_model(); root: (n_node,) of each node's cell; names: of a node.
    """

    structure: dict[str, Any]
    root: Ints
    synapses: tuple[Synapses, ...]

    def levels(self, readout: Ints) -> dict[int, int]:
        """Cells (by root) that reach a readout's cell, with the longest way there.

        Raises HX097 with the cells of a loop when the network is recurrent.
        """
        above: dict[int, set[int]] = {}  # cells that a cell looks at
        for synapses in self.synapses:
            seen = synapses.pre >= 0
            pairs = np.unique(
                np.stack([self.root[synapses.node[seen]], self.root[synapses.pre[seen]]]), axis=1
            )
            for post, pre in pairs.T.tolist():
                above.setdefault(post, set()).add(pre)
        return _longest(above, sorted({int(self.root[node]) for node in readout}), self.name)

    def name(self, node: int) -> str:
        """A segment of NEURON's for messages."""
        segment = segments_of([node]).get(node)
        return str(segment) if segment is not None else f"node {node}"


def read_graph(core: Any) -> Graph:
    """Raises HX097 where cells are coupled by something that is no graded synapse."""
    core.freeze()
    structure = core.device_model()
    parent = np.array(structure["parent"], np.int64)
    parent[: structure["n_cell"]] = -1
    root = roots(parent)
    mechanisms = structure["mechanisms"]
    graded = {k: m["name"] for k, m in enumerate(mechanisms) if _is_graded(m)}
    pre = {k: np.full(mechanisms[k]["n"], -1, np.int64) for k in graded}
    constant = {k: np.zeros(mechanisms[k]["n"], np.uint64) for k in graded}
    for k, mechanism in enumerate(mechanisms):
        for pointer in mechanism["pointers"]:
            address = np.asarray(pointer["address"])
            kind, index, _, row, _ = core.device_resolve(address)
            of_v = (kind == _NODE) & (index == _V)
            if k in graded:
                pre[k][of_v] = row[of_v]
                constant[k][~of_v] = address[~of_v]
            elif (root[row[of_v]] != root[np.asarray(mechanism["node"])[of_v]]).any():
                raise _coupled(f"a POINTER of {mechanism['name']} leads to another cell's v")
    target, source = core.device_transfer()
    if len(target):
        kind, index, field, row, _ = core.device_resolve(target)
        from_kind, from_index, _, from_row, _ = core.device_resolve(source)
        for n in range(len(target)):
            k = int(index[n])
            if kind[n] != _COLUMN or k not in graded:
                owner = mechanisms[k]["name"] if kind[n] == _COLUMN else "another variable"
                raise _coupled(f"ParallelContext transfers a potential to {owner}")
            if list(mechanisms[k]["columns"])[field[n]] != "v_pre":
                raise _coupled(f"ParallelContext.target_var is not v_pre of {graded[k]}")
            if (from_kind[n], from_index[n]) != (_NODE, _V):
                raise _coupled("ParallelContext.source_var is not a segment's v")
            pre[k][row[n]] = from_row[n]
    found = tuple(
        Synapses(name, np.asarray(mechanisms[k]["node"], np.int64), pre[k], constant[k],
                 mechanisms[k]["columns"])
        for k, name in graded.items()
    )  # fmt: skip
    return Graph(structure, root, found)


def _is_graded(mechanism: dict[str, Any]) -> bool:
    """Ours, or a point process whose text has the same current (i = g*w*max(v_pre, 0))."""
    if mechanism["name"] in GRADED:
        return True
    text = mechanism["text"]
    if not text or mechanism["kind"] != "point":
        return False
    text = re.sub(r":.*|\?.*", "", text)  # comments
    match = re.search(r"\bBREAKPOINT\s*\{(.*)\}\s*$", text.strip(), re.DOTALL)
    return (
        match is not None
        and re.sub(r"\s", "", match[1]) == "if(v_pre>0){i=g*w*v_pre}else{i=0}"
        and re.search(r"\bELECTRODE_CURRENT\s+i\b", text) is not None
        and re.search(r"\bNET_RECEIVE\b", text) is None
    )


def _coupled(why: str) -> HelioXError:
    return HelioXError(
        "HX097",
        f'synaptic: {why}: it is no graded synapse. Use method="finite_differences".',
    )


def _longest(above: dict[int, set[int]], ends: list[int], name: Any) -> dict[int, int]:
    """Longest way from an end to each cell above it, by a depth-first order without recursion."""
    order: list[int] = []
    state: dict[int, int] = {}  # 1: on the way, 2: done
    for end in ends:
        stack = [(end, iter(sorted(above.get(end, ()))))]
        if state.get(end):
            continue
        state[end] = 1
        while stack:
            cell, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[cell] = 2
                order.append(cell)
                stack.pop()
            elif state.get(following) == 1:
                way = [c for c, _ in stack]
                loop = [*way[way.index(following) :], following]
                cells = " <- ".join(name(c) for c in loop[:6])
                raise HelioXError(
                    "HX097",
                    f"synaptic: the network is recurrent ({cells}): an error has no layer to "
                    'start from. Use method="finite_differences".',
                )
            elif not state.get(following):
                state[following] = 1
                stack.append((following, iter(sorted(above.get(following, ())))))
    level = dict.fromkeys(ends, 0)
    for cell in reversed(order):
        for pre in above.get(cell, ()):
            level[pre] = max(level.get(pre, 0), level.get(cell, 0) + 1)
    return level


def segments_of(nodes: Any) -> dict[int, Any]:
    """NEURON's segment of each of these nodes."""
    from .simulation import neuron

    wanted = {int(node) for node in nodes}
    found: dict[int, Any] = {}
    for section in neuron().allsec():
        for segment in section.allseg():
            node = int(segment.node_index())
            if node in wanted and (node not in found or 0 < segment.x < 1):
                found[node] = segment
    return found
