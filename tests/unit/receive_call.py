"""Compiles printed NET_RECEIVE blocks for the host and calls them on one instance."""

from __future__ import annotations

import ctypes as C
import heapq
import itertools
import math
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heliox_neuron.codegen import cpp, cpp_table
from heliox_neuron.codegen.compile import compiler, include_dir
from heliox_neuron.codegen.cpp_body import print_functions
from heliox_neuron.codegen.cpp_layout import Layout
from heliox_neuron.codegen.cpp_writer import Writer, mangled
from heliox_neuron.codegen.net_receive import print_net_receive
from heliox_neuron.nmodl.ir import Storage
from heliox_neuron.nmodl.lower import lower
from unit.kernel_call import _Args

_SENDER = """
struct Request { double kind, first, second; };
struct Sender {
    Request* request;
    int n;
    void net_send(double t, double flag) { request[n++] = {0., t, flag}; }
    void net_event(double t) { request[n++] = {1., t, 0.}; }
    void net_move(double t) { request[n++] = {2., t, 0.}; }
    void watch(int index, double flag) { request[n++] = {3., double(index), flag}; }
};
static double hoc_exp(double x) { return x < -700. ? 0. : hx::libm_exp(x > 700. ? 700. : x); }
template <class I> static I unknown() {
    I self;
    for (size_t k = 0; k < sizeof(I) / sizeof(double); ++k) {
        reinterpret_cast<double*>(&self)[k] = __builtin_nan("");
    }
    return self;
}
"""


class Receiver:
    """NET_RECEIVE of a MOD text; whatever the kernel did not ask for is nan."""

    def __init__(self, text: str, folder: Path) -> None:
        kernel = lower(text, receive=True)
        assert kernel is not None and kernel.receive is not None
        self.kernel, self.receive = kernel, kernel.receive
        self.layout = Layout(kernel)
        self.name = kernel.mechanism.name
        source, library = folder / f"{self.name}.cpp", folder / f"{self.name}.so"
        source.write_text(self._source())
        flags = ["-O2", "-std=c++17", "-fPIC", "-shared", "-ffp-contract=off", "-DHX_SCALAR_ONLY"]
        flags += ["-Wall", "-Wno-unused", "-Werror", f"-I{include_dir()}"]
        command = [*compiler().command, *flags, str(source), "-o", str(library)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.library = C.CDLL(str(library))
        self.table = (C.c_double * (self.layout.table_size() + 1))()

    def _source(self) -> str:
        kernel, layout, receive = self.kernel, self.layout, self.receive
        out = Writer(f"{self.name}.cpp", f"{self.name}.mod")
        out('#include "abi.h"')
        out('#include "simd.hpp"')
        out(_SENDER)
        out(f"namespace {cpp.namespace(kernel)} {{")
        out("template <class T> HX_INLINE T square(T x) { return x * x; }")
        cpp._print_constants(layout, out)
        cpp._print_instance(kernel, layout, out)
        cpp._print_shared(kernel, layout, out)
        cpp._print_share(kernel, layout, out)
        print_functions(kernel, out)
        print_net_receive(kernel, receive, out)
        if layout.tables:
            cpp_table.print_table_check(kernel, layout, out)
        self._entries(out)
        out("}")
        return out.text()

    def _entries(self, out: Writer) -> None:
        layout, columns = self.layout, self.receive.columns
        out.open(
            "extern "
            '"C" HX_EXPORT int receive(hx_args* args, double* v, double* weight, double flag, '
            "Request* request) {"
        )
        out("args->hoc_exp = hoc_exp;")
        if layout.tables:
            out("table_check(args);")
        out("Instance<double> self = unknown<Instance<double>>();")
        for variable in columns.load:
            out(f"self.{mangled(variable.name)} = *{self._column(variable)};")
        for variable in columns.copied:
            out(f"self.{mangled(variable.name)} = *{self._ion(variable)};")
        for variable in self.receive.pointers:
            k = layout.pointers.index(variable)
            out(f"self.{mangled(variable.name)} = **args->pointer[{k}];")
        if layout.needs_area:
            out("self.area = *args->area;")
        if self.receive.reads_v:
            out("self.v = *v;")
        out("Sender sender{request, 0};")
        out("Shared shared = share(args);")
        if not self.receive.reads_t:
            out('shared.t = __builtin_nan("");')
        out("net_receive_body(self, shared, true, weight, flag, sender);")
        for variable in columns.store:
            out(f"*{self._column(variable)} = self.{mangled(variable.name)};")
        for variable in self.receive.ion_store:
            out(f"*{self._ion(variable)} = self.{mangled(variable.name)};")
        if self.receive.writes_v:
            out("*v = self.v;")
        out("return sender.n;")
        out.close()
        for number, watched in enumerate(self.receive.watched):
            out.open(f'extern "C" HX_EXPORT double watch_{number}_at(hx_args* args, double v) {{')
            out("args->hoc_exp = hoc_exp;")
            out("Instance<double> self = unknown<Instance<double>>();")
            for variable in watched.load:
                out(f"self.{mangled(variable.name)} = *{self._column(variable)};")
            if watched.reads_v:
                out("self.v = v;")
            out(f"return watch_{number}(self, share(args));")
            out.close()

    def _column(self, variable: Any) -> str:
        return f"args->column[{self.layout.field_index(variable)}]"

    def _ion(self, variable: Any) -> str:
        return f"args->ion_column[{self.layout.ion_index(variable.ion) * 5 + variable.column}]"

    def _args(self, place: Instance, t: float) -> tuple[_Args, list[Any]]:
        """The structure, and what must live as long as it."""
        layout, kept = self.layout, []

        def addresses(values: list[Any]) -> Any:
            array = (C.c_void_p * (len(values) or 1))(*[C.addressof(x) for x in values])
            kept.append(array)
            return C.cast(array, C.c_void_p)

        args = _Args(t=t, dt=place.dt, celsius=place.celsius)
        args.column = addresses([place.cell(v.name) for v in layout.fields])
        ions = [C.c_double(math.nan) for _ in range(5 * len(self.kernel.mechanism.ions))]
        for ion in self.kernel.mechanism.ions:
            for v in {*ion.read, *ion.write}:
                ions[layout.ion_index(ion.name) * 5 + v.column] = place.cell(f"ion {v.name}")
        args.ion_column = addresses(ions)
        names = [layout.global_name(v) for v in layout.globals]
        args.global_ = addresses([place.cell(f"global {name}") for name in names])
        args.area = C.addressof(place.cell("area"))
        args.table = C.addressof(self.table)
        kept += [ions]
        return args, kept

    def deliver(
        self, place: Instance, t: float, weight: Any, flag: float
    ) -> list[tuple[float, float, float]]:
        """Delivers one event; the requests (kind, first, second) in order. weight: or None."""
        args, kept = self._args(place, t)
        requests = (C.c_double * 96)()
        call = self.library.receive
        call.argtypes = [C.c_void_p, C.c_void_p, C.c_void_p, C.c_double, C.c_void_p]
        v = place.cell("v")
        n = call(C.byref(args), C.byref(v), weight, flag, C.byref(requests))
        del kept
        return [tuple(requests[3 * k : 3 * k + 3]) for k in range(n)]

    def watch(self, place: Instance, number: int, t: float) -> float:
        """The value of a WATCH condition."""
        args, kept = self._args(place, t)
        call = self.library[f"watch_{number}_at"]
        call.argtypes, call.restype = [C.c_void_p, C.c_double], C.c_double
        value = call(C.byref(args), place.cell("v").value)
        del kept
        return value

    def unkept(self) -> set[str]:
        """Columns that nobody reads before they are written: their values may differ."""
        stored = {v.name for v in self.receive.columns.store}
        variables = self.kernel.mechanism.variables.values()
        return {
            v.name
            for v in variables
            if v.storage in (Storage.FIELD, Storage.ION) and not v.visible and v.name not in stored
        }


@dataclass
class Instance:
    """Values of one instance: columns, "v", "area", "ion cai", "global x_mechanism"."""

    values: dict[str, C.c_double]
    dt: float
    celsius: float

    def cell(self, name: str) -> C.c_double:
        return self.values[name]


@dataclass
class Queue:
    """NEURON's event queue for one target: what is pending, what was fired."""

    receiver: Receiver
    place: Instance
    pending: list[list[Any]] = field(default_factory=list)
    fired: list[float] = field(default_factory=list)
    movable: list[Any] | None = None
    watching: dict[int, float] = field(default_factory=dict)
    above: dict[int, bool] = field(default_factory=dict)
    order: Any = field(default_factory=itertools.count)

    def send(self, t: float, flag: float, weight: Any, source: str = "self") -> None:
        """An event for this target. source: "self" (NET_RECEIVE, INITIAL), "NetCon", "WATCH"."""
        event = [t, next(self.order), flag, weight, source]
        heapq.heappush(self.pending, event)
        if source == "self" and flag == 1.0:
            self.movable = event

    def until(self, t_end: float) -> None:
        """Delivers what is due."""
        while self.pending and self.pending[0][0] <= t_end:
            t, _, flag, weight, _ = heapq.heappop(self.pending)
            self.deliver(t, flag, weight)

    def deliver(self, t: float, flag: float, weight: Any) -> None:
        if flag == 1.0 and self.receiver.receive.uses_net_send:
            self.movable = None
        first_watch = True
        for kind, first, second in self.receiver.deliver(self.place, t, weight, flag):
            if kind == 0:
                self.send(first, second, weight)
            elif kind == 1:
                self.fired.append(first)
            elif kind == 2:
                assert self.movable is not None and first >= t
                self.movable[0], self.movable[1] = first, next(self.order)
                heapq.heapify(self.pending)
            else:
                if first_watch:
                    self.watching.clear()
                    self.pending = [event for event in self.pending if event[4] != "WATCH"]
                    heapq.heapify(self.pending)
                first_watch = False
                self.watching[int(first)] = second
                self.above[int(first)] = self.receiver.watch(self.place, int(first), t) >= -1e-11

    def check_watch(self, t: float) -> None:
        """NEURON's test at the start of a step."""
        for number, flag in list(self.watching.items()):
            above = self.receiver.watch(self.place, number, t) > 0.0
            if above and not self.above[number]:
                self.send(t, flag, None, "WATCH")
            self.above[number] = above
