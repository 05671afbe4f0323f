"""The CUDA source of a model: its mechanisms and the phases of a step that run them.

One source per set of mechanisms, not per model: sizes, columns and schedules are reached through
hx_model. The same text compiles with NVRTC and, block by block and thread by thread, with a C++
compiler (src/gpu/device.cuh).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ..nmodl.lower import Kernel
from ..nmodl.unsupported import Unsupported
from .cpp_writer import Writer
from .device_entry import Entry
from .device_fields import Fields
from .device_instance import Needs
from .device_mechanism import mechanism_text
from .device_phases import Phases
from .device_steady import steady_entries
from .device_streams import Streams
from .device_tasks import Tasks, choose_apart, task_passes

FIXED: tuple[tuple[str, str], ...] = (
    ("int*", "block_node"),  # [n_block + 1] first node position of each block
    ("int*", "tree_table"),
    ("int*", "tree_first"),  # [n_block] into tree_table
    ("double*", "v"),
    ("double*", "a"),
    ("double*", "b"),
    ("double*", "cm"),
    ("double*", "area"),
    ("double*", "i_cap"),
    ("double*", "sav_rhs"),
    ("double*", "sav_d"),
    ("int*", "kin"),  # slots of parent and child in one word, see nodes.cuh
    ("int*", "child_first"),
    ("int*", "child"),
    ("double", "dt"),
    ("double", "cj"),
    ("double", "celsius"),
    ("double", "v_scale"),
    ("int*", "nan_node"),
    ("long long", "n_record"),
    ("long long", "sync_records"),
    ("int*", "record_first"),
    ("int*", "record_slot"),
    ("double**", "record_place"),
    ("double*", "record_value"),
    ("long long", "n_average"),  # average.cuh
    ("int*", "average_first"),  # [n_block + 1]
    ("int*", "average_slot"),
    ("double**", "average_place"),
    ("int*", "average_group"),
    ("double*", "average_sum"),
    ("int*", "average_begin"),  # by group: steps of the window
    ("int*", "average_end"),
    ("int*", "average_relu"),
    ("int*", "source_first"),
    ("int*", "source_slot"),
    ("double**", "source_place"),
    ("double*", "source_threshold"),
    ("int*", "source_flag"),
    ("int*", "n_spike"),
    ("long long", "max_spike"),
    ("int*", "spike"),  # [max_spike, 2]: step, source
    ("int*", "gate"),  # set when something was found that the host has to fetch
    ("long long", "n_play"),
    ("int*", "play_first"),
    ("int*", "play_slot"),
    ("double**", "play_place"),
    ("double*", "play_value"),
    ("int*", "event_first"),  # [n_block + 1]
    ("int*", "event_step"),
    ("int*", "event_kind"),
    ("int*", "event_head"),  # the first of consecutive events of one target in one step
    ("int*", "event_instance"),
    ("double*", "event_time"),
    ("double*", "event_flag"),
    ("int*", "event_weight"),  # first double in weight
    ("double*", "weight"),
    ("double**", "event_place"),
    ("int*", "event_slot"),
    ("double*", "event_sample"),
    ("int*", "self_count"),  # [n_block] events that point processes sent to themselves
    ("long long", "max_self"),  # of a block
    ("long long", "split_events"),  # event_step is 2 * step + phase, else step + phase
    ("int*", "event_error"),  # [3] code, kind, instance: own.cuh
    ("double*", "self_time"),
    ("double*", "self_flag"),
    ("int*", "self_kind"),
    ("int*", "self_instance"),
    ("int*", "self_weight"),
    ("int*", "self_root"),  # the host's event that led to it, own.cuh
    ("double*", "self_at"),
    ("int*", "self_mark"),
    ("int*", "self_origin"),
    ("int*", "self_number"),  # order.cuh
    ("double*", "self_next"),  # [n_block] time of the earliest
    ("int*", "n_net_event"),
    ("long long", "max_net_event"),
    ("double*", "net_event_time"),
    ("double*", "net_event_at"),
    ("int*", "net_event_kind"),
    ("int*", "net_event_instance"),
    ("int*", "net_event_root"),
    ("long long", "ordered"),  # order.cuh: the rest of these are in use
    ("int*", "event_rank"),  # place among what its instance did and got
    ("int*", "log_first"),  # [n_entry]
    ("int*", "log_count"),  # by instance
    ("int*", "n_log"),
    ("long long", "max_log"),
    ("double*", "log_entry"),  # six doubles each
    ("long long", "n_first"),
    ("int*", "first_kind"),
    ("int*", "first_instance"),
    ("double*", "first_time"),
    ("int*", "first_row"),  # -1: an event of the block's own list,
    ("int*", "first_number"),  # this one
    ("int*", "first_done"),
    ("int*", "watch_first"),  # [n_entry], watch.cuh
    ("int*", "watch_each"),  # [n_entry]
    ("int*", "watch_active"),
    ("int*", "watch_above"),
    ("double*", "watch_flag"),
    ("double*", "watch_since"),
    ("int*", "watch_root"),
    ("double", "float_epsilon"),
    ("int*", "n_fired"),  # [2] true conditions, whether one was activated
    ("long long", "max_fired"),
    ("int*", "fired_step"),
    ("int*", "fired_watch"),
    ("int*", "fired_place"),
    ("double*", "fired_since"),
    ("int*", "fired_root"),
    ("int*", "movable_first"),  # [n_entry], move.cuh
    ("int*", "movable"),
    ("int*", "pending_weight"),
    ("int*", "pending_moved"),
    ("int*", "task_first"),  # [n_block * n_pass + 1]: see device_tasks.py
    ("int*", "task_entry"),
    ("int*", "task_begin"),
    ("int*", "task_end"),
    ("int*", "exchange_first"),  # [n_block + 1], coupled.cuh
    ("int*", "exchange_slot"),
    ("double*", "exchange"),  # [2][n_exchange]
    ("long long", "n_exchange"),
    ("long long", "exchange_mask"),  # 1: two halves in turn
    ("int*", "link_first"),  # [n_block + 1]
    ("int*", "link_exchange"),
    ("double**", "link_place"),
    ("long long", "n_link"),
    ("long long", "n_crossing"),  # links between blocks
    ("long long", "late_links"),  # only point processes wait for them
    ("int*", "meeting"),
    ("int*", "exchange_position"),  # streams.cuh from here on
    ("long long", "n_node"),
    ("int*", "node_block"),
    ("double*", "clock"),
    ("int*", "count"),
    ("int*", "event_next"),  # [n_block]
    ("int*", "piece_entry"),
    ("int*", "piece_begin"),
    ("int*", "piece_end"),
    ("int*", "sum_first"),  # [n_stage * n_sum_block + 1], hooks.cuh
    ("long long", "n_sum_block"),
    ("double**", "sum_place"),
    ("int*", "sum_sign"),
    ("int*", "sum_part_first"),  # [n_sum + 1]
    ("double**", "sum_part"),
    ("long long", "n_collect"),  # columns.cuh
    ("double**", "collect_column"),
    ("long long**", "collect_place"),
    ("long long*", "collect_first"),  # [n_collect + 1]
    ("double*", "collected"),
    ("double*", "net_weight"),  # NetCons whose sources are on the device, network.cuh from here on
    ("double*", "net_delay"),
    ("int*", "net_kind"),
    ("int*", "net_instance"),
    ("int*", "net_block"),
    ("int*", "net_weight_at"),  # as event_weight
    ("double*", "range_base"),
    ("int*", "range_first"),
    ("int*", "range_count"),
    ("int*", "host_first"),  # the host's events, as event_*
    ("long long*", "host_key"),
    ("double*", "host_time"),
    ("int*", "host_kind"),
    ("int*", "host_instance"),
    ("double*", "host_flag"),
    ("int*", "host_weight"),
    ("double**", "host_place"),
    ("int*", "host_slot"),
    ("double*", "due_until"),  # [n_step + 1] a step delivers up to here
    ("int*", "due_count"),  # [n_block]
    ("int*", "due_piece"),
    ("long long*", "due_key"),
    ("double*", "due_time"),
    ("int*", "due_range"),  # -1: the host's
    ("int*", "due_row"),
    ("int*", "due_order"),
    ("int*", "due_width"),  # by entry, doubles of a weight; -1: NET_RECEIVE writes them
    ("int*", "due_ties"),
    ("int*", "event_origin"),  # row of the host's events, -1: none
    ("double*", "steady_k"),  # [n_node], nodes.cuh
    ("double*", "steady_g"),
    ("double*", "steady_d"),
    ("int*", "steady_count"),  # [n_block]
    ("int*", "steady_kept"),  # [n_block]
    ("long long", "steady_again"),  # in each step
    ("double*", "workspace"),
    ("int*", "workspace_first"),
)
# event_kind (src/gpu/events.cuh): a Vector samples, a Vector writes, NET_RECEIVE of entry kind - 2
# exp is a function from so many on: hh has 9. Measured with Hay's L5PC, and a cell of ten channels
_EXP_CALLS = 24
EVENT_SAMPLE, EVENT_WRITE, EVENT_RECEIVE = 0, 1, 2


@dataclass
class DeviceSource:
    """text: the CUDA source. fields: what hx_model wants. words: mask words of a node; bit
    m % 32 of word m // 32 is entry m. passes: of tasks, the entries that may run side by side:
    currents first, then states. steady: mechanisms whose nodes may be steady (device_steady.py).
    """

    text: str
    fields: Fields
    words: int
    key: str
    passes: list[list[int]] = field(default_factory=list)
    steady: frozenset[str] = frozenset()


def print_model(
    entries: list[Entry],
    fast_imem: bool,
    current_ions: set[str],
    spread: bool = False,
    fast: bool = False,
    streams: bool = False,
) -> DeviceSource:
    """The source for mechanisms in this order.

    current_ions: ions whose currents are looked at each step. spread: warps share out mechanisms,
    not nodes (device_tasks.py). fast: fast fidelity. streams: a kernel for each task
    (device_streams.py).

    Raises Unsupported HX022 where the order of a step cannot be kept on the device.
    """
    fields = Fields()
    for kind, name in FIXED:
        fields(kind, name, name)
    needed = frozenset(current_ions | _read_currents(entries))
    apart = (
        frozenset(e.name for e in entries if e.kind == "density")
        if streams
        else choose_apart(entries, spread)
    )
    dense = frozenset(entry.name for entry in entries if entry.dense)
    steady = steady_entries(entries, apart) if fast and not fast_imem else frozenset()
    needs = Needs(needed, fast_imem, dense, _written_ions(entries), apart, fast, steady)
    _check_order(entries)
    parts = []
    for entry in entries:
        if entry.kernel is not None:
            parts.append(mechanism_text(entry.kernel, fields, needs))
    passes = task_passes(entries, apart) if apart and not streams else []
    printer = (
        Streams(entries, fields, needs)
        if streams
        else Tasks(entries, fields, needs, passes=passes)
        if apart
        else Phases(entries, fields, needs)
    )
    phases = printer.text()
    out = Writer("model.cu", "")
    out("// Generated: edit the .mod files, not this.")
    out('#include "device.cuh"')
    if fast_imem:
        out("#define HX_FAST_IMEM")
    if sum(part.count("exp(") for part in parts) > _EXP_CALLS:
        out("#define HX_EXP_CALL")
    fields.print(out)
    out('#include "math.cuh"')
    out('#include "fast_quotient.cuh"')
    out('#include "tree.cuh"')
    out('#include "nodes.cuh"')
    out('#include "observe.cuh"')
    for macro in [*_event_macros(entries), *printer.hooks.macros()]:
        out(f"#define {macro}")
    out('#include "sender.cuh"')
    if streams:
        out('#include "clock.cuh"')
    if printer.hooks.stages:
        out('#include "hooks.cuh"')
    out()
    text = out.text() + "\n".join(parts) + phases + '#include "plans.cuh"\n'
    key = hashlib.sha256(text.encode()).hexdigest()
    return DeviceSource(text, fields, (len(entries) + 31) // 32, key, passes, steady)


def _event_macros(entries: list[Entry]) -> list[str]:
    """What the model's NET_RECEIVE blocks need of src/gpu/sender.cuh."""
    receives = [e.kernel.receive for e in entries if e.kernel and e.kernel.receive]
    watch = any(receive.uses_watch for receive in receives)
    move = any(receive.uses_net_move for receive in receives)
    macros = ["HX_WATCH"] if watch else []
    macros += ["HX_NET_MOVE"] if move else []
    if any(receive.sends_itself for receive in receives):
        macros.append("HX_SELF_EVENTS")
    return macros


def _read_currents(entries: list[Entry]) -> set[str]:
    """Ions whose total current some kernel reads."""
    found = set()
    for entry in entries:
        if entry.kernel is None:
            continue
        columns = entry.kernel.columns
        hooks = [hook.columns for hook in entry.kernel.hooks]
        for used in (columns.current, columns.state, *hooks):
            if used is not None:
                found |= {v.ion for v in used.copied if v.column >= 3}
    return found


def _written_ions(entries: list[Entry]) -> frozenset[tuple[str, int]]:
    """(ion, column) that a step may store."""
    found = {(e.name, 0) for e in entries if e.nernst}
    for entry in entries:
        if entry.kernel is not None:
            for ion in entry.kernel.mechanism.ions:
                found |= {(ion.name, v.column) for v in ion.write}
                found |= {(ion.name, 3), (ion.name, 4)}
            if entry.kernel.receive is not None:
                found |= {(v.ion, v.column) for v in entry.kernel.receive.ion_store}
    return frozenset(found)


def _check_order(entries: list[Entry]) -> None:
    """Point processes run before the currents of the nodes, and after their states."""
    for m, entry in enumerate(entries):
        kernel = entry.kernel
        if kernel is None or entry.kind != "point":
            continue
        if kernel.serial:
            raise Unsupported("HX022", f"{entry.name}: its instances see each other's ions")
        current, state = kernel.columns.current, kernel.columns.state
        if current is not None and any(v.column >= 3 for v in current.copied):
            raise Unsupported("HX022", f"{entry.name}: a point process that reads an ion current")
        for variable in [] if current is None else current.copied:
            writers = _writers(entries, variable.ion, variable.column)
            if any(writer.current is not None for _, writer in writers):
                raise Unsupported(
                    "HX022", f"{entry.name}: {variable.name} changes before its currents"
                )
        for variable in [] if state is None else state.copied:
            writers = _writers(entries, variable.ion, variable.column)
            if variable.column < 3 and any(k > m and writer.state for k, writer in writers):
                raise Unsupported(
                    "HX022", f"{entry.name}: {variable.name} changes after its states"
                )


def _writers(entries: list[Entry], ion: str, column: int) -> list[tuple[int, Kernel]]:
    """Those that write this variable of an ion."""
    return [
        (m, entry.kernel)
        for m, entry in enumerate(entries)
        if entry.kernel is not None
        and any(
            i.name == ion and any(v.column == column for v in i.write)
            for i in entry.kernel.mechanism.ions
        )
    ]
