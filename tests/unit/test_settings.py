"""Conversion of what hoc, Python, the command line and the environment assign."""

import pytest

from heliox_neuron.errors import HelioXValueError
from heliox_neuron.settings import SETTINGS, from_environment


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("enable", 1.0, True),
        ("enable", 0, False),
        ("enable", "off", False),
        ("strict", "1", True),
        ("threads", 4.0, 4),
        ("threads", "2", 2),
        ("device", "CPU", "cpu"),
        ("fidelity", " fast ", "fast"),
        ("solver", "DHS", "dhs"),
        ("plan", "Fused", "fused"),
        ("device", "gpu", "gpu"),
        ("device", " CUDA", "gpu"),
    ],
)
def test_values_that_are_taken(name, given, kept, host_device):
    value = SETTINGS[name].convert(name, given)
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("name", "given", "code", "says"),
    [
        ("device", "cpuu", "HX030", 'Did you mean "cpu"'),
        ("device", 1.0, "HX030", '"neuron"'),
        ("device", "gpuu", "HX030", 'Did you mean "gpu"'),
        ("fidelity", "exakt", "HX081", 'Did you mean "exact"'),
        ("solver", "contrct", "HX081", 'Did you mean "contract"'),
        ("solver", 2.0, "HX081", '"hines"'),
        ("plan", "fussed", "HX081", 'Did you mean "fused"'),
        ("threads", -1, "HX081", "whole number"),
        ("threads", 1.5, "HX081", "1.5"),
        ("threads", "many", "HX081", "many"),
        ("threads", float("nan"), "HX081", "nan"),
        ("enable", "perhaps", "HX081", "perhaps"),
        ("enable", None, "HX081", "None"),
    ],
)
def test_values_that_are_not(name, given, code, says):
    with pytest.raises(HelioXValueError) as error:
        SETTINGS[name].convert(f"heliox.{name}", given)
    assert error.value.code == code
    assert str(error.value).startswith(code)
    assert says in str(error.value)


def test_a_gpu_is_refused_where_there_is_none(no_gpu):
    for given in ("gpu", "cuda"):
        with pytest.raises(HelioXValueError, match=r"^HX031 heliox\.device = .*CuPy") as error:
            SETTINGS["device"].convert("heliox.device", given)
        assert error.value.code == "HX031"
        assert 'Use "auto" or "cpu"' in str(error.value)
    assert SETTINGS["device"].convert("heliox.device", "auto") == "auto"


def test_a_gpu_that_the_environment_asks_for_in_vain_is_reported(no_gpu):
    values, problems = from_environment({"HELIOX_DEVICE": "gpu", "HELIOX_SOLVER": "dhs"})
    assert values == {"solver": "dhs"}
    assert [problem[:5] for problem in problems] == ["HX031"]


def test_the_environment_presets_and_reports_what_it_cannot_take():
    values, problems = from_environment(
        {"HELIOX_ENABLE": "1", "HELIOX_DEVICE": "tpu", "HELIOX_THREADS": "3", "OTHER": "x"}
    )
    assert values == {"enable": True, "threads": 3}
    assert len(problems) == 1
    assert problems[0].startswith("HX030 HELIOX_DEVICE")
