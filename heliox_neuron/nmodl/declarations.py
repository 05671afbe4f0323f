"""Pass 1: the declaring blocks of a MOD file become variables with a storage class.

Assumes a tree from source.parse. Follows nocmodl where the language leaves it open: a PARAMETER is
GLOBAL unless RANGE; ASSIGNED and STATE are columns unless GLOBAL; a variable of a USEION statement
is a column of the mechanism that is copied from, or to, the ion.
"""

from __future__ import annotations

from typing import Any

from .ir import Ion, Mechanism, Storage, Variable
from .source import neuron_data, unparse
from .units import UnitTable, UnknownUnit, neuron_units
from .unsupported import Unsupported

_SPECIAL = {
    "v": Storage.V,
    "t": Storage.T,
    "dt": Storage.DT,
    "celsius": Storage.CELSIUS,
    "area": Storage.AREA,
    "diam": Storage.DIAM,
}

_KINDS = {"SUFFIX": "density", "POINT_PROCESS": "point", "ARTIFICIAL_CELL": "artificial"}


def declare(program: Any, text: str) -> Mechanism:
    """The mechanism with all its variables, and no blocks yet."""
    return _Declarations(text).read(program)


class _Declarations:
    def __init__(self, text: str) -> None:
        self.mechanism = Mechanism("", "density", text, [], [], False, False, {}, [], {}, [], [])
        self.range: set[str] = set()
        self.globals: set[str] = set()
        self.units: UnitTable | None = None

    def read(self, program: Any) -> Mechanism:
        for block in program.blocks:
            if type(block).__name__ == "NeuronBlock":
                for statement in block.statement_block.statements:
                    self._neuron(statement)
        for block in program.blocks:
            reader = getattr(self, f"_{type(block).__name__}", None)
            if reader is not None:
                reader(block)
        for name, storage in _SPECIAL.items():
            self.mechanism.variables[name] = Variable(name, storage)
        self._ions()
        self._currents()
        return self.mechanism

    # ---- NEURON { } ----

    def _neuron(self, statement: Any) -> None:
        kind = type(statement).__name__
        names = [v.get_node_name() for v in getattr(statement, "variables", [])]
        if kind == "Suffix":
            self.mechanism.name = statement.name.get_node_name()
            self.mechanism.kind = _KINDS[statement.type.get_node_name()]
            if self.mechanism.name == "nothing":
                self.mechanism.kind = "nothing"
        elif kind == "ThreadSafe":
            self.mechanism.threadsafe = True
        elif kind == "Range":
            self.range.update(names)
        elif kind == "Global":
            self.globals.update(names)
        elif kind in ("Pointer", "BbcorePointer"):
            storage = Storage.POINTER if kind == "Pointer" else Storage.UNKNOWN
            for name in names:
                self.mechanism.pointers.append(self._add(Variable(name, storage)))
        elif kind == "RandomVarList":
            for name in names:
                self._add(Variable(name, Storage.RANDOM))
        elif kind == "External":
            for name in names:
                self._add(Variable(name, Storage.UNKNOWN))
        elif kind in ("Nonspecific", "ElectrodeCurrent"):
            self.mechanism.electrode |= kind == "ElectrodeCurrent"
            for current in statement.currents:
                name = current.get_node_name()
                variable = self.mechanism.variables.get(name)
                if variable is None:
                    variable = self._add(Variable(name, Storage.FIELD))
                self.mechanism.currents.append(variable)
        elif kind == "Useion":
            self._useion(statement)

    def _useion(self, statement: Any) -> None:
        ion = statement.name.get_node_name()
        columns = {f"e{ion}": 0, f"{ion}i": 1, f"{ion}o": 2, f"i{ion}": 3}
        lists: list[list[Variable]] = []
        for names in (statement.readlist, statement.writelist):
            lists.append([])
            for node in names:
                name = node.get_node_name()
                if name not in columns:
                    raise Unsupported("HX022", f"USEION {ion}: {name} is not one of its variables")
                variable = self.mechanism.variables.get(name)
                if variable is None:
                    variable = self._add(
                        Variable(name, Storage.ION, ion=f"{ion}_ion", column=columns[name])
                    )
                lists[-1].append(variable)
                if name == f"i{ion}" and len(lists) == 2:
                    self.mechanism.currents.append(variable)
        self.mechanism.ions.append(Ion(f"{ion}_ion", lists[0], lists[1], []))

    # ---- the other declaring blocks ----

    def _add(self, variable: Variable) -> Variable:
        return self.mechanism.variables.setdefault(variable.name, variable)

    def _declared(self, name: str, dim: int, default: Storage, state: bool = False) -> None:
        known = self.mechanism.variables.get(name)
        if known is not None:
            known.state |= state
            known.dim = known.dim or dim
            if known.storage is Storage.FIELD:
                known.visible |= state or name in self.range
            return
        storage = Storage.GLOBAL if name in self.globals else default
        if name in self.range or state:
            storage = Storage.FIELD
        self._add(
            Variable(
                name,
                storage,
                dim=dim,
                state=state,
                visible=storage is Storage.FIELD and (state or name in self.range),
            )
        )

    def _ParamBlock(self, block: Any) -> None:
        for statement in block.statements:
            name, dim = statement.name.get_node_name(), 0
            if type(statement.name).__name__ == "IndexedName":
                dim = int(statement.name.length.eval())
            self._declared(name, dim, Storage.GLOBAL)

    def _AssignedBlock(self, block: Any) -> None:
        for definition in block.definitions:
            self._declared(definition.get_node_name(), _length(definition), Storage.FIELD)

    _DependentBlock = _AssignedBlock

    def _StateBlock(self, block: Any) -> None:
        for definition in block.definitions:
            self._declared(definition.get_node_name(), _length(definition), Storage.FIELD, True)

    def _ConstantBlock(self, block: Any) -> None:
        for statement in block.statements:
            constant = statement.constant
            value = unparse(constant.value).strip()
            self._add(Variable(constant.get_node_name(), Storage.CONSTANT, value=value))

    def _LocalListStatement(self, block: Any) -> None:
        for variable in block.variables:
            dim = 0
            if type(variable.name).__name__ == "IndexedName":
                dim = int(variable.name.length.eval())
            self._add(Variable(variable.get_node_name(), Storage.FILE_LOCAL, dim=dim))

    def _UnitBlock(self, block: Any) -> None:
        for definition in block.definitions:
            kind = type(definition).__name__
            try:
                if kind == "UnitDef":
                    self._unit_table().define(_unit(definition.unit1), _unit(definition.unit2))
                elif kind == "FactorDef":
                    self._factor(definition)
            except UnknownUnit as error:
                raise Unsupported("HX022", f"unknown unit ({error}) in UNITS") from error

    def _factor(self, definition: Any) -> None:
        if definition.value is not None:
            value = unparse(definition.value).strip()
        else:
            units = self._unit_table()
            below = units.magnitude(_unit(definition.unit2))
            value = float(units.magnitude(_unit(definition.unit1)) / below).hex()
        self._add(Variable(definition.name.get_node_name(), Storage.CONSTANT, value=value))

    def _unit_table(self) -> UnitTable:
        if self.units is None:
            self.units = neuron_units(neuron_data() / "share" / "nrn" / "lib" / "nrnunits.lib")
        return self.units

    # ---- what only the whole file decides ----

    def _ions(self) -> None:
        """Copies on entry: all of READ, and the concentrations of WRITE (get_ion_variables)."""
        for ion in self.mechanism.ions:
            written = [v for v in ion.write if v.column in (1, 2)]
            ion.copied = [*ion.read, *(v for v in written if v not in ion.read)]
            # the mechanism's own copy of an ion variable: hoc sees it only when it is RANGE
            for variable in (*ion.read, *ion.write):
                variable.visible = variable.name in self.range

    def _currents(self) -> None:
        for current in self.mechanism.currents:
            if current.storage is Storage.FIELD:  # NEURON makes them RANGE
                current.visible = True


def _unit(node: Any) -> str:
    return unparse(node).strip()[1:-1]


def _length(definition: Any) -> int:
    return int(definition.length.eval()) if definition.length is not None else 0
