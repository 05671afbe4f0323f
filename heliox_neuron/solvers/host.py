"""The device's tree solvers compiled for the host, where a block is one thread (tree.cuh)."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..codegen import cache, compile
from .forest import Doubles
from .tree_plan import METHODS, plan

_SOURCE = """\
#include "{header}"
extern "C" int stride_{method} = hx::row_stride<hx::tree_{method}>;
extern "C" void solve_{method}(int const* table, double* memory, int n, double* scratch) {{
    hx::solve_tree<hx::tree_{method}>(table, hx::columns_in<hx::tree_{method}>(memory, n), scratch);
}}
"""


@functools.lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    folder = compile.device_include_dir()
    header = folder / "tree.cuh"
    source = "".join(_SOURCE.format(header=header, method=method) for method in METHODS)
    isa = compile.isa()
    digest = hashlib.sha256(source.encode())
    for word in (*compile.flags(isa), compile.compiler().identity):
        digest.update(word.encode())
    for path in (folder / "device.cuh", *sorted(folder.glob("tree*.cuh"))):
        digest.update(path.read_bytes())
    library = cache.folder() / f"tree-{digest.hexdigest()[:40]}.so"
    if not library.exists():
        temporary = library.with_name(f"{library.name}.{os.getpid()}")
        text = Path(f"{temporary}.cpp")
        text.write_text(source)
        try:
            compile.compile_source(text, temporary, isa)
            temporary.replace(library)
        finally:
            text.unlink()
    return ctypes.CDLL(str(library))


def solve(
    method: str,
    parent: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    d: npt.ArrayLike,
    rhs: npt.ArrayLike,
    slot: npt.ArrayLike | None = None,
    n_thread: int = 32,
) -> Doubles:
    """x with d[i] x[i] + b[i] x[parent] + sum over children c of a[c] x[c] = rhs[i].

    parent: (n,) int, -1 for roots, parents before children. a, b, d, rhs: (n,) float64 in the
    order of nodes; not changed. slot, n_thread: the plan's (tree_plan.plan). Raises ValueError, and
    Unsupported HX025 without a C++ compiler.
    """
    tree = plan(parent, slot, method, n_thread)
    place = np.arange(tree.n_node) if slot is None else np.asarray(slot)
    n_slot = int(place.max(initial=-1)) + 1

    library = _library()
    memory: Doubles = np.full(4 * n_slot, np.nan)
    pairs = ctypes.c_int.in_dll(library, f"stride_{method}").value == 2
    halves = memory.reshape(2, n_slot, 2).swapaxes(1, 2) if pairs else memory.reshape(2, 2, n_slot)
    for k, values in enumerate((d, rhs, a, b)):
        halves[k // 2, k % 2, place] = values
    scratch = np.full(tree.scratch_doubles + 1, np.nan)
    table = np.ascontiguousarray(tree.table)
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in (table, memory, scratch)]
    getattr(library, f"solve_{method}")(pointers[0], pointers[1], n_slot, pointers[2])
    x: Doubles = halves[0, 1, place]
    return x
