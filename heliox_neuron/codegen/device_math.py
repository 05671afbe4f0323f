"""Which functions of a kernel have libm's bits on the GPU, and how far the others are from it.

src/gpu/math.cuh holds glibc's algorithms. What they return is glibc's as long as glibc was compiled
from the same algorithm with the same fused multiply-adds; `check_libm` compares this machine's
libm, through Python's math module, with the digests of the device text's results.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

# Functions left to CUDA: largest error [ulp] in NVIDIA's table ("CUDA C++ Programming Guide",
# Mathematical Functions, double precision); libm's own is below 1 ulp.
INEXACT = {"tan": 2, "asin": 2, "acos": 2, "atan": 2, "atan2": 2}

# Exact below a magnitude of the argument, CUDA's from there on: (magnitude, error [ulp]).
INEXACT_BEYOND = {"sin": (105414350.0, 2), "cos": (105414350.0, 2)}

# sha256 of each function's results for samples(name); for those that end in the macro's name,
# compiled with that macro.
DIGESTS = {
    "exp": "86ce734f2ba53950274156de0c8284f6e7fe4449516aec17327fc870de7e4ffb",
    "log": "09e31d3329c7fe754b0dee55ee7b12a8549638e7cf6f45b4820dc88d75f034c7",
    "log10": "4dc3c3370b69ce6b174b10813883a3f5df537bb3938c71fcc6b3b2375b411ad1",
    "pow": "af8adac0a669396d1d8c384c02b6ed1216b3821619f12e8cf8fd1655a0360629",
    "tanh": "663e4474293e17963f67347190cece7bb92c7c83eab682238ec17783e46e6495",
    "tanh HX_PLAIN_EXPM1": "136db464523daf8d15173a3454f196f4dbd44cbeabed86c3a2a49bbd02a0411b",
    "sinh": "83114702267f92e1dddb479c5cb74d14c811076ff32fb518a6490d27b5b494a4",
    "sinh HX_PLAIN_EXPM1": "bc27920369a09483cb93890b05b2010a499adf9cac1a37e7d53bdb5ed0695fc9",
    "cosh": "3a4cac7e1fd90914b06f8c4954ed9e9fa8087fac32d9a23adc241d81237c5681",
    "cosh HX_PLAIN_EXPM1": "3a4cac7e1fd90914b06f8c4954ed9e9fa8087fac32d9a23adc241d81237c5681",
    "sin": "f20af9c98aadb57fd5727b413dc48373d5568d8c7dc42792f49fe47ff2b81b3c",
    "cos": "892af5d71f8b448de32fb1bc5e70e4494d6daffe4ab2a73bd358a0d4784bc100",
}

# Functions whose source text has a second form, by the macro that chooses it.
VARIANTS = {"HX_PLAIN_EXPM1": ("tanh", "sinh", "cosh")}

_N_SAMPLE = 8192


@dataclass(frozen=True)
class LibmCheck:
    """What `check_libm` found.

    defines: macros (without -D) for the compilation of every unit that includes math.cuh.
    inexact: functions whose bits differ from this machine's libm although math.cuh has an
    algorithm for them; the report names them beside INEXACT.
    """

    defines: tuple[str, ...]
    inexact: frozenset[str]


def _spread(n: int, low: float, high: float) -> float:
    """Weyl's sequence: points spread evenly over [low, high), the same on every machine."""
    u = 0x9E3779B97F4A7C15 * (n + 1) % 2**64
    return low + (high - low) * ((u >> 11) * 2.0**-53)


# low and high end of an even numbered and of an odd numbered sample
_RANGES = {
    "exp": ((-30.0, 30.0), (-705.0, 705.0)),
    "log": ((0.9, 1.1), (0.0, 100.0)),
    "log10": ((0.0, 2.0), (0.0, 1000.0)),
    "tanh": ((-2.0, 2.0), (-25.0, 25.0)),
    "sinh": ((-2.0, 2.0), (-25.0, 25.0)),
    "cosh": ((-2.0, 2.0), (-25.0, 25.0)),
    "sin": ((-4.0, 4.0), (-1e5, 1e5)),
    "cos": ((-4.0, 4.0), (-1e5, 1e5)),
}


def samples(name: str) -> list[tuple[float, ...]]:
    """The arguments at which a function is compared."""
    if name == "pow":
        return [
            (_spread(n, 0.0, 10.0) + 1e-9, _spread(7 * n + 3, -10.0, 10.0))
            for n in range(_N_SAMPLE)
        ]
    return [(_spread(n, *_RANGES[name][n % 2]),) for n in range(_N_SAMPLE)]


def digest(results: Iterator[float] | list[float]) -> str:
    """sha256 of doubles."""
    numbers = list(results)
    return hashlib.sha256(struct.pack(f"<{len(numbers)}d", *numbers)).hexdigest()


@cache
def check_libm() -> LibmCheck:
    """Compares libm with the device's algorithms at 8,192 arguments a function, about 20 ms."""
    found = {}
    for name in DIGESTS:
        function: Callable[..., float] = getattr(math, name.split()[0])
        if " " not in name:
            found[name] = digest(function(*arguments) for arguments in samples(name))
    defines = tuple(
        macro
        for macro, names in VARIANTS.items()
        if all(found[name] == DIGESTS[f"{name} {macro}"] for name in names)
    )
    alternatives = {name: macro for macro in defines for name in VARIANTS[macro]}
    inexact = frozenset(
        name
        for name, value in found.items()
        if value != DIGESTS[f"{name} {alternatives[name]}" if name in alternatives else name]
    )
    return LibmCheck(defines, inexact)
