"""Vectors that record and play, and thresholds, in the GPU engine's batches: bits as in NEURON."""

import pytest

from parity.isolate import isolated

PLAYED = {  # variable: values; what the device does not hold goes to the CPU engine
    "v": (-65, 10, -70, 20),
    "m_hh": (0.1, 0.2, 0.3, 0.1),
    "gnabar_hh": (0.12, 0.1, 0.11, 0.13),
    "ena": (50, 51, 52, 49),
    "nai": (10, 11, 12, 13),
    "cm": (1, 1.1, 1.2, 0.9),
    "diam": (20, 19, 21, 20),
}
HELD = ("v", "m_hh", "gnabar_hh", "ena")


def played(name, continuous):
    """ball_and_stick with a Vector that plays into a variable of a soma, from 5 ms on."""
    from neuron import h

    from parity import models

    built = models.ball_and_stick()
    values = built.keep(h.Vector(PLAYED[name]))
    times = built.keep(h.Vector([5.025, 15.01, 20.0, 33.0125]))
    place = getattr(built.sections[0](0.5), f"_ref_{name}")
    values.play(place, times, True) if continuous else values.play(place, times)
    for number, threshold in enumerate((-40, 5, 15)):
        detector = built.connect(built.sections[0](0.5), None, threshold=threshold)
        detector.record(built.times, built.gids, 10 + number)
    return built


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("name", PLAYED)
@isolated
def test_play(name, continuous):
    from neuron import h

    from parity import device

    def build():
        return played(name, continuous)

    def records(built):
        return {"times": built.times, "numbers": built.gids}

    if name in HELD:
        device.same_bits(build, lambda built: h.run(), records)
    else:
        reason = f"a Vector plays into soma0(0.5).{name}, of which the device has no copy"
        device.refused(build, lambda built: h.run(), "HX033", reason, records)


@pytest.mark.parametrize("name", ["celsius", "usetable_hh", "weight"])
@isolated
def test_play_into_what_the_device_does_not_hold(name):
    from neuron import h

    from parity import device, models

    def build():
        built = models.ball_and_stick()
        netcon = built.netcons[0]
        place = {
            "celsius": h._ref_celsius,
            "usetable_hh": h._ref_usetable_hh,
            "weight": netcon._ref_weight[0],
        }[name]
        values = built.keep(h.Vector([1, 0.5, 2]))
        values.play(place, built.keep(h.Vector([5.0, 10.01, 20])))
        return built

    called = {"weight": "NetCon[0].weight[0]"}.get(name, name)
    reason = f"plays into {called}, of which the device has no copy (set it between two advances"
    device.refused(build, lambda built: h.run(), "HX033", reason, models.spikes)


@isolated
def test_records_of_all_kinds():
    """Every step, with Dt, at given times: v, states, currents, parameters, weights, t, celsius."""
    from neuron import h

    from parity import device, models

    names = "v m_hh ina ena nai gna_hh minf_hh i_cap gnabar_hh cm diam".split()

    def record(built):
        soma, synapse = built.sections[0](0.5), built.kept[0]
        given = built.keep(h.Vector([0, 0.1, 0.33, 2.5, 2.5001, 7.77, 30.0, 49.99]))
        found = models.spikes(built)
        places = {name: getattr(soma, f"_ref_{name}") for name in names}
        places |= {name: getattr(synapse, f"_ref_{name}") for name in "g i tau".split()}
        places["weight"] = built.netcons[0]._ref_weight[0]
        places["celsius"] = h._ref_celsius
        places["interval"] = built.stim(77)._ref_interval
        places["time"] = h._ref_t
        for name, place in places.items():
            found[name] = h.Vector().record(place)
            found[f"{name} every 0.13"] = h.Vector().record(place, 0.13)
            if name != "time":
                found[f"{name} at times"] = h.Vector().record(place, given)
        return found

    device.same_bits(models.ball_and_stick, lambda built: h.run(), record)


@isolated
def test_time_at_given_times_is_refused():
    from neuron import h

    from parity import device, models

    times = h.Vector([0.1, 2.5])

    def record(built):
        return {"time": h.Vector().record(h._ref_t, times)}

    device.refused(
        models.mixed_cells,
        lambda b: h.run(),
        "HX033",
        "records t at given times (record it in every",
        record,
    )


@pytest.mark.parametrize("name", ["i_cap", "ina", "gna_hh", "minf_hh", "dina_dv_"])
@isolated
def test_sampled_with_dt_alone(name):
    """Columns that most steps leave out are there when a sample at some steps asks for them."""
    from neuron import h

    from parity import device, models

    def record(built):
        return {name: h.Vector().record(getattr(built.sections[0](0.5), f"_ref_{name}"), 0.13)}

    device.same_bits(models.ball_and_stick, lambda built: h.run(), record, v_traces=False)


@isolated
def test_record_of_a_weight_that_net_receive_assigns():
    from neuron import h

    from parity import device, models, mods

    mods.load()

    def build():
        built = models.Model()
        soma = built.section("soma", 1, (18, 18), ("hh",))
        built.connect(built.stim(1, 4), built.keep(h.hxDepress(soma(0.5))), 0.03, 0.7)
        return built

    def record(built):
        return {k: h.Vector().record(built.netcons[0]._ref_weight[k], 0.1) for k in range(3)}

    device.refused(
        build,
        lambda b: h.run(),
        "HX033",
        "records NetCon[0].weight[0], a weight that NET_RECEIVE assigns (without this record",
        lambda m: {f"w{k}": v for k, v in record(m).items()},
    )
    device.same_bits(build, lambda b: (h.run(), b.notes.extend(weights(b))), notes)


def weights(built):
    netcon = built.netcons[0]
    return [netcon.weight[k] for k in range(int(netcon.wcnt()))]


def notes(built):
    return {"notes": built.notes}


@isolated
def test_thresholds_on_other_variables_than_v():
    from neuron import h

    from parity import device, models

    def record(built):
        found = models.spikes(built)
        soma = built.sections[0]
        for name, threshold in (("gna_hh", 0.001), ("ina", -0.5), ("m_hh", 0.3), ("v", -30)):
            source = getattr(soma(0.5), f"_ref_{name}")
            detector = built.keep(h.NetCon(source, None, sec=soma))
            detector.threshold = threshold
            found[name] = built.keep(h.Vector())
            detector.record(found[name])
        return found

    device.same_bits(models.ball_and_stick, lambda built: h.run(), record)


@isolated
def test_a_netcon_that_watches_what_the_device_does_not_hold():
    from neuron import h

    from parity import device, models

    def build():
        built = models.ball_and_stick()
        soma = built.sections[0]
        netcon = built.keep(h.NetCon(soma(0.5)._ref_cm, None, sec=soma))
        netcon.threshold = 0.25
        netcon.record(built.times, built.gids, 3)
        return built

    reason = "a NetCon watches soma0(0.5).cm, of which the device has no copy (without this NetCon"
    device.refused(build, lambda built: h.run(), "HX033", reason, models.spikes)
