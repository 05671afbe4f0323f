"""The passes: names, lines, units, liveness, uniformity, and what is refused with which code."""

from __future__ import annotations

import pytest

from heliox_neuron.nmodl import ir
from heliox_neuron.nmodl.ir import Storage
from heliox_neuron.nmodl.lower import Kernel, lower, read
from heliox_neuron.nmodl.unsupported import Unsupported

HEAD = "NEURON {{ SUFFIX t {} }}\n"


def kernel(neuron: str, rest: str) -> Kernel:
    found = lower(HEAD.format(neuron) + rest)
    assert found is not None
    return found


def refusal(neuron: str, rest: str) -> Unsupported:
    with pytest.raises(Unsupported) as caught:
        lower(HEAD.format(neuron) + rest)
    return caught.value


CURRENT = "NONSPECIFIC_CURRENT i RANGE g, e"
DECLARED = "PARAMETER { g = 1 e = -70 q = 3 } ASSIGNED { v i x y }\n"


def test_storage_classes() -> None:
    mechanism = read(
        HEAD.format("USEION na READ ena WRITE ina RANGE g, w GLOBAL tau POINTER p")
        + "UNITS { F = (faraday) (coulomb) }\nPARAMETER { g = 1 base = 2 }\nLOCAL file\n"
        "ASSIGNED { v ena ina w p tau hidden celsius }\nSTATE { m }\n"
        "BREAKPOINT { LOCAL a a = base ina = g*m*(v - ena)*a }\n"
    )
    storage = {name: variable.storage for name, variable in mechanism.variables.items()}
    assert storage["g"] is Storage.FIELD
    assert storage["base"] is storage["tau"] is Storage.GLOBAL
    assert storage["ena"] is storage["ina"] is Storage.ION
    assert storage["p"] is Storage.POINTER
    assert storage["file"] is Storage.FILE_LOCAL
    assert storage["celsius"] is Storage.CELSIUS
    assert mechanism.variables["hidden"].visible is False
    assert mechanism.variables["m"].visible and mechanism.variables["m"].state


@pytest.mark.parametrize(
    ("units", "value"),
    [
        ("(faraday) (coulomb)", "0x1.78e555060882cp+16"),
        ("(faraday) (kilocoulombs)", "0x1.81f0fae775425p+6"),
        ("(k-mole) (joule/degC)", "0x1.0a1013e8990bep+3"),
        ("(pi) (1)", "0x1.921fb54442d18p+1"),
        ("96485 (coul)", "96485"),
    ],
)
def test_units_are_those_of_nocmodl(units: str, value: str) -> None:
    mechanism = read(HEAD.format("") + f"UNITS {{ X = {units} }}\n")
    printed = mechanism.variables["X"].value
    assert printed == value or float.fromhex(printed) == float.fromhex(value)


def test_lines() -> None:
    mechanism = read(
        "TITLE x = 1\nCOMMENT\nx = 2\nENDCOMMENT\nNEURON { SUFFIX t }\nASSIGNED { x }\n"
        "PROCEDURE p() { : x = 3\n    x = 4\n\n    if (x > 1) {\n        x = 5\n    }\n}\n"
    )
    lines = [s.line for s in ir.statements(mechanism.functions["p"].body)]
    assert lines == [8, 10, 11]


def test_hidden_columns_stay_local() -> None:
    found = kernel(CURRENT, DECLARED + "BREAKPOINT { x = v - e  i = g*x }\n")
    assert found.columns.current is not None
    assert [v.name for v in found.columns.current.load] == ["g", "e"]
    assert [v.name for v in found.columns.current.store] == ["i"]
    assert {v.name for v in found.columns.lean} == {"i"}


def test_hidden_column_that_net_receive_reads() -> None:
    found = lower(
        "NEURON { POINT_PROCESS t NONSPECIFIC_CURRENT i RANGE g, e }\n"
        + DECLARED
        + "BREAKPOINT { x = v - e  i = g*x }\nNET_RECEIVE (w) { g = g + w*x }\n"
    )
    assert found is not None and found.columns.current is not None
    assert "x" in [v.name for v in found.columns.current.store]
    assert "x" not in {v.name for v in found.columns.lean}


def test_column_that_verbatim_mentions_is_not_lean() -> None:
    found = kernel(
        CURRENT,
        DECLARED + "BREAKPOINT { i = g*(v - e) }\n"
        'PROCEDURE show() {\nVERBATIM\n  printf("%g", i);\nENDVERBATIM\n}\n',
    )
    assert not found.columns.lean


def test_partly_written_column_is_loaded() -> None:
    found = kernel(
        "NONSPECIFIC_CURRENT i RANGE g, e, x",
        DECLARED + "BREAKPOINT { if (v > 0) { x = v }  i = g*(v - e) }\n",
    )
    assert found.columns.current is not None
    assert "x" in [v.name for v in found.columns.current.load]
    assert "x" not in {v.name for v in found.columns.lean}


def test_uniform_calls_are_hoisted() -> None:
    found = kernel(
        CURRENT,
        DECLARED + "BREAKPOINT { LOCAL a, b\n a = q^((celsius - 6.3)/10)\n b = a*2.3^1.3\n"
        " i = g*a*b*(v - e) }\n",
    )
    assert len(found.shared) == 1
    assert found.current is not None
    local = next(s for s in found.current if isinstance(s, ir.Local))
    assert not set(local.variables) & found.uniformity.varying


def test_no_kernel_is_needed() -> None:
    assert lower("NEURON { ARTIFICIAL_CELL t }\nNET_RECEIVE (w) { net_event(t) }\n") is None
    assert lower(HEAD.format("RANGE a") + "PARAMETER { a = 1 }\n") is None


BREAKPOINT = "BREAKPOINT { SOLVE s METHOD %s  i = g*(v - e) }\n"
REFUSED = [
    ("GLOBAL q", "BREAKPOINT { q = q + 1  i = g*(v - e) }\n", "HX022", "q carries a value", 0),
    ("POINTER x", "BREAKPOINT { x = v  i = g*(v - e) }\n", "HX022", "pointer x is written", 3),
    (
        "",
        "BREAKPOINT {\n i = g*(v - e)\n VERBATIM\n i = 1;\n ENDVERBATIM\n}\n",
        "HX021",
        "VERBATIM",
        5,
    ),
    (
        "",
        "STATE { a b }\n" + BREAKPOINT % "sparse" + "KINETIC s { ~ a <-> b (1, 2) }\n",
        "HX022",
        "KINETIC with METHOD sparse",
        4,
    ),
    (
        "",
        "STATE { a }\n" + BREAKPOINT % "euler" + "DERIVATIVE s { a' = -a*a }\n",
        "HX022",
        "DERIVATIVE with METHOD euler",
        4,
    ),
    (
        "",
        "STATE { a }\n" + BREAKPOINT % "cnexp" + "DERIVATIVE s {\n a' = -a*a }\n",
        "HX022",
        "not linear",
        6,
    ),
    ("", "FUNCTION_TABLE f(x)\nBREAKPOINT { i = f(v) }\n", "HX022", "FUNCTION_TABLE f", 4),
    ("", "BREAKPOINT { i = scop_random() }\n", "HX022", "scop_random()", 3),
    ("", "BREAKPOINT { i = g*diam*v }\n", "HX022", "diam", 3),
    ("", "BREAKPOINT { i = f(v) }\nFUNCTION f(a) { f = f(a) }\n", "HX022", "calls itself", 4),
    ("", "LOCAL k\nBREAKPOINT { i = k*v  k = v }\n", "HX022", "LOCAL k", 0),
]


@pytest.mark.parametrize(("neuron", "rest", "code", "reason", "line"), REFUSED)
def test_refused(neuron: str, rest: str, code: str, reason: str, line: int) -> None:
    found = refusal(f"{CURRENT} {neuron}", DECLARED + rest)
    assert (found.code, found.line) == (code, line), found
    assert reason in found.reason


def test_parser_error_has_its_line() -> None:
    with pytest.raises(Unsupported) as caught:
        lower("NEURON { SUFFIX t }\nBREAKPOINT { i = = }\n")
    assert caught.value.code == "HX024"
    assert caught.value.line == 2


HARMLESS = ["return 0;", "return;", "/* nothing */", "// nothing"]


@pytest.mark.parametrize("code", HARMLESS)
def test_harmless_verbatim(code: str) -> None:
    found = kernel(
        CURRENT,
        DECLARED + "BREAKPOINT { p()  i = g*(v - e) }\n"
        f"PROCEDURE p() {{\n x = 1\n VERBATIM\n {code}\n ENDVERBATIM\n}}\n",
    )
    assert found.current is not None


def test_verbatim_elsewhere_does_not_matter() -> None:
    kernel(
        CURRENT,
        DECLARED + "BREAKPOINT { i = g*(v - e) }\nINITIAL {\n VERBATIM\n x = 1;\n ENDVERBATIM\n}\n",
    )
