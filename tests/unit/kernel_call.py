"""Calls a compiled kernel on NumPy arrays through the structures of src/kernels/abi.h."""

from __future__ import annotations

import ctypes as C
import math
from collections.abc import Callable
from typing import Any

import numpy as np


class _Range(C.Structure):
    _fields_ = (("begin", C.c_int), ("end", C.c_int), ("consecutive", C.c_int))


class _Args(C.Structure):
    _fields_ = (
        ("t", C.c_double), ("dt", C.c_double), ("celsius", C.c_double),
        ("flags", C.c_uint), ("lean_ion", C.c_uint),
        ("column", C.c_void_p), ("node_row", C.c_void_p), ("v", C.c_void_p), ("area", C.c_void_p),
        ("rhs", C.c_void_p), ("d", C.c_void_p), ("sav_rhs", C.c_void_p), ("sav_d", C.c_void_p),
        ("ion_column", C.c_void_p), ("ion_row", C.c_void_p), ("pointer", C.c_void_p),
        ("global_", C.c_void_p), ("table", C.c_void_p), ("hoc_exp", C.c_void_p),
    )  # fmt: skip


class _Kernel(C.Structure):
    _fields_ = (
        ("abi", C.c_int), ("name", C.c_char_p), ("text_hash", C.c_char_p), ("isa", C.c_char_p),
        ("traits", C.c_uint), ("n_field", C.c_int), ("field", C.POINTER(C.c_char_p)),
        ("field_dim", C.c_void_p), ("lean_field", C.c_void_p), ("written_field", C.c_void_p),
        ("n_ion", C.c_int), ("ion", C.c_void_p), ("ion_read", C.c_void_p),
        ("ion_write", C.c_void_p), ("n_pointer", C.c_int), ("pointer", C.c_void_p),
        ("n_global", C.c_int), ("global_", C.c_void_p), ("table_size", C.c_size_t),
        ("current", C.c_void_p), ("state", C.c_void_p), ("table_check", C.c_void_p),
    )  # fmt: skip


_HOOK = C.CFUNCTYPE(None, C.POINTER(_Args), C.POINTER(_Range))
_EXP = C.CFUNCTYPE(C.c_double, C.c_double)


class Outcome:
    """rhs, d: (n_node,) float64, what a call added to zero."""

    def __init__(self, n_node: int) -> None:
        self.rhs = np.zeros(n_node)
        self.d = np.zeros(n_node)


class Called:
    """A density mechanism's kernel without ions, pointers and globals."""

    def __init__(self, path: str) -> None:
        entry = C.CDLL(path).hx_kernel_entry_point
        entry.restype = C.POINTER(_Kernel)
        self.kernel = entry().contents
        self.fields = [self.kernel.field[k].decode() for k in range(self.kernel.n_field)]

    def call(
        self,
        hook: str,
        columns: dict[str, np.ndarray],
        rows: np.ndarray,
        v: np.ndarray,
        consecutive: bool,
        dt: float = 0.025,
        flags: int = 0,
        hoc_exp: Callable[[float], float] = math.exp,
    ) -> Outcome:
        """Runs a hook over all instances; the columns are changed in place."""
        out = Outcome(len(v))
        pointers = (C.c_void_p * (len(self.fields) or 1))(
            *[columns[name].ctypes.data for name in self.fields]
        )
        area = np.full(len(v), 100.0)
        callback = _EXP(hoc_exp)
        args = _Args(t=1.0, dt=dt, celsius=20.0, flags=flags)
        args.column = C.cast(pointers, C.c_void_p)
        args.hoc_exp = C.cast(callback, C.c_void_p)
        given: dict[str, Any] = {
            "node_row": rows, "v": v, "area": area, "rhs": out.rhs, "d": out.d,
        }  # fmt: skip
        for name, array in given.items():
            setattr(args, name, array.ctypes.data)
        span = _Range(0, len(rows), int(consecutive))
        _HOOK(getattr(self.kernel, hook))(C.byref(args), C.byref(span))
        return out
