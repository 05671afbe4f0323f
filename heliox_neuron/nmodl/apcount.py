"""NEURON's APCount without VERBATIM: its test in NMODL.

What the C code does besides, filling the Vector of `APCount.record`, is left to whoever runs the
translated file (engines/gpu/counted.py).
"""

from __future__ import annotations

import hashlib
import re

NAME = "APCount"

_C = "12d533be5208e57ac8862f81487568c17fbe2e8d6e785257f43c655ddd3f0067"  # of NEURON 9.0's words
_NMODL = """
    if (v >= thresh && firing == 0) {
        firing = 1
        time = t
        n = n + 1.
    }
    if (firing != 0 && v < thresh && t > time) {
        firing = 0
    }
"""
_CHECK = re.compile(r"(PROCEDURE check\(\) \{)\s*VERBATIM(.*?)ENDVERBATIM\s*\}", re.DOTALL)


def _digest(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def without_verbatim(text: str) -> str:
    """The text with NMODL in place of the C code of NEURON 9; another text as it is."""
    found = _CHECK.search(text)
    if found is None or _digest(found[2]) != _C:
        return text
    return f"{text[: found.start()]}{found[1]}{_NMODL}}}{text[found.end() :]}"
