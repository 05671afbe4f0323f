"""The table that Sequential.summary() returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .build import NeuronNetwork


@dataclass(frozen=True)
class Row:
    layer: str
    cell: str
    cells: int
    compartments: int
    synapses: int
    weights: int


@dataclass(frozen=True)
class Summary:
    """rows: the encoder and each layer. executor: its kind; why: it is not "linear"."""

    rows: tuple[Row, ...]
    executor: str
    why: str

    @classmethod
    def of(cls, network: NeuronNetwork, executor: str, why: str) -> Summary:
        encoder = network.encoder
        n = encoder.n
        compartments = sum(cell.n_compartment for cell in encoder.cells)
        rows = [Row(type(encoder).__name__, "PointCell", n, compartments, n, 0)]
        for layer in network.layers:
            n_weight = layer.n_out * (layer.n_in + 1)
            compartments = sum(cell.n_compartment for cell in layer.cells)
            rows.append(Row(layer.label, layer.cell, layer.n_out, compartments, n_weight, n_weight))
        return cls(tuple(rows), executor, why)

    @property
    def n_weight(self) -> int:
        """Trainable weights."""
        return sum(row.weights for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        rows = [vars(row) for row in self.rows]
        return {"layers": rows, "executor": self.executor, "why": self.why}

    def __str__(self) -> str:
        names = tuple(Row.__dataclass_fields__)
        table = [names, *(tuple(f"{getattr(row, k)}" for k in names) for row in self.rows)]
        width = [max(len(line[k]) for line in table) for k in range(len(names))]
        lines = [
            "  ".join(
                text.ljust(width[k]) if k < 2 else text.rjust(width[k])
                for k, text in enumerate(line)
            ).rstrip()
            for line in table
        ]
        lines.insert(1, "-" * (sum(width) + 2 * len(width) - 2))
        how = {
            "linear": "replicas of passive cells on the device",
            "compiled": "replicas on the device, by the kernels of the GPU engine",
            "general": "sample after sample in NEURON",
        }[self.executor]
        reason = f": {self.why}" if self.why else ""
        lines += [
            "",
            f"{self.n_weight} trainable weights; executor {self.executor} ({how}){reason}",
        ]
        return "\n".join(lines)

    __repr__ = __str__
