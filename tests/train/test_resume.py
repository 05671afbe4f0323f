"""Calls of fit() one after the other: resuming, optimisers that go on, what is refused."""

from parity.isolate import isolated


@isolated
def test_numbers_are_checked_before_anything_runs():
    import numpy as np
    import pytest

    from heliox_neuron.errors import HelioXValueError
    from train.layered import network, patterns, same

    x, y = patterns(8)
    net = network()
    before = net.get_weights()
    for name in ("clip_norm", "epochs", "batch_size"):
        for value in ("a", -1, 0, np.nan, True, [1]):
            with pytest.raises(HelioXValueError, match=f"HX094 {name} = "):
                net.fit(x, y, verbose=0, **{name: value})
    assert same(before, net.get_weights()) and net.position is None
    net.fit(x, y, verbose=0, clip_norm=np.float32(1))
    assert net.position.options["clip_norm"] == 1.0
