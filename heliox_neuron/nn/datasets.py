"""Handwritten digits as networks take them: x (samples, pixels) in [0, 1], y class numbers."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..errors import HelioXError, HelioXValueError
from .batch.layers import Doubles

Part: TypeAlias = tuple[Doubles, Any]


def mnist(folder: str | Path) -> tuple[Part, Part]:
    """((x, y), (x_test, y_test)) of the four IDX files of MNIST in a folder, .gz or not.

    x: (60000, 784), x_test: (10000, 784). HX090 where a file is missing or is something else.
    """
    parts = []
    for name in ("train", "t10k"):
        images = _idx(Path(folder), f"{name}-images-idx3-ubyte", 3)
        labels = _idx(Path(folder), f"{name}-labels-idx1-ubyte", 1)
        if len(images) != len(labels):
            raise HelioXValueError(
                "HX090", f"{folder}: {len(images)} images and {len(labels)} labels ({name})."
            )
        parts.append((images.reshape(len(images), -1) / 255.0, labels.astype(np.int32)))
    return parts[0], parts[1]


def _idx(folder: Path, name: str, n_dim: int) -> Any:
    """The array of an IDX file of bytes: magic number 0 0 8 n_dim, sizes, data; big-endian."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            break
    else:
        raise HelioXValueError("HX090", f"{folder} has neither {name}.gz nor {name}.")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        data = file.read()
    sizes = np.frombuffer(data, ">i4", n_dim, 4) if len(data) > 4 + 4 * n_dim else np.zeros(1, int)
    if data[:4] != bytes((0, 0, 8, n_dim)) or len(data) != 4 + 4 * n_dim + sizes.prod():
        raise HelioXValueError("HX090", f"{path} is no IDX file of bytes with {n_dim} dimensions.")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n_dim).reshape(sizes)


def digits(n_test: int = 360, seed: int = 0) -> tuple[Part, Part]:
    """((x, y), (x_test, y_test)) of scikit-learn's 1,797 digits of 8 x 8 pixels, shuffled."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise HelioXError("HX090", "the 8 x 8 digits need scikit-learn.") from error
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    x, y = pixels[order] / 16.0, labels[order].astype(np.int32)
    return (x[:-n_test], y[:-n_test]), (x[-n_test:], y[-n_test:])
