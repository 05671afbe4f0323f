"""NEURON's APCount without VERBATIM: its test in NMODL.

What the C code does besides, filling the Vector of `APCount.record`, is left to whoever runs the
translated file (engines/gpu/counted.py).
"""

from __future__ import annotations

import re

NAME = "APCount"

_C = """
if (v >= thresh && !firing) {
    int size; double* px;
    firing = 1;
    time = t;
    n += 1.;
    if (auto* vv = *reinterpret_cast<IvocVect**>(&space)) {
        size = (int)n;
        vector_resize(vv, size);
        px = vector_vec(vv);
        px[size-1] = time;
    }
}
if (firing && v < thresh && t > time) {
    firing = 0;
}
"""
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


def without_verbatim(text: str) -> str:
    """The text with NMODL in place of the C code of NEURON 9; another text as it is."""
    found = _CHECK.search(text)
    if found is None or found[2].split() != _C.split():
        return text
    return f"{text[: found.start()]}{found[1]}{_NMODL}}}{text[found.end() :]}"
