"""The generated sources of ten mechanisms, kept in this folder and reviewed as diffs.

HELIOX_UPDATE_GOLDEN=1 writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILTIN = ("hh", "pas", "ExpSyn", "Exp2Syn", "IClamp", "SEClamp")
OURS = ("gold_ions", "gold_rates", "gold_table", "gold_point")


def text_of(name: str) -> str:
    if name in OURS:
        return (HERE / "mod" / f"{name}.mod").read_text()
    from heliox_neuron.codegen.builtins import builtin_texts

    return builtin_texts()[name]


@pytest.mark.parametrize("name", BUILTIN + OURS)
def test_generated_source(name: str) -> None:
    from heliox_neuron.codegen.cpp import print_kernel
    from heliox_neuron.nmodl.lower import lower

    kernel = lower(text_of(name))
    assert kernel is not None
    printed = print_kernel(kernel)
    golden = HERE / f"{name}.cpp"
    if os.environ.get("HELIOX_UPDATE_GOLDEN"):
        golden.write_text(printed)
    assert printed == golden.read_text(), f"{golden} differs: HELIOX_UPDATE_GOLDEN=1 to accept"
