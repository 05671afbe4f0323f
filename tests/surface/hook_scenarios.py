"""Scripts that use and abuse stdrun and the callbacks, for test_hooks.py.

    python hook_scenarios.py plain|heliox NAME

runs the one called NAME and prints everything it saw as JSON, floats as hexadecimal. `on()` in a
scenario is where heliox.enable becomes 1; in plain NEURON it does nothing.
"""

import json
import sys
from pathlib import Path

from neuron import h

HELIOX = len(sys.argv) > 1 and sys.argv[1] == "heliox"
if HELIOX:
    import heliox_neuron

SCENARIOS = {}
COUNTED_ADVANCE = "proc advance() { n_called += 1 fadvance() }"
OWN_CONTINUERUN = "proc continuerun() { n_called += 1 while (t < $1 - dt/2) fadvance() }"


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def on():
    if HELIOX:
        heliox_neuron.heliox.enable = 1


def off():
    if HELIOX:
        heliox_neuron.heliox.enable = 0


class Cells:
    """Two hh cables: IClamps, a NetStim, one connection between them; recorded in three ways."""

    def __init__(self, tstop=6):
        h.load_file("stdrun.hoc")
        h("n_called = 0")
        h.tstop = tstop
        self.sections, self.parts, self.seen = [], [], []
        for number in range(2):
            section = h.Section(name=f"cable{number}")
            section.nseg, section.L, section.diam = 5, 200, 2 + number
            section.insert("hh")
            clamp = h.IClamp(section(0.3))
            clamp.delay, clamp.dur, clamp.amp = 1, 5, 0.3
            self.sections.append(section)
            self.parts += [clamp, h.ExpSyn(section(0.7))]
        stim = h.NetStim()
        stim.interval, stim.number, stim.start = 2, 20, 0.5
        first = self.sections[0]
        outer = h.NetCon(stim, self.parts[1])
        inner = h.NetCon(first(0.5)._ref_v, self.parts[3], sec=first)
        for netcon, delay in ((outer, 0.7), (inner, 1.1)):
            netcon.weight[0], netcon.delay = 0.01, delay
        inner.threshold = -20
        self.parts += [stim, outer, inner]
        self.records = [h.Vector().record(s(0.5)._ref_v) for s in self.sections]
        self.records += [h.Vector().record(h._ref_t), h.Vector().record(first(0.5)._ref_m_hh, 0.1)]
        self.records.append(h.Vector())
        inner.record(self.records[-1])

    def at(self, time, action):
        """action runs as an event at this time of each run."""
        cvode = h.CVode()
        self.parts.append(h.FInitializeHandler(lambda: cvode.event(time, action)))

    def see(self, *values):
        self.seen += values

    def try_run(self):
        """run(), noting how it ended."""
        try:
            h.run()
            self.see("ended")
        except Exception as error:
            self.see(type(error).__name__)
        self.see(h.t)

    def outcome(self):
        values = [*self.seen, h.t, h.dt, int(h.stoprun), h.n_called, h.eventcount, h.eventslow]
        values += [s(x).v for s in self.sections for x in (0, 0.1, 0.5, 1)]
        for record in self.records:
            values += [record.size(), *record]
        return [float(v).hex() if isinstance(v, (int, float)) else v for v in values]


@scenario
def run_twice():
    cells = Cells(12)
    on()
    h.run()
    cells.see(h.realtime > 0)
    h.run()
    return cells


@scenario
def stdrun_after_enabling():
    on()
    cells = Cells()
    h.run()
    return cells


@scenario
def continuerun_in_pieces():
    cells = Cells()
    on()
    h.dt = 0.0125
    h.stdinit()
    for until in (0.125, 1, 1, 3.33, 7.012):
        h.continuerun(until)
        cells.see(h.t)
    h.steprun()
    h.advance()
    h.step()
    return cells


@scenario
def several_steps_a_plot():
    cells = Cells(3)
    on()
    h.steps_per_ms = 10
    h.dt = 0.025
    h.stdinit()
    for until in (0.125, 3):
        h.continuerun(until)
        cells.see(h.t, h.nstep_steprun)
    return cells


@scenario
def advance_redefined_before():
    cells = Cells()
    h(COUNTED_ADVANCE)
    on()
    h.run()
    return cells


@scenario
def advance_redefined_after():
    cells = Cells()
    on()
    h.run()
    h(COUNTED_ADVANCE)
    h.run()
    return cells


@scenario
def advance_redefined_at_the_same_size():
    cells = Cells()
    on()
    h.run()
    h("func other_advance() { n_called += 1 return fadvance() }")
    h("proc advance() { other_advance() }")
    h.run()
    h("proc advance() { fadvance() }")
    h.run()
    return cells


@scenario
def advance_redefined_by_an_event():
    cells = Cells()
    on()
    cells.at(2.2, lambda: h(COUNTED_ADVANCE))
    h.run()
    return cells


@scenario
def step_and_plot_redefined():
    cells = Cells()
    on()
    h.run()
    h("proc Plot() { n_called += 1 }")
    h.run()
    h("proc step() { n_called += 1 advance() advance() }")
    h.run()
    return cells


@scenario
def continuerun_redefined_before():
    cells = Cells()
    h(OWN_CONTINUERUN)
    on()
    h.run()
    return cells


@scenario
def continuerun_redefined_and_back():
    cells = Cells()
    on()
    h.run()
    h(OWN_CONTINUERUN)
    h.run()
    text = Path(h.neuronhome(), "lib/hoc/stdrun.hoc").read_text()
    h(text[text.index("proc continuerun") : text.index("proc steprun")])
    h.run()
    return cells


@scenario
def screen_update_often():
    cells = Cells(50)
    h("n_update = 0")
    h("proc screen_update() { n_update += 1 }")
    h.screen_update_invl = 0.0005
    on()
    h.run()
    cells.see(h.n_update > 4)
    return cells


@scenario
def stoprun_by_an_event():
    cells = Cells()
    on()
    cells.at(4.2, "stoprun = 1")
    h.run()
    cells.see(h.t)
    h.continuerun(5)
    return cells


@scenario
def stop_statement_in_an_event():
    cells = Cells()
    on()
    h("proc do_stop() { stop }")
    cells.at(2.2, "do_stop()")
    h("run()")
    cells.see(h.t)
    h.run()
    return cells


@scenario
def dt_and_nstep_changed_by_an_event():
    cells = Cells()
    on()

    def change():
        h.dt = 0.0125
        h.nstep_steprun = 4

    cells.at(4.2, change)
    h.run()
    return cells


@scenario
def shape_changed_by_an_event():
    cells = Cells()
    on()

    def change():
        cells.sections[0].diam = 5
        cells.sections[1].Ra = 80

    cells.at(2.2, change)
    h.run()
    h.run()
    return cells


@scenario
def error_in_an_event():
    cells = Cells()
    on()
    planned = ["hoc", "python"]

    def fail():
        how = planned.pop(0) if planned else ""
        if how == "hoc":
            h('execerror("planned", "in hoc")')
        if how == "python":
            raise ValueError("planned")

    cells.at(2.2, fail)
    for _ in range(3):
        cells.try_run()
    return cells


@scenario
def error_in_a_users_step():
    cells = Cells()
    on()
    h.run()
    h('proc step() { advance() if (t > 2) execerror("planned", "") }')
    cells.try_run()
    h("proc step() { advance() Plot() }")
    h.run()
    return cells


@scenario
def advances_nested_in_an_event():
    cells = Cells()
    on()

    def advance_from_within():
        cells.see(h.t)
        h.fadvance()
        cells.see(h.t)
        h.continuerun(h.t + 0.5)
        cells.see(h.t)

    cells.at(2.2, advance_from_within)
    h.run()
    return cells


@scenario
def section_pushed_by_an_event():
    cells = Cells()
    on()
    cells.at(2.2, cells.sections[1].push)
    h.run()
    cells.see(h.secname())
    return cells


@scenario
def variable_step_in_between():
    cells = Cells()
    on()
    h.cvode_active(1)
    h.run()
    h.cvode_active(0)
    h.run()
    return cells


@scenario
def variable_step_from_an_event_on():
    cells = Cells()
    on()
    cells.at(2.2, lambda: h.cvode_active(1))
    cells.try_run()
    return cells


@scenario
def switched_on_and_off_by_events():
    cells = Cells()
    switches = [on, off, on]
    cells.at(2.2, lambda: switches.pop(0)() if switches else None)
    for _ in range(4):
        h.run()
        cells.see(h.t)
    return cells


@scenario
def wrong_arguments():
    cells = Cells()
    on()
    h.finitialize(-65)
    for arguments in ((), ("text",)):
        try:
            h.continuerun(*arguments)
        except RuntimeError as error:
            cells.see(str(error).partition("; really")[0])
    h.continuerun(3)
    return cells


@scenario
def run_from_a_template():
    cells = Cells()
    on()
    h("""
begintemplate Runner
public go
external run, tstop, continuerun
proc go() { tstop = 4 run() continuerun(7) }
endtemplate Runner
objref runner
runner = new Runner()
""")
    h.runner.go()
    return cells


if __name__ == "__main__":
    print(json.dumps(SCENARIOS[sys.argv[2]]().outcome()))
