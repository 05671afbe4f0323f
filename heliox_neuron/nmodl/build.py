"""Pass 2: the blocks of a MOD file become statements whose names are resolved.

Assumes declarations.declare has run. Statements that have no node of their own become Opaque with
the names they mention, so that this pass accepts every file that the parser accepts.
"""

from __future__ import annotations

import re
from typing import Any

from . import ir
from .ir import Expr, Function, Hook, Mechanism, Statement, Storage, Variable
from .source import Lines, unparse

_EQUATIONS = {
    "DerivativeBlock": "DERIVATIVE",
    "KineticBlock": "KINETIC",
    "LinearBlock": "LINEAR",
    "NonLinearBlock": "NONLINEAR",
    "DiscreteBlock": "DISCRETE",
}
_HOOKS = {
    "InitialBlock": "INITIAL",
    "BreakpointBlock": "BREAKPOINT",
    "NetReceiveBlock": "NET_RECEIVE",
    "ConstructorBlock": "CONSTRUCTOR",
    "DestructorBlock": "DESTRUCTOR",
    "BeforeBlock": "BEFORE",
    "AfterBlock": "AFTER",
}
_SILENT = {"UnitState", "LineComment", "BlockComment", "MutexLock", "MutexUnlock", "TableStatement"}
_COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}
_WORD = re.compile(r"[A-Za-z_]\w*")


def build(program: Any, mechanism: Mechanism) -> Mechanism:
    """Fills functions, hooks and tables of the mechanism."""
    _Builder(mechanism).read(program)
    return mechanism


class _Builder:
    def __init__(self, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        self.lines = Lines(mechanism.text)
        self.scopes: list[dict[str, Variable]] = []
        self.user: set[str] = set()

    def read(self, program: Any) -> None:
        for block in program.blocks:
            if type(block).__name__ in ("FunctionBlock", "ProcedureBlock", "FunctionTableBlock"):
                self.user.add(block.get_node_name())
        self._usetable(program)
        for block in program.blocks:
            kind = type(block).__name__
            if kind in ("FunctionBlock", "ProcedureBlock"):
                self._function(block, kind)
            elif kind == "FunctionTableBlock":
                name = block.get_node_name()
                line = self.lines.find("FUNCTION_TABLE", name)
                self.mechanism.functions[name] = Function(
                    name, "FUNCTION_TABLE", [], None, [], line
                )
            elif kind in _EQUATIONS:
                self._equations(block, _EQUATIONS[kind])
            elif kind in _HOOKS:
                self._hook(block, _HOOKS[kind])
            elif kind == "Verbatim":
                # C at file level: functions and includes, reached only through other VERBATIM
                pass

    def _usetable(self, program: Any) -> None:
        if "TABLE" in self.mechanism.text and "usetable" not in self.mechanism.variables:
            self.mechanism.variables["usetable"] = Variable("usetable", Storage.GLOBAL)

    # ---- blocks ----

    def _arguments(self, block: Any) -> list[Variable]:
        return [Variable(p.get_node_name(), Storage.ARGUMENT) for p in block.parameters]

    def _function(self, block: Any, kind: str) -> None:
        name = block.get_node_name()
        keyword = "FUNCTION" if kind == "FunctionBlock" else "PROCEDURE"
        line = self.lines.find(keyword, name)
        arguments = self._arguments(block)
        result = Variable(name, Storage.RESULT) if keyword == "FUNCTION" else None
        scope = {argument.name: argument for argument in arguments}
        if result is not None:
            scope[name] = result
        self.scopes = [scope]
        function = Function(name, keyword, arguments, result, [], line)
        for statement in block.statement_block.statements:
            if type(statement).__name__ == "TableStatement":
                function.table = self._table(statement, function)
                self.mechanism.tables.append(function.table)
        function.body = self._body(block.statement_block)
        self.mechanism.functions[name] = function

    def _table(self, statement: Any, function: Function) -> ir.Table:
        names = [self._lookup(v.get_node_name()) for v in statement.table_vars]
        if function.result is not None:
            names = [function.result]
        return ir.Table(
            function.name,
            names,
            [ir.Ref(self._lookup(v.get_node_name())) for v in statement.depend_vars],
            self._expr(getattr(statement, "from")),
            self._expr(statement.to),
            int(statement.with_ if hasattr(statement, "with_") else _integer(statement, "with")),
            len(self.mechanism.tables),
        )

    def _equations(self, block: Any, kind: str) -> None:
        name = block.get_node_name()
        line = self.lines.find(kind, name)
        self.scopes = [{}]
        body = self._body(block.statement_block)
        self.mechanism.functions[name] = Function(name, kind, [], None, body, line)

    def _hook(self, block: Any, kind: str) -> None:
        arguments: list[Variable] = []
        if kind in ("BEFORE", "AFTER"):
            block = block.bablock
            what = unparse(block.type).strip()
            line = self.lines.find(kind, what)
            kind = f"{kind} {what}"
        else:
            line = self.lines.find(kind)
        if kind == "NET_RECEIVE":
            arguments = [*self._arguments(block), Variable("flag", Storage.ARGUMENT)]
        self.scopes = [{argument.name: argument for argument in arguments}]
        body = self._body(block.statement_block)
        self.mechanism.hooks.append(Hook(kind, arguments, body, line))

    # ---- statements ----

    def _body(self, block: Any) -> list[Statement]:
        self.scopes.append({})
        out: list[Statement] = []
        for statement in block.statements:
            out += self._statement(statement)
        self.scopes.pop()
        return out

    def _statement(self, node: Any) -> list[Statement]:
        kind = type(node).__name__
        if kind in ("ExpressionStatement", "WrappedExpression"):
            return self._statement(node.expression)
        if kind in _SILENT:
            return []
        handler = getattr(self, f"_s_{kind}", None)
        statement = handler(node) if handler is not None else self._opaque(node, kind)
        return [statement]

    def _s_BinaryExpression(self, node: Any) -> Statement:
        if node.op.eval() != "=":
            return self._opaque(node, "expression")
        target = self._expr(node.lhs)
        name = node.lhs.get_node_name()
        indexed = isinstance(target, ir.Ref) and target.index is not None
        line = self.lines.find(name, "[" if indexed else "=")
        if not isinstance(target, ir.Ref):
            return self._opaque(node, "assignment", line)
        return ir.Assign(target, self._expr(node.rhs), line=line)

    def _s_DiffEqExpression(self, node: Any) -> Statement:
        equation = node.expression
        name = equation.lhs.name
        line = self.lines.find(f"{name.get_node_name()}'")
        if type(name).__name__ != "PrimeName" or name.order.eval() != 1:
            return self._opaque(node, "higher derivative", line)
        return ir.DiffEq(
            ir.Ref(self._lookup(name.get_node_name())), self._expr(equation.rhs), line=line
        )

    def _s_FunctionCall(self, node: Any) -> Statement:
        line = self.lines.find(node.name.get_node_name(), "(")
        call = self._expr(node)
        assert isinstance(call, ir.Call)
        if call.name == "net_send" and len(call.args) == 2:
            return ir.NetSend(call, self._after_t(node.arguments[0]), line=line)
        return ir.CallStatement(call, line=line)

    def _s_IfStatement(self, node: Any) -> Statement:
        line = self.lines.find("if", "(")
        condition = self._expr(node.condition)
        then = self._body(node.get_statement_block())
        branches = []
        for branch in node.elseifs:
            at = self.lines.find("if", "(")
            branches.append(
                (at, self._expr(branch.condition), self._body(branch.get_statement_block()))
            )
        otherwise = [] if node.elses is None else self._body(node.elses.get_statement_block())
        for at, test, body in reversed(branches):
            otherwise = [ir.If(test, body, otherwise, line=at)]
        return ir.If(condition, then, otherwise, line=line)

    def _s_WhileStatement(self, node: Any) -> Statement:
        line = self.lines.find("while", "(")
        return ir.While(
            self._expr(node.condition), self._body(node.get_statement_block()), line=line
        )

    def _s_FromStatement(self, node: Any) -> Statement:
        line = self.lines.find("from")
        index = Variable(node.name.get_node_name(), Storage.INDEX)
        first, last = self._expr(getattr(node, "from")), self._expr(node.to)
        step = ir.Number("1") if node.increment is None else self._expr(node.increment)
        self.scopes.append({index.name: index})
        body = self._body(node.statement_block)
        self.scopes.pop()
        return ir.From(index, first, last, step, body, line=line)

    def _s_StatementBlock(self, node: Any) -> Statement:
        return ir.Scope(self._body(node))

    def _s_LocalListStatement(self, node: Any) -> Statement:
        line = self.lines.find("LOCAL")
        variables = []
        for declared in node.variables:
            dim = 0
            if type(declared.name).__name__ == "IndexedName":
                dim = int(declared.name.length.eval())
            variable = Variable(declared.get_node_name(), Storage.LOCAL, dim=dim)
            self.scopes[-1][variable.name] = variable
            variables.append(variable)
        return ir.Local(variables, line=line)

    def _s_SolveBlock(self, node: Any) -> Statement:
        name = node.block_name.get_node_name()
        line = self.lines.find("SOLVE", name)
        method = node.method or node.steadystate
        return ir.Solve(
            name,
            "" if method is None else method.get_node_name(),
            node.steadystate is not None,
            line=line,
        )

    def _s_ConductanceHint(self, node: Any) -> Statement:
        line = self.lines.find("CONDUCTANCE")
        ion = "" if node.ion is None else node.ion.get_node_name()
        conductance = ir.Ref(self._lookup(node.conductance.get_node_name()))
        return ir.Conductance(conductance, ion, line=line)

    def _s_Verbatim(self, node: Any) -> Statement:
        text = unparse(node)
        return ir.Opaque("VERBATIM", self._mentioned(text), text, line=self.lines.find("VERBATIM"))

    def _s_InitialBlock(self, node: Any) -> Statement:
        self.lines.find("INITIAL")
        return ir.NetInitial(self._body(node.statement_block))

    def _s_WatchStatement(self, node: Any) -> Statement:
        line = self.lines.find("WATCH")
        clauses = [(self._expr(w.expression), self._expr(w.value)) for w in node.statements]
        names = self._mentioned(unparse(node))
        return ir.Watch("WatchStatement", names, clauses=clauses, line=line)

    def _opaque(self, node: Any, construct: str, line: int = 0) -> Statement:
        text = unparse(node)
        words = _WORD.findall(text)
        if not line and words:
            line = self.lines.find(words[0])
        return ir.Opaque(construct, self._mentioned(text), line=line)

    def _mentioned(self, text: str) -> list[Variable]:
        found: dict[str, Variable] = {}
        for word in _WORD.findall(text):
            for candidate in (word, word.removeprefix("_l"), word.removeprefix("_ion_")):
                variable = self._find(candidate)
                if variable is not None:
                    found[candidate] = variable
        return list(found.values())

    # ---- expressions ----

    def _expr(self, node: Any) -> Expr:
        kind = type(node).__name__
        if kind in ("WrappedExpression", "ParenExpression"):
            return self._expr(node.expression)
        if kind == "VarName":
            if node.at is not None:
                return ir.Call("@", ())
            return self._expr(node.name)
        if kind == "PrimeName":  # y' in an expression: NEURON's column Dy
            return ir.Ref(Variable(f"{node.get_node_name()}'", Storage.UNKNOWN))
        if kind in ("Name", "LocalVar"):
            return ir.Ref(self._lookup(node.get_node_name()))
        if kind == "IndexedName":
            return ir.Ref(self._lookup(node.get_node_name()), self._expr(node.length))
        if kind == "DoubleUnit":
            return self._expr(node.value)
        if kind in ("Double", "Float"):
            return ir.Number(_real(str(node.value)))
        if kind == "Integer":
            return ir.Number(_real(str(node.value)))
        if kind == "String":
            return ir.Text(str(node.value))
        if kind == "UnaryExpression":
            operand = self._expr(node.expression)
            return ir.Negate(operand) if node.op.eval() == "-" else ir.Not(operand)
        if kind == "BinaryExpression":
            return self._binary(node)
        if kind == "FunctionCall":
            name = node.name.get_node_name()
            return ir.Call(name, tuple(self._expr(a) for a in node.arguments), name in self.user)
        return ir.Call(kind, ())

    def _binary(self, node: Any) -> Expr:
        return _operation(node.op.eval(), self._expr(node.lhs), self._expr(node.rhs))

    def _after_t(self, node: Any) -> Expr:
        """The text `t + node`: what binds as loosely as + inside node takes the sum as operand."""
        kind = type(node).__name__
        if kind == "WrappedExpression":
            return self._after_t(node.expression)
        if kind == "BinaryExpression" and node.op.eval() not in ("*", "/", "^"):
            return _operation(node.op.eval(), self._after_t(node.lhs), self._expr(node.rhs))
        return ir.Binary("+", ir.Ref(self.mechanism.variables["t"]), self._expr(node))

    def _find(self, name: str) -> Variable | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return self.mechanism.variables.get(name)

    def _lookup(self, name: str) -> Variable:
        variable = self._find(name)
        if variable is None:
            variable = Variable(name, Storage.UNKNOWN)
            self.mechanism.variables[name] = variable
        return variable


def _operation(op: str, left: Expr, right: Expr) -> Expr:
    if op in _COMPARISONS:
        return ir.Compare(op, left, right)
    if op in ("&&", "||"):
        return ir.Logical(op, left, right)
    return ir.Binary(op, left, right)


def _real(text: str) -> str:
    """nocmodl prints integers of an expression with `.0`."""
    return text if any(c in text for c in ".eE") else f"{text}.0"


def _integer(node: Any, attribute: str) -> int:
    return int(getattr(node, attribute).eval())
