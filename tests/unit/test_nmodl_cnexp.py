"""METHOD cnexp against nocmodl itself: the same tree, operation by operation.

nocmodl's C expression and ours are both read by Python's parser, whose rules for + - * / and unary
minus are those of C, and compared as trees.
"""

from __future__ import annotations

import ast
import os
import random
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from heliox_neuron.nmodl import cnexp, ir, lower, source
from heliox_neuron.nmodl.unsupported import Unsupported

FIXED = [
    "(a - x)/b",
    "-x/b",
    "-(x)",
    "a*(1 - x) - b*x",
    "(a - (a + b)*x)*c",
    "a - b",
    "-(10000)*(a*b/(2*c)) - (x - b)/c",
    "-x*f(a)/b + f(b)*2",
    "0 - x*(a + 1)*0 + 3",
    "a/b/c*x - x",
    "(-a*-x)",
    "a - (b - (c - x))",
    "pow(2, a)*(b - x)",
    "(a - x)*0.0",
    "x",
    "(x + a)*(b*c) + x/b/c",
]


def mod(equations: list[str]) -> str:
    states = " ".join(f"x{k}q" for k in range(len(equations)))
    body = "\n".join(
        f"    x{k}q' = " + re.sub(r"\bx\b", f"x{k}q", equation)
        for k, equation in enumerate(equations)
    )
    return (
        "NEURON { SUFFIX oracle RANGE a, b, c }\n"
        f"PARAMETER {{ a = 1 b = 2 c = 3 }}\nSTATE {{ {states} }}\n"
        "BREAKPOINT { SOLVE states METHOD cnexp }\n"
        f"DERIVATIVE states {{\n{body}\n}}\n"
        "FUNCTION f(y) { f = 2*y }\n"
    )


def random_equation(rng: random.Random) -> str:
    """Linear in x by construction."""

    def free(depth: int) -> str:
        if depth == 0:
            return rng.choice(["a", "b", "c", "2", "0.5", "-a", "f(a)", "0"])
        op = rng.choice(["+", "-", "*", "/"])
        form = rng.choice(["{}{}{}", "({}{}{})", "-({}{}{})"])
        return form.format(free(depth - 1), op, free(depth - 1))

    def linear(depth: int) -> str:
        if depth == 0:
            return rng.choice(["x", "-x", "(x)"])
        kind = rng.randrange(6)
        inner = linear(depth - 1)
        if kind == 0:
            return f"({inner}){rng.choice('+-')}{free(1)}"
        if kind == 1:
            return f"{free(1)}{rng.choice('+-')}({inner})"
        if kind == 2:
            return f"({inner})*({free(1)})"
        if kind == 3:
            return f"({free(1)})*({inner})"
        if kind == 4:
            return f"({inner})/{rng.choice('abc')}"
        return f"({inner}){rng.choice('+-')}{linear(depth - 1)}"

    return linear(rng.randrange(1, 4))


def nocmodl(text: str, folder: Path) -> list[str]:
    """The right-hand sides of the cnexp lines of nocmodl's output."""
    data = source.neuron_data()
    binary = data / "bin" / "nocmodl"
    if not binary.exists():
        pytest.skip("this NEURON has no nocmodl")
    (folder / "oracle.mod").write_text(text)
    environment = dict(os.environ, NMODLHOME=str(data))
    environment["LD_LIBRARY_PATH"] = str(data / "lib")
    library = Path(sysconfig.get_config_var("LIBDIR")) / str(sysconfig.get_config_var("LDLIBRARY"))
    if library.exists():
        environment["NMODL_PYLIB"] = str(library)
    done = subprocess.run(
        [str(binary), "oracle.mod", "-o", "."], cwd=folder, env=environment, capture_output=True
    )
    if done.returncode:
        pytest.skip(f"nocmodl does not run here: {done.stderr.decode()[-300:]}")
    printed = (folder / "oracle.cpp").read_text()
    block = printed[printed.index("/*END CVODE*/") :]
    found = re.findall(r"^\s*x\d+q = (.*?) ;\s*$", block, re.MULTILINE)
    return [re.sub(r"_threadargscomma_", "", line) for line in found]


def text(expr: ir.Expr) -> str:
    """An expression as Python, all in parentheses."""
    if isinstance(expr, ir.Number):
        return expr.text
    if isinstance(expr, ir.Ref):
        return expr.var.name
    if isinstance(expr, ir.Negate):
        return f"(-{text(expr.operand)})"
    if isinstance(expr, ir.Call):
        return f"{expr.name}({', '.join(text(a) for a in expr.args)})"
    assert isinstance(expr, ir.Binary)
    return f"({text(expr.left)} {expr.op} {text(expr.right)})"


def tree(code: str) -> object:
    """The tree of an expression, signs taken out of products: (-a)/b and -(a/b) are one double."""
    return normal(ast.parse(code.strip(), mode="eval").body)


def normal(node: ast.expr) -> tuple[int, object]:
    if isinstance(node, ast.UnaryOp):
        sign, rest = normal(node.operand)
        return -sign, rest
    if isinstance(node, ast.BinOp):
        (one, left), (two, right) = normal(node.left), normal(node.right)
        op = type(node.op).__name__
        if op in ("Mult", "Div"):
            return one * two, (op, left, right)
        return 1, (op, (one, left), (two, right))
    if isinstance(node, ast.Call):
        return 1, (ast.dump(node.func), [normal(argument) for argument in node.args])
    return 1, ast.dump(node)


def check(equations: list[str], folder: Path) -> None:
    given = mod(equations)
    mechanism = lower.read(given)
    cnexp.solve(mechanism)
    ours = [s.value for s in mechanism.functions["states"].body if isinstance(s, ir.Assign)]
    theirs = nocmodl(given, folder)
    assert len(ours) == len(theirs) == len(equations)
    for equation, one, other in zip(equations, ours, theirs, strict=True):
        assert tree(text(one)) == tree(other), f"{equation}: {text(one)} is not {other}"


def test_forms_of_real_models(tmp_path: Path) -> None:
    check(FIXED, tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_random_equations(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    check([random_equation(rng) for _ in range(40)], tmp_path)


@pytest.mark.parametrize("equation", ["-x*x", "a/x", "f(x)", "exp(-x)", "a*2^b - x", "(x*a)*(x+b)"])
def test_not_linear(equation: str) -> None:
    mechanism = lower.read(mod([equation]))
    with pytest.raises(Unsupported) as caught:
        cnexp.solve(mechanism)
    assert caught.value.code == "HX022"
    assert caught.value.line == 6


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
