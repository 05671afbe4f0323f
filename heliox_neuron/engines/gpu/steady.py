"""Steady nodes: those with nothing but steady mechanisms (codegen/device_steady.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...solvers import TreePlan, contract
from .device import Device
from .layout import NodeLayout

_SHARE = 0.2  # of the nodes: from then on steady nodes are worth kernels of their own


def steady_nodes(
    names: list[str], masks: npt.NDArray[np.uint32], steady: frozenset[str]
) -> npt.NDArray[np.bool_]:
    """[n_node] by row. names: of the entries; masks: [words, n_node], a bit for each entry that a
    node has; steady: names of steady mechanisms. All False where there are too few.
    """
    allowed = np.zeros(len(masks), np.uint32)
    for m, name in enumerate(names):
        if name in steady:
            allowed[m // 32] |= np.uint32(1 << (m % 32))
    found: npt.NDArray[np.bool_] = ~(masks & ~allowed[:, None]).any(axis=0)
    # a few, or nodes without any mechanism (ends of sections), are not worth the code
    return found & ((found & masks.any(axis=0)).mean() > _SHARE)


def steady_arrays(
    device: Device,
    nodes: NodeLayout,
    steady: npt.NDArray[np.bool_],
    plans: list[TreePlan],
    method: str,
) -> dict[str, Any]:
    """Members of hx_model: what kernels keep of steady nodes (src/gpu/nodes.cuh)."""
    counts = np.bincount(nodes.block[steady], minlength=nodes.n_block).astype(np.int32)
    kept = [contract.kept_rows(p.table, int(n)) if method == "contract" else 0
            for p, n in zip(plans, counts, strict=True)]  # fmt: skip
    return {
        **{f"steady_{k}": device.empty(len(nodes.row), np.float64) for k in "kgd"},
        "steady_count": device.array(counts),
        "steady_kept": device.array(np.array(kept, np.int32)),
    }
