"""The generated device source: golden copies of mechanisms, and NVRTC on whole models.

HELIOX_UPDATE_GOLDEN=1 writes tests/golden/device anew.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

import nvrtc
from heliox_neuron.codegen.builtins import builtin_texts
from heliox_neuron.codegen.device_entry import Entry
from heliox_neuron.codegen.device_source import DeviceSource, print_model
from heliox_neuron.codegen.device_steady import is_steady
from heliox_neuron.nmodl.lower import Kernel, lower
from heliox_neuron.nmodl.unsupported import Unsupported

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden" / "device"
DENSITY = ("hh", "pas", "gold_ions", "gold_table")
POINT = ("Exp2Syn", "IClamp")
IONS = {name: Entry(f"{name}_ion", "ion", None) for name in ("na", "k", "ca")}
# model: mechanisms in a thread's order
MODELS = {
    "hh": ("na", "k", "hh", "pas", "ExpSyn", "Exp2Syn", "IClamp", "SEClamp"),
    "channels": ("na", "k", "ca", "hxna", "hxk", "hxca", "hxcad", "hxkca", "hxih", "pas"),
    "receivers": ("ca", "pas", "hxdepress", "hxclamp", "hxtimer"),
    "hooks": ("ca", "pas", "hxstages", "hxmoment", "hxdipole", "hxchain", "hxbefore"),
}
FUSED = ("HX_THREADS=128", "HX_BLOCKS=1", "HX_TREE_METHOD=hx::tree_dhs")
# name: model, fast_imem, spread, macros
VARIANTS = {
    "fused": ("hh", True, False, FUSED),
    "v in global memory": ("hh", False, False, (*FUSED, "HX_GLOBAL_V")),
    "nodes in global memory": ("hh", False, False, (*FUSED, "HX_GLOBAL_NODES")),
    "contract": ("hh", False, False, (*FUSED[:2], "HX_TREE_METHOD=hx::tree_contract")),
    "steady": (
        "hh",
        False,
        False,
        (*FUSED[:2], "HX_TREE_METHOD=hx::tree_contract", "HX_FAST", "HX_STEADY", "HX_V_IN_SCRATCH"),
    ),
    "hines": ("hh", False, False, (*FUSED[:2], "HX_TREE_METHOD=hx::tree_hines")),
    "spread": ("channels", False, True, FUSED),
    "channels": ("channels", False, False, FUSED),
    "receivers": ("receivers", False, False, FUSED),
    "coupled": ("hh", False, False, (*FUSED, "HX_PLAN_COUPLED")),
    "hooks": ("hooks", False, False, FUSED),
    "coupled hooks": ("hooks", False, False, (*FUSED, "HX_PLAN_COUPLED")),
    "hooks in streams": ("hooks", False, False, (*FUSED, "HX_PLAN_STREAMS")),
}


@cache
def kernel_of(name: str) -> Kernel:
    for folder in ("golden/mod", "mod", "mod/hooks"):
        path = TESTS / folder / f"{name}.mod"
        if path.exists():
            text = path.read_text()
            break
    else:
        text = builtin_texts()[name]
    kernel = lower(text, receive=True, hooks=True)
    assert kernel is not None
    return kernel


def entry_of(name: str, dense: bool = False) -> Entry:
    if name in IONS:
        return IONS[name]
    kernel = kernel_of(name)
    kind = "point" if kernel.mechanism.kind != "density" else "density"
    return Entry(kernel.mechanism.name, kind, kernel, dense=dense and kind == "density")


def source_of(
    names: tuple[str, ...],
    fast_imem: bool = False,
    spread: bool = False,
    dense: bool = False,
    streams: bool = False,
) -> DeviceSource:
    entries = [entry_of(name, dense) for name in names]
    return print_model(entries, fast_imem, set(), spread, streams=streams)


@pytest.mark.parametrize("name", DENSITY + POINT)
def test_mechanism_is_the_golden_copy(name: str) -> None:
    text = source_of((*IONS, name)).text
    begin = text.index(f"// {kernel_of(name).mechanism.name}.mod, sha256")
    printed = text[begin : text.index("} // namespace", begin)] + "} // namespace\n"
    golden = GOLDEN / f"{name}.cu"
    if os.environ.get("HELIOX_UPDATE_GOLDEN"):
        golden.write_text(printed)
    assert printed == golden.read_text(), f"{golden} differs: HELIOX_UPDATE_GOLDEN=1 to accept"


def compilations():
    """Each variant for one architecture, some for all; the others only in the slow suite."""
    everywhere = ("fused", "channels", "receivers")
    for variant in VARIANTS:
        for arch in nvrtc.ARCHITECTURES:
            slow = arch != "sm_90" and variant not in everywhere
            yield pytest.param(variant, arch, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("variant", "arch"), list(compilations()))
def test_models_compile_for_the_gpu(variant: str, arch: str) -> None:
    """With the options of engines/gpu/cuda.py; NVRTC finds no header files on its own."""
    from heliox_neuron.codegen.compile import whole_source

    model, fast_imem, spread, macros = VARIANTS[variant]
    streams = "HX_PLAN_STREAMS" in macros
    text = whole_source(source_of(MODELS[model], fast_imem, spread, streams=streams).text)
    assert "#include" not in re.sub(r"#include <[^>]*>", "", text), "a header of ours is missing"
    options = tuple(f"-D{macro}" for macro in macros)
    ptx, log = nvrtc.compile(text, arch, options=options)
    assert "error" not in log
    coupled = "HX_PLAN_COUPLED" in macros
    entry = "hx_coupled" if coupled else "hx_gather" if streams else "hx_fused"
    assert f".entry {entry}(".encode() in ptx
    assert b".entry hx_prepare(" in ptx


def test_same_mechanisms_give_the_same_source() -> None:
    """One source for a set of mechanisms, however large the model: it is compiled once."""
    assert source_of(MODELS["hh"]).key == source_of(MODELS["hh"]).key
    assert source_of(MODELS["hh"]).key != source_of(MODELS["hh"][:-1]).key
    assert source_of(MODELS["hh"]).key != source_of(MODELS["hh"], fast_imem=True).key


def test_members_are_words_of_known_meaning() -> None:
    source = source_of(MODELS["channels"])
    for kind, _ in source.fields.members.values():
        assert re.fullmatch(r"(double|int|long long)\**", kind), kind
    named = re.findall(r"hx_model\.(\w+)", source.text)
    assert set(named) <= set(source.fields.members)
    keys = [key for _, key in source.fields.members.values()]
    assert len(keys) == len(set(keys))
    assert ("column", "hxna", "m") in keys
    assert source.words == 1


def test_a_uniform_column_has_one_element() -> None:
    """What no kernel stores is read through a mask that is 0 while all instances are the same."""
    text = source_of(MODELS["hh"]).text
    assert "hx_model.hh_gnabar[i & hx_model.hh_gnabar__each]" in text
    assert "hx_model.hh_m[i]" in text
    assert "hh_m__each" not in text


def test_dense_instances_need_no_index() -> None:
    names = MODELS["hh"]
    assert "hh__na_ion" in source_of(names).fields.members
    dense_ions = [
        Entry(e.name, e.kind, e.kernel, dense=e.kind != "point")
        for e in (entry_of(name, dense=True) for name in names)
    ]
    assert "hh__na_ion" not in print_model(dense_ions, False, set()).fields.members


@pytest.mark.parametrize("name", ["hxnrca"])
def test_an_order_that_the_device_cannot_keep_is_refused(name: str) -> None:
    with pytest.raises(Unsupported) as refused:
        source_of(("k", "ca", name))
    assert refused.value.code == "HX022"


@pytest.mark.parametrize("name", ["pas", "hh", "hxih", "hxca", "IClamp", "ExpSyn"])
def test_only_a_linear_current_is_steady(name: str) -> None:
    assert is_steady(kernel_of(name)) == (name == "pas")


def test_exp_is_a_function_in_large_models() -> None:
    entries = [entry_of(name, False) for name in MODELS["channels"]]
    few = print_model(entries, False, set())
    many = print_model([*entries, *entries], False, set())
    assert "#define HX_EXP_CALL" not in few.text
    assert "#define HX_EXP_CALL" in many.text
