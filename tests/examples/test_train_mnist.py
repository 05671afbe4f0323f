"""hoc_examples/train_mnist.py, briefly, and the readers of digits."""

import gzip

import numpy as np
import pytest

from parity.isolate import isolated
from parity.mods import REPOSITORY


@isolated
def _train(folder):
    import os
    import runpy
    from pathlib import Path

    from heliox_neuron.nn import Sequential

    os.chdir(folder)
    script = runpy.run_path(str(REPOSITORY / "hoc_examples" / "train_mnist.py"))
    words = "--limit 300 --hidden 8 --epochs 3 --batch 4 --lr 0.05 --device host --save net.h5"
    history, result = script["main"](words.split())
    assert history.epoch == [0, 1, 2] and history["loss"][2] < history["loss"][0]
    assert result.accuracy > 0.3  # chance is 0.1
    assert Path("loss.png").stat().st_size > 1000
    net = Sequential.load("net.h5")
    x, y = script["datasets"].digits()[1]
    assert net.evaluate(x[:300], y[:300]) == result


def test_train_mnist(tmp_path):
    pytest.importorskip("sklearn", reason="the default data are scikit-learn's digits")
    _train(folder=str(tmp_path))


def test_files_of_mnist(tmp_path):
    from heliox_neuron.errors import HelioXValueError
    from heliox_neuron.nn import datasets

    def write(name, array, packed):
        head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
        data = head + array.tobytes()
        file = tmp_path / (f"{name}.gz" if packed else name)
        file.write_bytes(gzip.compress(data) if packed else data)
        return file

    rng = np.random.default_rng(0)
    images = [rng.integers(256, size=(n, 4, 3), dtype=np.uint8) for n in (5, 2)]
    labels = [rng.integers(10, size=n, dtype=np.uint8) for n in (5, 2)]
    for part, name in enumerate(("train", "t10k")):
        write(f"{name}-images-idx3-ubyte", images[part], True)
        write(f"{name}-labels-idx1-ubyte", labels[part], part == 1)
    for part, (x, y) in enumerate(datasets.mnist(tmp_path)):
        assert np.array_equal(x, images[part].reshape(-1, 12) / 255)
        assert np.array_equal(y, labels[part])
    write("t10k-labels-idx1-ubyte", labels[0], True)
    with pytest.raises(HelioXValueError, match=r"HX090.*2 images and 5 labels"):
        datasets.mnist(tmp_path)
    cut = write("t10k-labels-idx1-ubyte", labels[1], True)
    cut.write_bytes(gzip.compress(gzip.decompress(cut.read_bytes())[:-1]))
    with pytest.raises(HelioXValueError, match=r"HX090.*no IDX file"):
        datasets.mnist(tmp_path)
    cut.unlink()
    with pytest.raises(HelioXValueError, match=r"HX090.*neither"):
        datasets.mnist(tmp_path)
