"""The device's tree solvers compiled for the host, where a block is one thread (tree.cuh)."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..codegen import cache, compile
from .forest import Doubles
from .tree_plan import METHODS, plan

_SOURCE = """\
#include "{header}"
extern "C" void solve_{method}(int const* table, double* d, double* rhs, double const* a,
                               double const* b, double* scratch) {{
    hx::solve_tree<hx::tree_{method}>(table, d, rhs, a, b, scratch);
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

    def column(values: npt.ArrayLike) -> Doubles:
        out = np.full(n_slot, np.nan)
        out[place] = values
        return out

    columns = [column(values) for values in (d, rhs, a, b)]
    scratch = np.full(tree.scratch_doubles + 1, np.nan)
    table = np.ascontiguousarray(tree.table)
    arguments: list[Any] = [ctypes.c_void_p(x.ctypes.data) for x in (table, *columns, scratch)]
    getattr(_library(), f"solve_{method}")(*arguments)
    x: Doubles = columns[1][place]
    return x
