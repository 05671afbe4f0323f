"""The GPU engine in the parity tests: which device, and what the report must say.

The kernels run on the host unless HELIOX_GPU_DEVICE=cuda says otherwise.
"""

import os

from parity import compare


def use(fidelity="exact", solver="auto"):
    """The GPU engine from the next advance on with the switch on. Returns the `heliox` object."""
    os.environ.setdefault("HELIOX_GPU_DEVICE", "host")
    heliox = compare.session()
    heliox.device, heliox.fidelity, heliox.solver = "gpu", fidelity, solver
    return heliox


def same_bits(build, advance, record=None, *, steps=1, v_traces=True):
    """As compare.run_both; every run must have been on the GPU engine."""
    use()
    return compare.run_both(build, advance, record, engine="gpu", steps=steps, v_traces=v_traces)


def refused(build, advance, code, reason, record=None, *, v_traces=True):
    """As compare.run_both; every run must have gone to the CPU engine with code and reason."""
    use()
    neuron, ours = compare.run_both(build, advance, record, engine="cpu", v_traces=v_traces)
    for run in ours.runs:
        assert (run["code"], reason in run["reason"]) == (code, True), run
    return neuron, ours


def steps_by_engine(runs):
    """Steps of each engine, those that the GPU engine left to the host as "host"."""
    done = {}
    for run in runs:
        host = run.get("host_steps", 0)
        done[run["engine"]] = done.get(run["engine"], 0) + run["steps"] - host
        if host:
            done["host"] = done.get("host", 0) + host
    return done
