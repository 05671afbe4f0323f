"""NET_RECEIVE and WATCH of an instance on the device."""

from __future__ import annotations

from ..nmodl.liveness import HookColumns
from .cpp_writer import mangled
from .device_instance import InstancePrinter


def print_receive_at(printer: InstancePrinter) -> None:
    """NET_RECEIVE of instance i, for an event of time t with its NetCon's weight vector."""
    out, receive = printer.out, printer.kernel.receive
    assert receive is not None
    out("// NET_RECEIVE of instance i. t: the event's time. v: the node's.")
    out.open(
        "HX_DEVICE void receive_at(int i, double t, double& v, double area, double* weight, "
        "double flag, hx::Sender& sender) {"
    )
    out("Shared const shared = share(t);")
    columns = receive.columns
    load = [*columns.load, *(x for x in receive.watch_load() if x not in columns.load)]
    printer.load(HookColumns(load, columns.store, columns.copied), "receive")
    out("self.v = v;")
    out("net_receive_body<double>(self, shared, true, weight, flag, sender);")
    for variable in receive.columns.store:
        out(f"{printer.column(variable)}[i] = self.{mangled(variable.name)};")
    for variable in receive.ion_store:
        k = printer.layout.ion_index(variable.ion)
        place = printer.ion(variable.ion, variable.column)
        out(f"{place}[ion_{k}] = self.{mangled(variable.name)};")
    if receive.writes_v:
        out("v = self.v;")
    out.close()
    out()


def print_watch_at(printer: InstancePrinter) -> None:
    """The active conditions of instance i, in the order in which they were activated."""
    out, receive = printer.out, printer.kernel.receive
    assert receive is not None
    numbers = range(len(receive.watched))
    out("// WATCH conditions of instance i at the start of step j, nt._t = t. v: the node's.")
    arguments = "int b, int kind, int i, double t, double v, double area, int j"
    out.open(f"HX_DEVICE void watch_at({arguments}) {{")
    out("int const first = hx::first_watch(kind, i);")
    active = [f"hx_model.watch_active[first + {k}]" for k in numbers]
    out(f"if (!({' | '.join(active)})) return;")
    out("Shared const shared = share(t);")
    printer.load(HookColumns(receive.watch_load(), [], []), "receive")
    out("self.v = v;")
    out.open(f"for (int place = 1; place <= {len(numbers)}; ++place) {{")
    for k in numbers:
        out.open(f"if ({active[k]} == place) {{")
        value = f"watch_{k}<double>(self, shared)"
        out(f"hx::test_watch(b, kind, i, first + {k}, {value}, t, j);")
        out.close()
    out.close()
    out.close()
    out()
