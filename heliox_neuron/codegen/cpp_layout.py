"""Which columns, ions, pointers and globals a kernel binds, and in which order."""

from __future__ import annotations

from ..nmodl import ir
from ..nmodl.ir import Storage, Variable
from ..nmodl.lower import Kernel

_COLUMNS = {Storage.FIELD, Storage.ION}


class Layout:
    """The orders that hx_kernel announces and hx_args follows.

    fields: bound columns. hidden: members of Instance without a column. copies: ion variables that
    are members. lean_fields: the bound columns that are lean.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        mechanism = kernel.mechanism
        received = None if kernel.receive is None else kernel.receive.columns
        used = (kernel.columns.current, kernel.columns.state, received)
        columns = [c for c in used if c is not None]
        columns += [hook.columns for hook in kernel.hooks]
        bound = {v for c in columns for v in [*c.load, *c.store]}
        if kernel.receive is not None:
            bound |= {v for watched in kernel.receive.watched for v in watched.load}
        mentioned = _mentioned(kernel)
        table_reads = self._table_fields(kernel)
        bound |= table_reads
        order = list(mechanism.variables.values())
        self.fields = [v for v in order if v in bound]
        self.stored = {v for c in columns for v in c.store}
        self.lean_fields = [v for v in self.fields if v in kernel.columns.lean]
        self.copies = [v for v in order if v.storage is Storage.ION and v not in bound]
        self.hidden = [
            v
            for v in order
            if v in mentioned
            and v.storage in (Storage.FIELD, Storage.FILE_LOCAL, Storage.WRITTEN_GLOBAL)
            and v not in bound
        ]
        self.pointers = [v for v in mechanism.pointers if v in mentioned]
        self.globals = [
            v
            for v in order
            if v in mentioned and v.storage in (Storage.GLOBAL, Storage.WRITTEN_GLOBAL)
        ]
        self.needs_area = any(v.storage is Storage.AREA for v in mentioned)
        self.constants = [v for v in order if v in mentioned and v.storage is Storage.CONSTANT]
        self.tables = [f.table for f in kernel.functions if f.table is not None]
        usetable = mechanism.variables.get("usetable")
        if self.tables and usetable is not None and usetable not in self.globals:
            self.globals.append(usetable)

    def field_index(self, variable: Variable) -> int:
        return self.fields.index(variable)

    def ion_index(self, name: str) -> int:
        return next(k for k, ion in enumerate(self.kernel.mechanism.ions) if ion.name == name)

    def ions_used(self, hook: str) -> list[int]:
        """The ions whose rows a hook needs: "current", "state", "receive" or "hook_k"."""
        ions = self.kernel.mechanism.ions
        receive = self.kernel.receive
        if hook == "receive" and receive is not None:
            names = {v.ion for v in [*receive.columns.copied, *receive.ion_store]}
            return [k for k, ion in enumerate(ions) if ion.name in names]
        if hook.startswith("hook_"):
            names = {v.ion for v in self.kernel.hooks[int(hook[5:])].columns.copied}
            return [k for k, ion in enumerate(ions) if ion.name in names]
        columns = self.kernel.columns
        used = columns.current if hook == "current" else columns.state
        assert used is not None
        out = []
        for k, ion in enumerate(ions):
            reads = any(v.ion == ion.name for v in used.copied)
            writes = any(hook == "current" or v.column != 3 for v in ion.write)
            if reads or writes:
                out.append(k)
        return out

    def global_name(self, variable: Variable) -> str:
        """hoc's name: with the suffix of the mechanism."""
        return f"{variable.name}_{self.kernel.mechanism.name}"

    def table_offset(self, number: int) -> int:
        """First double of a table's block: made, start, scale, then DEPEND values, then rows."""
        return sum(self._table_size(table) for table in self.tables[:number])

    def table_rows(self, number: int) -> int:
        """First double of the tabulated values."""
        return self.table_offset(number) + 3 + len(self.tables[number].depend)

    def table_size(self) -> int:
        return self.table_offset(len(self.tables))

    @staticmethod
    def _table_size(table: ir.Table) -> int:
        return 3 + len(table.depend) + len(table.names) * (table.n + 1)

    @staticmethod
    def _table_fields(kernel: Kernel) -> set[Variable]:
        """Columns that making the tables reads, on instance 0."""
        found: set[Variable] = set()
        by_name = {f.name: f for f in kernel.functions}
        for function in kernel.functions:
            table = function.table
            if table is None:
                continue
            exprs = [table.first, table.last, *table.depend]
            refs = {n.var for e in exprs for n in ir.walk(e) if isinstance(n, ir.Ref)}
            from ..nmodl.liveness import Flow

            original = by_name[f"_f_{function.name}"]
            refs |= Flow(kernel.mechanism).exposed(original.body)
            found |= {v for v in refs if v.storage in _COLUMNS}
        return found


def _mentioned(kernel: Kernel) -> set[Variable]:
    """Every variable that the printed code names."""
    found: set[Variable] = set()
    exprs = [expr for _, expr in kernel.shared]
    bodies = [f.body for f in kernel.functions]
    bodies += [b for b in (kernel.current, kernel.state) if b is not None]
    bodies += [] if kernel.receive is None else kernel.receive.bodies()
    bodies += [hook.body for hook in kernel.hooks]
    for body in bodies:
        for statement in ir.statements(body):
            exprs += ir.expressions(statement)
            if isinstance(statement, ir.Assign):
                found.add(statement.target.var)
            if isinstance(statement, ir.TableLookup):
                table = statement.table
                found.update(table.names)
                exprs += [table.first, table.last, *table.depend]
    for expr in exprs:
        found |= {node.var for node in ir.walk(expr) if isinstance(node, ir.Ref)}
    found |= {ref.var for ref, _ in kernel.conductance}
    found |= set(kernel.mechanism.currents) if kernel.current is not None else set()
    return found
