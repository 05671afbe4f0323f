"""Microseconds of a tree solve on the GPU, by method, tree, threads of a block, number of blocks.

    python benchmarks/gpu_solvers.py [--quick] [--only dhs] [--trees trees.json]

One launch does many solves; d and rhs are loaded anew for each, and the time of a launch that only
loads them is taken off (column "load"). Every result is compared with NEURON's loops: equal bits
for hines and dhs, 1e-10 for contract. --trees: a JSON object {name: parents} of further trees.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heliox_neuron import solvers
from heliox_neuron.codegen import compile
from heliox_neuron.solvers import contract, reference

SOURCE = """
#include "tree.cuh"
HX_GLOBAL void __launch_bounds__(256) repeat(int const* table, double const* columns, double* out,
                                             int n, int n_solve, int solve) {
    extern __shared__ __align__(16) double memory[];
    hx::TreeColumns const of = hx::columns_in<hx::tree_METHOD>(memory, n);
    int const stride = hx::row_stride<hx::tree_METHOD>;
    for (int i = hx::tid(); i < n; i += hx::n_thread()) {
        of.a[stride * i] = columns[2 * n + i];
        of.b[stride * i] = columns[3 * n + i];
    }
    for (int k = 0; k < n_solve; ++k) {
        HX_SYNC();
        for (int i = hx::tid(); i < n; i += hx::n_thread()) {
            of.d[stride * i] = columns[i];
            of.rhs[stride * i] = columns[n + i];
        }
        HX_SYNC();
        if (solve) {
            hx::solve_tree<hx::tree_METHOD>(table, of, memory + 4 * n);
        }
    }
    for (int i = hx::tid(); i < n; i += hx::n_thread()) {
        out[hx::block() * n + i] = of.rhs[stride * i];
    }
}
"""


@dataclass(frozen=True)
class Variant:
    """A method as it is compiled and planned. piece: contract's longest pieces."""

    name: str
    method: str
    macros: tuple[str, ...] = ()
    piece: int = 0

    def plan(self, parent, n_thread):
        """Table and doubles of scratch."""
        if self.piece:
            slot = np.arange(len(parent), dtype=np.int32)
            return contract.table(parent, slot, n_thread, self.piece)[:2]
        plan = solvers.plan(parent, None, self.method, n_thread)
        return plan.table, plan.scratch_doubles


VARIANTS = (
    Variant("hines", "hines"),
    Variant("dhs_levels", "dhs_levels"),
    Variant("dhs", "dhs"),
    Variant("dhs, compiler's /", "dhs", ("HX_TREE_DIVISION=0",)),
    Variant("contract", "contract"),
    Variant("contract 4", "contract", ("HX_CONTRACT_PIECE=4",), 4),
    Variant("contract 8", "contract", ("HX_CONTRACT_PIECE=8",), 8),
)


def binary(depth, n_segment):
    """A root and sections of n_segment nodes, two below the end of each."""
    parent, ends = [-1], []
    for section in range(2**depth - 1):
        p = ends[(section - 1) // 2] if section else 0
        for _ in range(n_segment):
            parent.append(p)
            p = len(parent) - 1
        ends.append(p)
    return parent


def dendrite(n_node, n_level, n_tip, seed):
    """A trunk of n_level nodes with random branches: n_tip tips, n_node nodes."""
    rng = np.random.default_rng(seed)
    parent = [i - 1 for i in range(n_level)]
    depth = list(range(n_level))
    for tip in range(n_tip - 1):
        left = n_node - len(parent)
        mean = left / (n_tip - 1 - tip)
        length = left if tip == n_tip - 2 else int(np.clip(rng.exponential(mean), 1, 2.5 * mean))
        room = [i for i, d in enumerate(depth) if d + min(length, n_level // 2) < n_level]
        p = int(rng.choice(room))
        for _ in range(min(length, n_level - 1 - depth[p])):
            parent.append(p)
            depth.append(depth[p] + 1)
            p = len(parent) - 1
    return parent


def trees(path):
    """Parents by name; sizes, depths and tips of the benchmark models."""
    found = {
        "tree 631": binary(6, 10),
        "like L5PC 839": dendrite(839, 84, 99, 1),
        "like HPC 1263": dendrite(1263, 82, 110, 2),
        "32 balls and sticks": [-1] * 32 + [c if k == 0 else 31 + 11 * c + k
                                            for c in range(32) for k in range(11)],
    }  # fmt: skip
    if path:
        found |= {name: list(parent) for name, parent in json.loads(Path(path).read_text()).items()}
    return found


def matrix(parent, seed=0):
    """d, rhs, a, b as a step makes them."""
    rng = np.random.default_rng(seed)
    n = len(parent)
    a, b = -(10 ** rng.uniform(-1, 1, n)), -(10 ** rng.uniform(-1, 1, n))
    d = rng.uniform(1.0, 3.0, n)
    for i, p in enumerate(parent):
        if p >= 0:
            d[i] -= b[i]
            d[p] -= a[i]
    return d, rng.normal(size=n), a, b


class Bench:
    """One compiled variant."""

    def __init__(self, cupy, variant):
        self.cupy = cupy
        self.variant = variant
        options = ["--std=c++17", "--fmad=false", f"-I{compile.device_include_dir()}"]
        options += [f"-D{macro}" for macro in variant.macros]
        code = SOURCE.replace("tree_METHOD", f"tree_{variant.method}")
        self.kernel = cupy.RawModule(code=code, options=tuple(options)).get_function("repeat")

    def launch(self, arguments, n_block, n_thread, shared):
        """Seconds of the faster of two launches."""
        best = np.inf
        for _ in range(2):
            start, stop = self.cupy.cuda.Event(), self.cupy.cuda.Event()
            start.record()
            self.kernel((n_block,), (n_thread,), arguments, shared_mem=shared)
            stop.record()
            stop.synchronize()
            best = min(best, self.cupy.cuda.get_elapsed_time(start, stop) * 1e-3)
        return best

    def time(self, parent, n_block, n_thread, n_solve):
        """(us a solve, us a load, relative error); None if the block is too large."""
        cupy = self.cupy
        n = len(parent)
        table, scratch = self.variant.plan(parent, n_thread)
        shared = 8 * (5 * n + scratch)  # with room for v, as in the step
        limit = cupy.cuda.Device().attributes["MaxSharedMemoryPerBlockOptin"]
        if shared > limit:
            return None
        self.kernel.max_dynamic_shared_size_bytes = shared
        d, rhs, a, b = matrix(parent)
        columns = cupy.asarray(np.concatenate([d, rhs, a, b]))
        out = cupy.zeros(n_block * n)
        seconds = []
        for solve in (0, 1):
            arguments = (cupy.asarray(table), columns, out, np.int32(n), np.int32(n_solve))
            arguments += (np.int32(solve),)
            seconds.append(self.launch(arguments, n_block, n_thread, shared) / n_solve)
        exact = reference.hines(parent, a, b, d, rhs)
        error = np.abs(out.get().reshape(n_block, n) - exact).max() / np.abs(exact).max()
        return (seconds[1] - seconds[0]) * 1e6, seconds[0] * 1e6, error


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one number of threads, 200 solves")
    parser.add_argument("--only", default="", help="a word in the variants' names")
    parser.add_argument("--trees", help="JSON file of further trees")
    options = parser.parse_args()
    import cupy

    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    print(f"{name}, CUDA {cupy.cuda.runtime.runtimeGetVersion()}, CuPy {cupy.__version__}")
    begin = time.perf_counter()
    wrong = 0
    for variant in VARIANTS:
        if options.only not in variant.name:
            continue
        bench = Bench(cupy, variant)
        print(f"\n{variant.name}: {bench.kernel.num_regs} registers, "
              f"{bench.kernel.local_size_bytes} bytes of stack", flush=True)  # fmt: skip
        slow = variant.method == "hines"
        n_solve = 20 if slow else 200 if options.quick else 1000
        for tree, parent in trees(options.trees).items():
            for n_thread in (128,) if options.quick or slow else (32, 64, 128, 256):
                cells = []
                for n_block in (1, 20, 500):
                    timed = bench.time(parent, n_block, n_thread, n_solve)
                    if timed is None:
                        cells.append("too large")
                        continue
                    solve, load, error = timed
                    limit = 1e-10 if variant.method == "contract" else 0.0
                    bad = not error <= limit
                    wrong += bad
                    mark = f" WRONG {error:.1e}" if bad else ""
                    cells.append(f"x{n_block} {solve:7.2f} us (load {load:5.2f}){mark}")
                print(f"  {tree:20s} {n_thread:4d} threads  " + "   ".join(cells), flush=True)
    print(f"\n{time.perf_counter() - begin:.0f} s; {wrong} wrong results")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
