"""BEFORE and AFTER blocks, and GLOBALs that are assigned one number: what is lowered to what."""

import math

import pytest

from heliox_neuron.nmodl import ir, settled
from heliox_neuron.nmodl.lower import lower
from heliox_neuron.nmodl.unsupported import Unsupported

HEAD = """NEURON { SUFFIX t RANGE a, b POINTER p, q {neuron} }
PARAMETER { a = 1 }
ASSIGNED { v b c p q {assigned} }
"""


def kernel_of(blocks, neuron="", assigned=""):
    head = HEAD.replace("{neuron}", neuron).replace("{assigned}", assigned)
    return lower(head + blocks, hooks=True)


def hook_of(block):
    (hook,) = kernel_of(block).hooks
    return hook


def names(variables):
    return [variable.name for variable in variables]


def test_left_to_neuron_unless_asked_for():
    text = "NEURON { SUFFIX t RANGE a }\nASSIGNED { a }\nAFTER SOLVE { a = 1 }\n"
    assert lower(text) is None
    kernel = lower(text, hooks=True)
    assert [hook.kind for hook in kernel.hooks] == ["AFTER SOLVE"]
    assert kernel.current is None and kernel.state is None


def test_kinds_in_the_order_of_the_file_and_none_of_initial():
    kernel = kernel_of(
        "BEFORE STEP { a = 1 }\nAFTER INITIAL { a = 2 }\nBEFORE INITIAL { a = 3 }\n"
        "AFTER SOLVE { a = 4 }\nBEFORE BREAKPOINT { a = 5 }\nAFTER SOLVE { a = 6 }\n"
    )
    kinds = [hook.kind for hook in kernel.hooks]
    assert kinds == ["BEFORE STEP", "AFTER SOLVE", "BEFORE BREAKPOINT", "AFTER SOLVE"]


def test_columns():
    hook = hook_of("AFTER SOLVE { c = a*v b = c + p }")
    assert names(hook.columns.load) == ["a"]
    assert names(hook.columns.store) == ["b"]  # c is made and used up within the block
    assert names(hook.reads) == ["p"] and not hook.writes


def test_a_value_that_is_kept_from_step_to_step_is_loaded_and_stored():
    hook = hook_of("BEFORE STEP { c = c + v }")
    assert names(hook.columns.load) == names(hook.columns.store) == ["c"]


@pytest.mark.parametrize(
    ("block", "signs"),
    [
        ("p = p + a*v", {"p": "+"}),
        ("p = a*v + p", {"p": "+"}),
        ("p = p - a", {"p": "-"}),
        ("p = 0", {"p": "="}),
        ("b = q  p = p + b  q = q", None),
        ("b = a p = p + b q = q - b", {"p": "+", "q": "-"}),
        ("p = p + q", {"p": "+"}),
        ("p = p + a + b", None),
        ("p = 2*p", None),
        ("p = a - p", None),
        ("p = p + a  p = p + b", None),
        ("if (v > 0) { p = p + a }", None),
        ("p = p + p", None),
        ("p = p + a  b = p", None),
    ],
)
def test_what_is_a_sum(block, signs):
    hook = hook_of(f"AFTER SOLVE {{ {block} }}")
    if signs is None:
        assert hook.parts is None
        assert {p.name for p in hook.writes} <= {p.name for p in hook.reads}
    else:
        assert {p.name: sign for p, sign in hook.signs.items()} == signs
        assert hook.parts is not None and not set(hook.writes) & set(hook.reads)


@pytest.mark.parametrize(
    ("blocks", "neuron", "assigned", "reason"),
    [
        ("AFTER SOLVE { a = 1 }", "USEION ca WRITE cai", "cai", "writes an ion"),
        ("BREAKPOINT { i = 0 }\nAFTER SOLVE { b = i }", "USEION na WRITE ina", "ina i", "an ion"),
        ("BEFORE STEP { k = v }", "GLOBAL k", "k", "GLOBAL k"),
        ("BEFORE STEP { set() }\nPROCEDURE set() { k = v }", "GLOBAL k", "k", "GLOBAL k"),
        ("AFTER SOLVE { set() }\nPROCEDURE set() { p = v }", "", "", "pointer p is written"),
        ("BREAKPOINT { p = v }\nAFTER SOLVE { a = v }", "", "", "pointer p is written"),
        ("AFTER SOLVE {\nVERBATIM\nb = 1;\nENDVERBATIM\n}", "", "", "VERBATIM"),
    ],
)
def test_refused(blocks, neuron, assigned, reason):
    with pytest.raises(Unsupported, match=reason):
        kernel_of(blocks, neuron, assigned)


TADJ = """NEURON {{ SUFFIX t NONSPECIFIC_CURRENT i RANGE g GLOBAL q10, tadj }}
PARAMETER {{ q10 = 2.3 temp = 23 g = 1 v celsius }}
ASSIGNED {{ i tadj tau }}
STATE {{ m }}
BREAKPOINT {{ SOLVE states METHOD cnexp  i = tadj*g*m*v }}
DERIVATIVE states {{ rates(v)  m' = (1 - m)/tau }}
PROCEDURE rates(v) {{ {body} tau = 3/tadj }}
"""


def test_a_global_that_is_assigned_one_number_is_settled():
    text = TADJ.format(body="tadj = q10^((celsius - temp)/10)")
    with pytest.raises(Unsupported, match="carries a value"):
        lower(text)
    kernel = lower(text, settle=True)
    ((variable, expr),) = kernel.settled
    assert variable.name == "tadj" and variable.storage is ir.Storage.GLOBAL
    values = {"q10": 2.3, "celsius": 37.0, "temp": 23.0}
    assert settled.current(expr, lambda v: values[v.name]) == math.pow(2.3, (37.0 - 23.0) / 10.0)
    bodies = [kernel.current, kernel.state, *(f.body for f in kernel.functions)]
    assigned = {s.target.var for b in bodies for s in ir.statements(b) if isinstance(s, ir.Assign)}
    assert variable not in assigned


@pytest.mark.parametrize(
    "body",
    [
        "tadj = q10^(v/10)",
        "tadj = tadj + q10",
        "if (v > 0) { tadj = q10 } else { tadj = 2*q10 }",
        "tadj = g",
    ],
)
def test_other_globals_are_not(body):
    with pytest.raises(Unsupported, match="carries a value"):
        lower(TADJ.format(body=body), settle=True)


def test_a_number_that_cannot_be_computed_settles_nothing():
    ((_, expr),) = lower(TADJ.format(body="tadj = log(q10)"), settle=True).settled
    assert math.isnan(settled.current(expr, lambda v: -1.0))
    ((_, expr),) = lower(TADJ.format(body="tadj = exp(q10*400)"), settle=True).settled
    assert math.isnan(settled.current(expr, lambda v: 2.0))
