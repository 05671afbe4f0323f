"""Part of a frozen model, a number of times over: what DeviceModel takes for replicas of a layer.

NEURON has the cells once. Here their columns are copied, one copy behind the other, and nodes are
numbered as NEURON would number as many cells: all roots first, then the others.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Longs: TypeAlias = "npt.NDArray[np.int64]"


class Tiling:
    """The nodes `rows` of a model, n_replica times. structure: _core.device_model().

    rows: (n,) of whole cells. Raises KeyError for a row that is not there.
    """

    def __init__(self, structure: dict[str, Any], rows: Longs, n_replica: int) -> None:
        self._structure = structure
        self.rows = np.sort(rows)
        self.n_replica = n_replica
        self._roots = int((self.rows < structure["n_cell"]).sum())
        self._local = np.full(structure["n_node"], -1, np.int64)
        self._local[self.rows] = np.arange(len(self.rows))

    def node(self, row: Longs, replica: Longs | int) -> Longs:
        """Where a replica's copy of NEURON's node lies."""
        local, n, roots = self._local[row], self.n_replica, self._roots
        others = len(self.rows) - roots
        inner = n * roots + replica * others + local - roots
        return np.where(local < roots, replica * roots + local, inner)

    def nodes(self, row: Longs) -> Longs:
        """(n_replica * n,) copies of nodes (n,), replica by replica."""
        return np.concatenate([self.node(row, b) for b in range(self.n_replica)])

    def instances(self, mechanism: dict[str, Any]) -> Longs:
        """(n,) NEURON's instances of a mechanism on these nodes."""
        return np.flatnonzero(self._local[mechanism["node"]] >= 0)

    def _tile(self, values: Any, which: Longs) -> Any:
        part = np.array(values)[which]
        return np.ascontiguousarray(np.concatenate([part] * self.n_replica))

    def _rows_of(self, rows: Any, which: Longs, target: Longs) -> Any:
        """Rows of another mechanism's instances, as they are numbered here. target: those kept."""
        place = np.searchsorted(target, np.array(rows)[which])
        n = len(target)
        return np.concatenate([place + b * n for b in range(self.n_replica)]).astype(np.int32)

    def structure(self) -> dict[str, Any]:
        """As _core.device_model() describes a model."""
        model = self._structure
        order = np.argsort(self.nodes(self.rows), kind="stable")
        parent = np.array(model["parent"], np.int64)[self.rows]
        parent[: self._roots] = self.rows[: self._roots]
        tiled: dict[str, Any] = {
            "n_node": len(self.rows) * self.n_replica,
            "n_cell": self._roots * self.n_replica,
            "parent": self.nodes(parent)[order].astype(np.int32),
            "fast_imem": False,
            "generation": model["generation"],
            "node": {
                name: self._tile(model["node"][name], self.rows)[order]
                for name in ("v", "rhs", "d", "a", "b", "area")
            },
        }
        kept = {m["name"]: self.instances(m) for m in model["mechanisms"]}
        tiled["mechanisms"] = [
            self._mechanism(m, kept) for m in model["mechanisms"] if len(kept[m["name"]])
        ]
        names = [m["name"] for m in tiled["mechanisms"]]
        tiled["ions"] = [
            self._ion(ion, kept[ion["name"]], names.index(ion["name"]))
            for ion in model["ions"]
            if len(kept[ion["name"]])
        ]
        capacitance = model["capacitance"]
        which = kept["capacitance"]
        tiled["capacitance"] = {
            "node": self._nodes_of(capacitance["node"], which),
            "cm": self._tile(capacitance["cm"], which),
            "i_cap": self._tile(capacitance["i_cap"], which),
            "mechanism": names.index("capacitance"),
        }
        return tiled

    def _nodes_of(self, node: Any, which: Longs) -> npt.NDArray[np.int32]:
        return self.nodes(np.array(node, np.int64)[which]).astype(np.int32)

    def _mechanism(self, mechanism: dict[str, Any], kept: dict[str, Longs]) -> dict[str, Any]:
        which = kept[mechanism["name"]]
        return {
            **mechanism,
            "n": len(which) * self.n_replica,
            "node": self._nodes_of(mechanism["node"], which),
            "columns": {k: self._tile(v, which) for k, v in mechanism["columns"].items()},
            "ion_rows": {
                ion: self._rows_of(rows, which, kept[ion])
                for ion, rows in mechanism["ion_rows"].items()
            },
        }

    def _ion(self, ion: dict[str, Any], which: Longs, number: int) -> dict[str, Any]:
        styled = np.flatnonzero(np.isin(which, np.array(ion["nernst"], np.int64)))
        n = len(which)
        return {
            **ion,
            "n": n * self.n_replica,
            "node": self._nodes_of(ion["node"], which),
            "mechanism": number,
            "columns": [self._tile(column, which) for column in ion["columns"]],
            "style": self._tile(ion["style"], which),
            "nernst": np.concatenate([styled + b * n for b in range(self.n_replica)]).astype(
                np.int32
            ),
        }
