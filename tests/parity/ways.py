"""The ways in which scripts advance NEURON: each is `advance(model)` up to h.tstop."""

import tempfile
from pathlib import Path

from neuron import h

h.load_file("stdrun.hoc")
h("""
proc hx_fadvance_loop() {
    finitialize(v_init)
    while (t < tstop - dt/2) { fadvance() }
}
proc hx_nothing() { }
""")


def run(model):
    h.run()


def continuerun(model):
    h.stdinit()
    for part in (0.3, 0.31, 1.0):
        h.continuerun(part * h.tstop)


def steprun(model):
    h.stdinit()
    while h.t < h.tstop - h.dt / 2:
        h.steprun()


def hoc_fadvance(model):
    h.hx_fadvance_loop()


def python_fadvance(model):
    h.finitialize(h.v_init)
    total = 0.0
    while h.t < h.tstop - h.dt / 2:
        h.fadvance()
        total += model.sections[0](0.5).v  # what is read here must be current
        model.notes.append(total)


def psolve(model):
    h.ParallelContext().set_maxstep(10)
    h.finitialize(h.v_init)
    h.ParallelContext().psolve(h.tstop)


def psolve_50(model):
    h.ParallelContext().set_maxstep(10)
    h.finitialize(h.v_init)
    for part in range(1, 51):
        h.ParallelContext().psolve(h.tstop * part / 50)


def batch_run(model):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "batch.txt"
        h.finitialize(h.v_init)
        h.batch_save()
        h.batch_save(model.sections[0](0.5)._ref_v)
        h.batch_run(h.tstop, 1.0, str(file), "parity")
        lines = file.read_text().split("\n")
    words = [word for line in lines for word in line.split()]
    model.notes.extend(float(word) for word in words if word.lstrip("-")[:1].isdigit())


def fixed_step(model):
    cvode = h.CVode()
    h.finitialize(h.v_init)
    while h.t < h.tstop - h.dt / 2:
        cvode.fixed_step()


WAYS = {
    function.__name__: function
    for function in (
        run,
        continuerun,
        steprun,
        hoc_fadvance,
        python_fadvance,
        psolve,
        psolve_50,
        batch_run,
        fixed_step,
    )
}
