"""How many threads a block has, and where its nodes' v, rhs, d, a and b lie.

Measured on an H200 with benchmarks/gpu.py: one block on a multiprocessor is fastest with many
threads; where several have to share it, all of them should be resident at the same time, and 128
registers a thread are worth more than more threads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .device import Array, Device

_RESERVED = 1024 + 2560  # bytes of a block: the system's, and tables of exp
_THREADS_A_MULTIPROCESSOR = 512  # with 128 registers each
_MOST_RESIDENT = 16


def wanted_resident(device: Device, n_block: int) -> int:
    """Blocks that a multiprocessor has to hold if all of them are to run at once."""
    return max(1, -(-n_block // device.n_multiprocessor))


def choose_threads(device: Device, sizes: Array) -> int:
    """Threads of a block. sizes: (n_block,) nodes of each block."""
    resident = wanted_resident(device, len(sizes))
    if resident == 1:
        largest = int(sizes.max())
        return 512 if largest > 256 else 256 if largest > 128 else 128
    return max(64, min(256, _THREADS_A_MULTIPROCESSOR // resident // 32 * 32), 128)


def choose_spread() -> bool:
    """Whether all density mechanisms run as tasks of warps, not only those of few nodes.

    HELIOX_SPREAD=1. One cell of eleven mechanisms (L5PC) on one multiprocessor took 30.0 us a step
    so and 29.7 with a thread a node: its FP64 units are the limit either way.
    """
    return os.environ.get("HELIOX_SPREAD", "0") != "0"


@dataclass(frozen=True)
class NodeMemory:
    """shared: bytes of a block's dynamic shared memory, 0: the nodes are in global memory. v: where
    v is: "" for a place of its own, "HX_V_IN_SCRATCH" or "HX_GLOBAL_V" (src/gpu/nodes.cuh).
    resident: blocks a multiprocessor is to hold.
    """

    shared: int
    v: str
    resident: int

    @staticmethod
    def choose(device: Device, sizes: Array, scratch: int, n_thread: int) -> NodeMemory:
        """scratch: doubles that the tree solver needs besides."""
        nodes = int(sizes.max())
        v = nodes + nodes % 2  # scratch begins at a multiple of 16 bytes
        wanted = wanted_resident(device, len(sizes))
        by_registers = max(1, 65536 // (64 * n_thread))

        def resident(shared: int) -> int:
            fits = device.shared_bytes // (shared + _RESERVED)
            return min(wanted, fits, by_registers, _MOST_RESIDENT)

        whole, without_v = 8 * (4 * nodes + v + scratch), 8 * (4 * nodes + scratch)
        if resident(whole) >= wanted or resident(whole) == resident(without_v) > 0:
            return NodeMemory(whole, "", resident(whole))
        shared_place = 8 * (4 * nodes + max(scratch, nodes))
        if resident(shared_place) == resident(without_v) > 0:
            return NodeMemory(shared_place, "HX_V_IN_SCRATCH", resident(shared_place))
        if resident(without_v):
            return NodeMemory(without_v, "HX_GLOBAL_V", resident(without_v))
        return NodeMemory(0, "", 1)

    def macros(self) -> tuple[str, ...]:
        """What the kernels are compiled with."""
        macros = [f"HX_BLOCKS={self.resident}"]
        if self.v:
            macros.append(self.v)
        if not self.shared:
            macros.append("HX_GLOBAL_NODES")
        return tuple(macros)
