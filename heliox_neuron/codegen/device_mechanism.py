"""A mechanism for the device: its node bodies, and functions that run them on one instance.

The bodies are those of the CPU kernel (cpp_body.py), with V = double. Around them come `share`
and `prepare` (device_shared.py), `current_at` and `state_at` (device_breakpoint.py), `receive_at`
(device_receive.py), and BEFORE and AFTER blocks (device_hooks.py).
"""

from __future__ import annotations

from ..nmodl.lower import Kernel
from . import device_hooks
from .cpp import _print_constants, _print_instance, namespace, print_shared
from .cpp_body import print_functions, print_hook
from .cpp_expr import DEVICE
from .device_breakpoint import print_current_at, print_state_at
from .device_fields import Fields
from .device_instance import InstancePrinter, Needs
from .device_receive import print_receive_at, print_watch_at
from .device_shared import print_prepare, print_share
from .net_receive import print_net_receive


def mechanism_text(kernel: Kernel, fields: Fields, needs: Needs) -> str:
    """The functions of one mechanism. fields: gains what they reach through hx_model."""
    printer = InstancePrinter(kernel, fields, needs)
    kernel, out = printer.kernel, printer.out
    out(f"// {printer.name}.mod, sha256 {kernel.text_hash}")
    out(f"namespace {namespace(kernel)} {{")
    out()
    out("template <class T>")
    out("HX_DEVICE T square(T x) { return x * x; }")
    out()
    _print_constants(printer.layout, out)
    _print_instance(kernel, printer.layout, out)
    what = "What is the same for all instances."
    print_shared(printer.kernel, printer.layout, out, what)
    print_share(printer)
    print_functions(kernel, out, printer.dialect)
    if kernel.current is not None:
        print_hook(kernel, out, "current", kernel.current, printer.dialect)
    if kernel.state is not None:
        print_hook(kernel, out, "state", kernel.state, printer.dialect)
    if kernel.receive is not None:
        print_net_receive(kernel, kernel.receive, out, DEVICE)
    device_hooks.print_bodies(printer)
    print_prepare(printer)
    if kernel.current is not None:
        print_current_at(printer)
    if kernel.state is not None:
        print_state_at(printer)
    if kernel.receive is not None:
        print_receive_at(printer)
        if kernel.receive.uses_watch:
            print_watch_at(printer)
    device_hooks.print_at(printer)
    out("} // namespace")
    out()
    return out.text()
