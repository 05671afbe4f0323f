"""The C++ source of a kernel."""

from __future__ import annotations

from ..nmodl import ir
from ..nmodl.ir import Storage
from ..nmodl.lower import PASSES, Kernel
from ..nmodl.lower_version import PASSES_VERSION
from .cpp_body import print_functions, print_hook
from .cpp_expr import ExprPrinter, Names
from .cpp_layout import Layout
from .cpp_loops import members, print_loops
from .cpp_table import print_table_check
from .cpp_writer import Writer, mangled


def print_kernel(kernel: Kernel, entry: bool = True) -> str:
    """The source of one mechanism; entry: export hx_kernel_entry_point."""
    name = kernel.mechanism.name
    out = Writer(f"{name}.cpp", f"{name}.mod")
    _print_head(kernel, out)
    _print_unit(kernel, out)
    if entry:
        out('extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {')
        out(f"    return &{namespace(kernel)}::kernel;")
        out("}")
    return out.text()


def print_kernels(kernels: list[Kernel]) -> str:
    """One source for several mechanisms, with hx_kernels_entry_point."""
    texts = []
    for kernel in kernels:
        texts.append(print_kernel(kernel, entry=False))
    listed = ", ".join(f"&{namespace(kernel)}::kernel" for kernel in kernels)
    tail = [
        f"static hx_kernel const* const kernels[] = {{{listed}}};",
        "",
        'extern "C" HX_EXPORT int hx_kernels_entry_point(hx_kernel const* const** list) {',
        "    *list = kernels;",
        f"    return {len(kernels)};",
        "}",
    ]
    return "\n".join(texts) + "\n" + "\n".join(tail) + "\n"


def namespace(kernel: Kernel) -> str:
    """The namespace that holds all of a kernel."""
    return f"hx_{kernel.mechanism.name}"


def _print_head(kernel: Kernel, out: Writer) -> None:
    out(f"// Kernel of {kernel.mechanism.name}.mod, sha256 {kernel.text_hash}")
    out(f"// Passes (version {PASSES_VERSION}): {', '.join(PASSES)}")
    out("// Generated: edit the .mod, not this.")
    out('#include "abi.h"')
    out('#include "simd.hpp"')
    out()


def _print_unit(kernel: Kernel, out: Writer) -> None:
    layout = Layout(kernel)
    out(f"namespace {namespace(kernel)} {{")
    out()
    out("template <class T>")
    out("HX_INLINE T square(T x) { return x * x; }")
    out()
    _print_constants(layout, out)
    _print_instance(kernel, layout, out)
    _print_shared(kernel, layout, out)
    _print_share(kernel, layout, out)
    print_functions(kernel, out)
    if kernel.current is not None:
        print_hook(kernel, out, "current", kernel.current)
    if kernel.state is not None:
        print_hook(kernel, out, "state", kernel.state)
    print_loops(kernel, layout, out)
    if layout.tables:
        print_table_check(kernel, layout, out)
    _print_kernel_struct(kernel, layout, out)
    out("}  // namespace")
    out()


def _print_constants(layout: Layout, out: Writer) -> None:
    if not layout.constants:
        return
    out.open("namespace constant {")
    for constant in layout.constants:
        out(f"static constexpr double {mangled(constant.name)} = {constant.value};")
    out.close()
    out()


def _print_instance(kernel: Kernel, layout: Layout, out: Writer) -> None:
    out("// One instance, or as many as V has lanes.")
    out("template <class V>")
    out.open("struct Instance {")
    out("V v;  // [mV]")
    for name in members(kernel, layout):
        out(f"V {name};")
    if layout.needs_area:
        out("V area;  // [um2]")
    out.close("};")
    out()


def print_shared(kernel: Kernel, layout: Layout, out: Writer, what: str, more: str = "") -> None:
    """struct Shared. what: its comment. more: a further member."""
    out(f"// {what}")
    out.open("struct Shared {")
    out("double t;        // [ms]")
    out("double dt;       // [ms]")
    out("double celsius;  // [degC]")
    if more:
        out(more)
    for variable in layout.globals:
        if variable.name != "usetable" and variable.storage is Storage.GLOBAL:
            out(f"double {mangled(variable.name)};")
    for variable, _ in kernel.shared:
        out(f"double {variable.name};")
    if layout.tables:
        out("bool use_table;")
    for table in layout.tables:
        k = table.number
        out(f"double start_{k};  // TABLE of {table.function}")
        out(f"double scale_{k};")
        out(f"double const* table_{k};")
    out.close("};")
    out()


def _print_shared(kernel: Kernel, layout: Layout, out: Writer) -> None:
    what = "What is the same for all instances of a call."
    print_shared(kernel, layout, out, what, "double (*hoc_exp)(double);")


def _print_share(kernel: Kernel, layout: Layout, out: Writer) -> None:
    out.open("static Shared share(hx_args const* args) {")
    out("Shared shared{};")
    out("shared.t = args->t;")
    out("shared.dt = args->dt;")
    out("shared.celsius = args->celsius;")
    out("shared.hoc_exp = args->hoc_exp;")
    for k, variable in enumerate(layout.globals):
        if variable.name == "usetable":
            out(f"shared.use_table = *args->global[{k}] != 0.;")
        elif variable.storage is Storage.GLOBAL:
            out(f"shared.{mangled(variable.name)} = *args->global[{k}];")
    printer = ExprPrinter(kernel.uniformity, Names())
    for variable, expr in kernel.shared:
        out(f"shared.{variable.name} = {printer.value(expr).code};")
    for table in layout.tables:
        k, offset = table.number, layout.table_offset(table.number)
        out(f"shared.start_{k} = args->table[{offset + 1}];")
        out(f"shared.scale_{k} = args->table[{offset + 2}];")
        out(f"shared.table_{k} = args->table + {layout.table_rows(k)};")
    out("return shared;")
    out.close()
    out()


def _print_kernel_struct(kernel: Kernel, layout: Layout, out: Writer) -> None:
    mechanism = kernel.mechanism
    texts = [f'"{v.name}"' for v in layout.fields]
    _array(out, "char const* const", "field", texts)
    _array(out, "int const", "field_dim", [str(v.dim or 1) for v in layout.fields])
    lean = [str(int(v in layout.lean_fields)) for v in layout.fields]
    _array(out, "unsigned char const", "lean_field", lean)
    written = [str(int(v in layout.stored)) for v in layout.fields]
    _array(out, "unsigned char const", "written_field", written)
    _array(out, "char const* const", "ion", [f'"{ion.name}"' for ion in mechanism.ions])
    _array(out, "unsigned const", "ion_read", [f"{_reads(kernel, i):#x}u" for i in mechanism.ions])
    _array(
        out, "unsigned const", "ion_write", [f"{_writes(kernel, i):#x}u" for i in mechanism.ions]
    )
    _array(out, "char const* const", "pointer", [f'"{v.name}"' for v in layout.pointers])
    names = [f'"{layout.global_name(v)}"' for v in layout.globals]
    _array(out, "char const* const", "global", names)
    out("#if HX_WIDTH == 8")
    out('#define HX_ISA_NAME "x86-64-v4"')
    out("#elif HX_WIDTH == 4")
    out('#define HX_ISA_NAME "x86-64-v3"')
    out("#else")
    out('#define HX_ISA_NAME "x86-64-v2"')
    out("#endif")
    traits = ["HX_TRAIT_DENSITY"] if mechanism.kind == "density" else []
    traits += ["HX_TRAIT_READS_POINTER"] if layout.pointers else []
    out.open("static hx_kernel const kernel = {")
    out("HX_ABI_VERSION,")
    out(f'"{mechanism.name}",')
    out(f'"{kernel.text_hash}",')
    out("HX_ISA_NAME,")
    out(f"{' | '.join(traits) or '0u'},")
    out(f"{len(layout.fields)}, field, field_dim, lean_field, written_field,")
    out(f"{len(mechanism.ions)}, ion, ion_read, ion_write,")
    out(f"{len(layout.pointers)}, pointer,")
    out(f"{len(layout.globals)}, global,")
    out(f"{layout.table_size()},")
    out(f"{'current' if kernel.current is not None else 'nullptr'},")
    out(f"{'state' if kernel.state is not None else 'nullptr'},")
    out(f"{'table_check' if layout.tables else 'nullptr'},")
    out.close("};")
    out("#undef HX_ISA_NAME")
    out()


def _array(out: Writer, kind: str, name: str, values: list[str]) -> None:
    if values:
        out(f"static {kind} {name}[] = {{{', '.join(values)}}};")
    else:
        out(f"static {kind}* const {name} = nullptr;")


def _reads(kernel: Kernel, ion: ir.Ion) -> int:
    columns = [c for c in (kernel.columns.current, kernel.columns.state) if c is not None]
    copied = {v for c in columns for v in c.copied if v.ion == ion.name}
    return sum(1 << v.column for v in copied)


def _writes(kernel: Kernel, ion: ir.Ion) -> int:
    bits = 0
    for variable in ion.write:
        if variable.column != 3:
            bits |= 1 << variable.column
        elif kernel.current is not None:
            bits |= 1 << 3 | 1 << 4
    for ref, name in kernel.conductance:
        if f"{name}_ion" == ion.name and ref.var.storage is not Storage.UNKNOWN:
            bits |= 1 << 4
    return bits
