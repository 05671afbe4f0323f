"""Handles: look up once, follow the model, never dangle."""

import numpy as np
import pytest

from heliox_neuron.session import HelioX
from heliox_neuron.variables import UnknownVariable, VariableGone


def column(array, **more):
    return {
        "pointer": array.ctypes.data,
        "count": array.shape[0],
        "stride": array.strides[0],
        "dim": 1 if array.ndim == 1 else array.shape[1],
        "unit": "mV",
        "owner": "node",
        **more,
    }


@pytest.fixture
def memory(core):
    array = np.arange(4.0)
    core.memory["v"] = column(array)
    core.frozen = {"mechanisms": []}
    return array


def test_a_handle_shares_the_memory(core, memory):
    v = HelioX(core).variable("v")
    v.array[2] = -65.0
    assert memory[2] == -65.0
    assert np.shares_memory(np.asarray(v), memory)
    assert (v.name, v.shape, v.stride, v.unit, v.owner) == ("v", (4,), 8, "mV", "node")
    assert v.dtype == np.float64
    assert len(v) == 4


def test_an_array_variable_has_two_axes(core, memory):
    table = np.arange(6.0).reshape(3, 2)
    core.memory["x.a"] = column(table)
    assert np.array_equal(HelioX(core).variable("x.a").array, table)


def test_it_is_looked_up_once(core, memory):
    heliox = HelioX(core)
    for _ in range(5):
        assert heliox.variable("v").array[0] == 0.0
    assert core.looked_up == 1


def test_it_follows_the_model(core, memory):
    v = HelioX(core).variable("v")
    longer = np.arange(10.0)
    core.memory["v"] = column(longer)
    core.moved += 1
    assert v.shape == (10,)
    assert v.pointer == longer.ctypes.data


def test_a_variable_that_is_gone_raises(core, memory):
    v = HelioX(core).variable("v")
    del core.memory["v"]
    core.moved += 1
    with pytest.raises(VariableGone, match="HX051"):
        _ = v.array
    assert "gone" in repr(v)


def test_an_empty_column_is_an_empty_array(core, memory):
    core.memory["hh.m"] = {**core.memory["v"], "count": 0, "pointer": 0}
    assert HelioX(core).variable("hh.m").array.shape == (0,)


def test_an_unknown_name_lists_near_ones(core, memory):
    core.memory["hh.m"] = core.memory["v"]
    with pytest.raises(UnknownVariable, match=r"HX052 hh\.mm.*hh\.m"):
        HelioX(core).variable("hh.mm")
