"""hnn-core's default network in NEURON and on one of our engines.

hnn-core 0.6.1 is written for NEURON 8: it calls nrnunit_use_legacy(1) when imported, which NEURON 9
refuses. That one statement is taken out as the file is loaded; nothing else is changed. Install it
without its own NEURON:  pip install --no-deps hnn-core==0.6.1 && pip install scipy h5io
"""

import sys
import warnings
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

from parity import compare, mods

REFUSED = "h.nrnunit_use_legacy(1)"


def import_hnn_core():
    """hnn_core, with the refused call replaced by `pass`."""

    class Loader(SourceFileLoader):
        def get_code(self, fullname):
            source = self.get_source(fullname)
            assert REFUSED in source
            return compile(source.replace(REFUSED, "pass"), self.path, "exec")

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "hnn_core.network_builder":
                return None
            spec = PathFinder.find_spec(name, path)
            spec.loader = Loader(name, spec.origin)
            return spec

    sys.meta_path.insert(0, Finder)
    import hnn_core

    return hnn_core


def simulate(hnn_core, mesh, tstop):
    """Traces of one trial in this process: simulate_dipole(postproc=False)."""
    network = hnn_core.jones_2009_model(add_drives_from_params=True, mesh_shape=mesh)
    with hnn_core.JoblibBackend(n_jobs=1):
        dipoles = hnn_core.simulate_dipole(
            network, tstop=tstop, dt=0.025, n_trials=1, record_vsec="soma", verbose=False
        )
    response = network.cell_response
    found = {f"dipole {key}": values for key, values in dipoles[0].data.items()}
    found["spike times"] = response.spike_times[0]
    found["spike gids"] = response.spike_gids[0]
    for gid, sections in response.vsec[0].items():
        for name, values in sections.items():
            found[f"v of {name} of {gid}"] = values
    return {name: compare.contents(values) for name, values in found.items()}


def check(heliox, engine, mesh, tstop):
    """AssertionError unless `engine` leaves NEURON's bits."""
    warnings.simplefilter("ignore")
    hnn_core = import_hnn_core()
    mods.load(Path(hnn_core.__file__).parent / "mod")  # hnn-core finds them loaded
    results = []
    for enable in (0, 1):
        heliox.enable = enable
        before = compare.runs_so_far()
        results.append(simulate(hnn_core, mesh, tstop))
    compare.check_engine(compare.new_runs(before, compare.runs_so_far()), engine, 39 * tstop)
    neuron, ours = (compare.Outcome(traces, {}, []) for traces in results)
    assert len(neuron.traces) > 20 and neuron.traces["spike times"].size
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference
