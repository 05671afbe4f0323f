"""Pass 6: FUNCTION and PROCEDURE with TABLE become a lookup beside the original.

`rates(v)` keeps its name and becomes a TableLookup; what was its body is the function `_f_rates`,
which makes the table and serves usetable = 0. Assumes supported.check has judged the tables.
"""

from __future__ import annotations

from .ir import Function, Mechanism, Ref, TableLookup


def lower(mechanism: Mechanism, functions: list[Function]) -> list[Function]:
    """The reachable functions with the originals added, callees before callers."""
    out: list[Function] = []
    for function in functions:
        if function.table is None:
            out.append(function)
            continue
        original = Function(
            f"_f_{function.name}",
            function.kind,
            function.arguments,
            function.result,
            function.body,
            function.line,
        )
        mechanism.functions[original.name] = original
        function.body = [
            TableLookup(function.table, Ref(function.arguments[0]), line=function.line)
        ]
        out += [original, function]
    for number, function in enumerate(f for f in out if f.table is not None):
        assert function.table is not None
        function.table.number = number
    return out
