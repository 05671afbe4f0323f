"""The HX codes: what happened, where to look, why, and what to do next.

A message starts with its code and is complete in its first line, because hoc prints only text.
`heliox explain HX021` prints an entry; docs/errors.md is this catalogue as a page
(`python -m heliox_neuron.errors > docs/errors.md`).
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass


class HelioXWarning(UserWarning):
    """A mechanism, or the whole model, runs in NEURON's own code: correct, but slower."""


class HelioXError(RuntimeError):
    """An HX code with its message.

    code: "HX031"; the text of the exception starts with it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class HelioXAttributeError(HelioXError, AttributeError):
    """HX080: `heliox` has no such member."""


class HelioXValueError(HelioXError, ValueError):
    """HX030, HX031, HX081: a member of `heliox` does not take this value."""


@dataclass(frozen=True)
class Entry:
    """One code of the catalogue.

    effect: what the simulation does because of it, "host" (the mechanism runs in NEURON's own
        code), "cpu" (the CPU engine runs the model), "neuron" (the whole run does), "error" (the
        statement fails), "note".
    """

    code: str
    title: str
    effect: str
    where: str
    why: str
    next: str


EFFECTS = {
    "host": "The mechanism runs through NEURON's own compiled function inside our step: "
    "the results are the same, it is slower. With a GPU the whole model runs on the CPU engine.",
    "cpu": "The whole model runs on the CPU engine: the results are the same.",
    "neuron": "The whole run is plain NEURON: the results are NEURON's, nothing is faster.",
    "error": "The statement that caused it fails; the simulation's state is untouched.",
    "note": "Nothing changes in the results.",
}

_ENTRIES = [
    Entry(
        "HX021",
        "VERBATIM in a MOD file",
        "host",
        "The MOD file and line in the message.",
        "VERBATIM holds C code, which may do anything (file I/O, Vector access, NEURON's "
        "internals). It is compiled only where it is known to be harmless, such as `return 0;`.",
        "Nothing has to be done. To have the mechanism compiled, write the block in NMODL, or move "
        "it out of BREAKPOINT and the functions that BREAKPOINT calls.",
    ),
    Entry(
        "HX022",
        "an NMODL construct is not compiled",
        "host",
        "The MOD file and line in the message, with the name of the construct.",
        "The compiler translates the constructs for which it can promise NEURON's bits; this one "
        "is not among them yet.",
        "Nothing has to be done. heliox.explain() names the construct.",
    ),
    Entry(
        "HX023",
        "no MOD text",
        "host",
        "The mechanism named in the message.",
        "NEURON holds no source text for it: it is written in C (inside NEURON, or a MOD file "
        "with SUFFIX nothing), or was made by ChannelBuilder.",
        "Nothing has to be done.",
    ),
    Entry(
        "HX024",
        "the NMODL parser rejects the MOD file",
        "host",
        "The MOD file and line in the message.",
        "nocmodl accepted the file, the parser that HelioX uses (neuron.nmodl) does not.",
        "Usually a small fix in the MOD file (the message quotes the parser). The mechanism works "
        "as it is, in NEURON's own code.",
    ),
    Entry(
        "HX025",
        "no C++ compiler, or the compiled source fails",
        "host",
        "The compiler's first error line is in the message; HELIOX_DUMP_DIR keeps the source.",
        "Mechanisms other than NEURON's own are compiled at the first run. That needs g++ or "
        "clang++ in PATH (or the one named by CXX) that can make code for this CPU.",
        "Install g++ 11 or newer and run `heliox doctor`. If the compiler is there, report the "
        "MOD file: generated code that does not compile is a bug.",
    ),
    Entry(
        "HX026",
        "the compiled kernel differs from NEURON's function",
        "host",
        "The mechanism, the column and both values are in the message.",
        "Before first use every kernel and NEURON's own function run on the same columns; one bit "
        "differed. The usual cause: nrnivmodl was run with other flags (-ffast-math, "
        "-march=native, another libm).",
        "Build the mechanism library with nrnivmodl's default flags. With default flags it is a "
        'bug: report the MOD file. heliox.fidelity = "fast" skips this gate.',
    ),
    Entry(
        "HX027",
        "a mechanism is not thread-safe",
        "host",
        "The mechanism named in the message.",
        "It keeps state outside its instances (a file-scope variable, a GLOBAL that is written), "
        "so the order in which its instances are computed matters.",
        "Nothing has to be done: it is computed by one thread, in NEURON's order. Make the "
        "variable RANGE to have it computed in parallel.",
    ),
    Entry(
        "HX028",
        "no compiled kernels on this kind of CPU",
        "host",
        "Every mechanism of the model.",
        "Compiled kernels promise NEURON's bits on x86-64 only: on other CPUs NEURON itself was "
        "built with fused multiply-add, which rounds differently.",
        "Nothing has to be done.",
    ),
    Entry(
        "HX030",
        "unknown device",
        "error",
        "The statement that set heliox.device, --device or HELIOX_DEVICE.",
        'A device is "auto" (the fastest that is right for the model), "cpu", "gpu" or "neuron" '
        "(plain NEURON).",
        "Use one of these. The message quotes what was given.",
    ),
    Entry(
        "HX031",
        "no GPU",
        "error",
        'The statement that set heliox.device = "gpu".',
        "CuPy is not installed, or no CUDA device is visible to it. The message says which.",
        'Install the extra for your driver (`pip install "heliox-neuron[cuda12]"` or "[cuda13]"), '
        'look at nvidia-smi and CUDA_VISIBLE_DEVICES, or use "auto" or "cpu".',
    ),
    Entry(
        "HX032",
        "the GPU engine could not prepare the model",
        "cpu",
        "The first line of the cause is in the warning, all of it in the log (HELIOX_LOG_LEVEL).",
        "The generated source was refused by NVRTC, the package's headers are incomplete, or CUDA "
        "reported an error.",
        "The CPU engine runs the model: same results. It is a bug: report the message with the MOD "
        "files.",
    ),
    Entry(
        "HX033",
        "the model uses what the GPU engine cannot do",
        "cpu",
        "The construct named in the message.",
        "Something in the model, or in the way it is watched, needs the host in every step, or "
        "changes on the host what the device has a copy of (docs/usage.md, On a GPU, has a list).",
        "Nothing has to be done: the results are the same. Without the construct the GPU engine "
        "runs the model.",
    ),
    Entry(
        "HX034",
        "this solver reorders operations",
        "cpu",
        'The statements that set heliox.solver = "contract" and heliox.fidelity = "exact".',
        "The O(log n) solver gives results that differ from NEURON's in the last digits, so it is "
        "for fast fidelity only.",
        'Set heliox.fidelity = "fast", or heliox.solver = "dhs" or "auto".',
    ),
    Entry(
        "HX035",
        "the model does not fit into the GPU's memory",
        "cpu",
        "The estimate and the free memory in the message.",
        "The model's columns, synapses and record buffers together are larger than what is free.",
        "The CPU engine runs the model: same results. Free the GPU, record less, or take a larger "
        "one.",
    ),
    Entry(
        "HX040",
        "variable time step",
        "neuron",
        "cvode.active(1) or cvode_active(1) in the script.",
        "CVODE and IDA choose their own steps; HelioX takes over the fixed step.",
        "Nothing has to be done. Switch CVODE off to run on our engine.",
    ),
    Entry(
        "HX041",
        "extracellular mechanism",
        "neuron",
        "The section named in the message.",
        "With extracellular (or LinearMechanism) NEURON solves another, larger matrix.",
        "Nothing has to be done. To record membrane currents only, "
        "cvode.use_fast_imem(1) with seg._ref_i_membrane_ needs no extracellular.",
    ),
    Entry(
        "HX042",
        "LinearMechanism",
        "neuron",
        "The LinearMechanism object in the script.",
        "It adds equations to NEURON's matrix, which is then solved by another solver.",
        "Nothing has to be done.",
    ),
    Entry(
        "HX043",
        "reaction-diffusion (rxd) or another nonvint block",
        "neuron",
        "The rxd import, or the package that registers a nonvint_block_supervisor callable.",
        "It integrates its own equations inside NEURON's step.",
        "Nothing has to be done.",
    ),
    Entry(
        "HX044",
        "multisplit",
        "neuron",
        "ParallelContext.multisplit in the script.",
        "Cells split over threads or processes use another solver.",
        "Call pc.multisplit(0). heliox.threads spreads cells over threads without splitting them.",
    ),
    Entry(
        "HX045",
        "permuted node order",
        "neuron",
        "pc.optimize_node_order(1) or (2) in the script.",
        "The option stores nodes in another order and changes NEURON's own results in the last "
        "bits.",
        "Leave it at 0 (the default).",
    ),
    Entry(
        "HX046",
        "old point sources",
        "neuron",
        "A call of fstim, fsyn or fclamp in the script.",
        "These sources, older than point processes, add their currents inside NEURON's own step.",
        "Nothing has to be done. IClamp, AlphaSynapse and SEClamp do the same and are accelerated.",
    ),
    Entry(
        "HX047",
        "time measurement of mechanisms",
        "neuron",
        "A call of ParallelContext.mech_time in the script.",
        "It measures NEURON's own functions one by one; ours do several at once.",
        "Nothing has to be done. heliox.report() has the times of our engine.",
    ),
    Entry(
        "HX048",
        "the model cannot be read",
        "neuron",
        "The first advance after the model changed.",
        "The reason is in the message. It is a limit or a defect of HelioX, not of the model.",
        "Nothing has to be done; please report it with `heliox doctor` and the message.",
    ),
    Entry(
        "HX050",
        "NaN",
        "note",
        "The segment, the time and the first variable that is NaN are in the message.",
        "The model diverged: a division by zero, an exp that overflows, a step that is too long. "
        "As in NEURON the run goes on; with heliox.strict = 1 it stops.",
        'Look at the named mechanism. heliox.device = "neuron" shows the same in plain NEURON.',
    ),
    Entry(
        "HX051",
        "a variable is gone",
        "error",
        "The name in the message.",
        "The handle's section, mechanism or object was deleted after the handle was made.",
        "Ask for a new one: heliox.variable(name).",
    ),
    Entry(
        "HX052",
        "unknown variable",
        "error",
        "The name given to heliox.variable().",
        "The frozen model has no column with this name.",
        "Names are those of NEURON: v, hh.m, ExpSyn.g, na_ion.ena. The message lists near ones.",
    ),
    Entry(
        "HX053",
        "results differ from NEURON",
        "note",
        "heliox.verify() or --verify; the report names the first difference.",
        "The run on our engine and the run in NEURON are not bit-identical. If two runs in NEURON "
        "differ as well (the report says so), the model itself is not repeatable: it draws from a "
        "random stream that finitialize does not restart, or keeps state between runs.",
        'With fidelity "exact" and a repeatable model it is a bug: report the model, and use '
        'heliox.device = "neuron" until it is mended.',
    ),
    Entry(
        "HX054",
        "a variable has no copy on the GPU",
        "error",
        "The name of the variable whose .device was asked for.",
        "Nothing has run on the GPU yet, or none of its kernels uses this variable.",
        'Run some steps with heliox.device = "gpu" first; variable.array is NEURON\'s own memory '
        "and is always there.",
    ),
    Entry(
        "HX057",
        "arrays of a network do not fit",
        "error",
        "The layer and the array in the message.",
        "A network for training is given inputs, targets, weights or layers whose shapes or "
        "values do not belong together.",
        "The message says what was given and what is expected.",
    ),
    Entry(
        "HX058",
        "training diverged",
        "error",
        "The epoch, the batch and the loss in the message.",
        "A loss, a gradient or a voltage became NaN or infinite: most often the learning rate "
        "is too high, else a target or an input is far outside what the cells can reach.",
        "The last weights with a finite loss are kept, in NEURON's objects too. Train on from "
        "them with a lower learning rate (Adam(lr=...)), or clip the gradient (clip_norm=1).",
    ),
    Entry(
        "HX060",
        "this NEURON version is not tested",
        "neuron",
        "`import heliox_neuron`, or loading libheliox.so.",
        "HelioX reads NEURON's memory by the layouts of the versions it was tested with. With "
        "another version that would be a guess, so the plugin stays off.",
        "Install a tested version (the message names them).",
    ),
    Entry(
        "HX061",
        "cannot hook into NEURON",
        "neuron",
        "`import heliox_neuron`, or loading libheliox.so.",
        "The compiled core is missing or does not load, or a symbol that HelioX hooks "
        "(fadvance, finitialize, psolve) is not where it is expected.",
        "Run `heliox doctor`. Reinstall with pip if the compiled core is missing.",
    ),
    Entry(
        "HX070",
        "the kernel cache cannot be written",
        "note",
        "The directory in the message.",
        "Compiled mechanisms are kept there; without it they are compiled again in each process.",
        "Set HELIOX_CACHE_DIR to a directory that can be written.",
    ),
    Entry(
        "HX080",
        "unknown member of heliox",
        "error",
        "The statement in the message.",
        "A typo would otherwise be silent: nothing would be switched on.",
        "The message suggests the nearest member. "
        "Members: enable, device, fidelity, strict, threads, progress, report(), explain(), "
        "verify(), variable(); for training trainable(), readout(), gradient(), "
        "check_gradients(), fit(), load_mechanisms(), nn, Adam, SGD.",
    ),
    Entry(
        "HX081",
        "a value that a member of heliox does not take",
        "error",
        "The statement in the message, or the environment variable it names.",
        'For example heliox.threads = -1 or heliox.fidelity = "exakt".',
        "The message lists the values that are taken.",
    ),
    Entry(
        "HX090",
        "data that a network cannot take",
        "error",
        "The argument (x, y, ...) in the message, with its shape or its first wrong value.",
        "Shapes do not fit the layers, an input is NaN or outside 0 to 1, or a target is not "
        "one of the classes. It is found before anything runs, so that no result is computed "
        "from it.",
        "Mend the data as the message says: x is (samples, inputs) with values from 0 to 1, y "
        "is (samples,) of class numbers or (samples, outputs) of window means in mV.",
    ),
    Entry(
        "HX091",
        "a network that cannot be built",
        "error",
        "The layer, cell or setting in the message.",
        "The cell has no soma, its file cannot be read, its template is unknown, or a number is "
        "out of range.",
        "The message says what is taken. docs/training-nn.md lists cells, encoders and their "
        "arguments.",
    ),
    Entry(
        "HX092",
        "a saved network that cannot be used",
        "error",
        "The file in the message.",
        "The file is not one that save() wrote, is of a newer version, or holds another "
        "architecture, or training is resumed with other data than it was saved with.",
        "Load it with Sequential.load(path), and resume with the same x, y, batch_size and loss.",
    ),
    Entry(
        "HX093",
        "our mechanisms are not available",
        "error",
        "The statement that needs HelioxGradedSynapse or another mechanism of the package.",
        "Their library is not installed beside the package, or the program has other mechanisms "
        "with the same names and other variables.",
        "Reinstall the package, or rename the mechanism of your own.",
    ),
    Entry(
        "HX094",
        "a value that training does not take",
        "error",
        "The argument in the message.",
        "For example a negative learning rate, a window that ends before it begins, or a state "
        "that belongs to an optimiser of another size.",
        "The message says what is taken.",
    ),
    Entry(
        "HX095",
        "not a trainable variable",
        "error",
        "The object and the name in the message of heliox.trainable().",
        "Trainable are the weights of NetCons and the PARAMETERs (RANGE variables that no "
        "simulation step assigns) of point processes and density mechanisms.",
        "The message lists the variables that this object has.",
    ),
    Entry(
        "HX096",
        "data that do not fit",
        "error",
        "The readout, loss or fit in the message, with the shape or the value it was given.",
        "A target outside of the classes, NaN among inputs or targets, or another number of "
        "values than the model has outputs or inputs. Nothing was changed.",
        "The message names what was expected.",
    ),
    Entry(
        "HX097",
        "a gradient method does not treat this model",
        "error",
        "The parameter or the connection in the message.",
        "A method holds for some models only: `synaptic` for feed-forward networks of graded "
        "synapses (and single-event synapses) whose weights are trained.",
        "Finite differences (method finite_differences) treat every parameter of every model, with "
        "two runs for each.",
    ),
]

CATALOGUE: dict[str, Entry] = {entry.code: entry for entry in _ENTRIES}

_CODE = re.compile(r"^\s*(?:hx)?0*(\d{1,3})\s*$", re.IGNORECASE)


def split_code(message: str) -> tuple[str, str]:
    """("HX060", "NEURON 9.1 ...") of "HX060 NEURON 9.1 ..."; ("", message) without a code."""
    match = re.match(r"(HX\d{3})[:\s]+(.*)", message, re.DOTALL)
    return (match[1], match[2]) if match else ("", message)


def suggestion(name: str, known: Iterable[str]) -> str:
    """' Did you mean "enable"?' for a near miss, else ''."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""


def explain(code: str) -> str:
    """The catalogue's text for a code ("HX021", "hx21" or "21").

    Raises KeyError with the list of codes for an unknown one.
    """
    match = _CODE.match(code)
    entry = CATALOGUE.get(f"HX{int(match[1]):03d}") if match else None
    if entry is None:
        raise KeyError(f"{code} is not an HX code. Codes: {', '.join(CATALOGUE)}")
    lines = [f"{entry.code}  {entry.title}", ""]
    for label, text in _paragraphs(entry):
        lines.append(
            textwrap.fill(f"{label}: {text}", 96, initial_indent="  ", subsequent_indent="    ")
        )
    return "\n".join(lines)


def markdown() -> str:
    """docs/errors.md."""
    lines = [
        "# HX codes",
        "",
        "`heliox explain HX021` prints an entry in the terminal. This page is made from the same",
        "catalogue: `python -m heliox_neuron.errors > docs/errors.md`.",
    ]
    for entry in CATALOGUE.values():
        lines += ["", f"## {entry.code}: {entry.title}", ""]
        lines += [f"- **{label}**: {text}" for label, text in _paragraphs(entry)]
    return "\n".join(lines) + "\n"


def _paragraphs(entry: Entry) -> list[tuple[str, str]]:
    return [
        ("Effect", EFFECTS[entry.effect]),
        ("Where", entry.where),
        ("Why", entry.why),
        ("Next", entry.next),
    ]


if __name__ == "__main__":
    print(markdown(), end="")
