"""heliox.gradient() and heliox.check_gradients(): a loss's derivative by the parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import HelioXValueError, suggestion
from ..report.text import Report, Table, number
from .finite_differences import FiniteDifferences
from .losses import Loss
from .parameters import Parameters
from .resistance import Doubles
from .simulation import Simulation, simulation
from .synaptic import SynapticGradient

METHODS: dict[str, Any] = {
    "synaptic": SynapticGradient,
    "finite_differences": FiniteDifferences,
}


class Gradient:
    """dL/dparameters as a NumPy array (`values`, or numpy.asarray(gradient)).

    loss: of the same run; method, exact, reference: how it was computed; names: of the parameters.
    """

    def __init__(self, values: Doubles, loss: float, method: Any, names: tuple[str, ...]) -> None:
        self.values = values
        self.loss = loss
        self.method: str = method.name
        self.exact: bool = bool(method.exact)
        self.reference: str = method.reference
        self.names = names

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]

    @property
    def vector(self) -> Any:
        """The values as a hoc Vector."""
        from .simulation import neuron

        return neuron().Vector(self.values)

    def __repr__(self) -> str:
        return f"<gradient by {self.method}, loss {self.loss:.6g}: {self.values!r}>"


def method_of(
    name: Any, loss: Loss, parameters: Parameters, run: Simulation, **options: Any
) -> Any:
    """The gradient method of this name, for these. HX094 for an unknown one."""
    if not isinstance(loss, Loss) or not isinstance(parameters, Parameters):
        raise HelioXValueError(
            "HX094",
            "a loss comes from heliox.readout(...).mse(...) and the like, parameters from "
            f"heliox.trainable(...): not {loss!r} and {parameters!r}.",
        )
    if name not in METHODS:
        raise HelioXValueError(
            "HX094",
            f"method = {name!r}: use one of {', '.join(METHODS)}.{suggestion(str(name), METHODS)}",
        )
    if not len(parameters):
        raise HelioXValueError("HX094", "there are no parameters.")
    return METHODS[name](loss, parameters, run, **options)


def gradient(
    loss: Loss,
    params: Parameters,
    method: str = "synaptic",
    tstop: float | None = None,
    run: Callable[[], Any] | None = None,
    sample: int = 0,
) -> Gradient:
    """The derivative of a loss by the parameters, after one run (finite_differences: 2 n + 1).

    method "synaptic": exact for passive cells at their steady state (gradient.exact says whether
    that was so), an approximation elsewhere; the parameters are weights of graded synapses in a
    feed-forward network. synaptic.py says how far off, with figures.
    "finite_differences": anything, slowly. tstop: ms, by default the window's end; run: a function
    that initialises and runs the model to tstop, by default finitialize(v_init) and psolve.
    Raises HX094 for wrong arguments, HX097 where a method does not hold, HX051 for deleted objects.
    """
    span = getattr(getattr(loss, "readout", None), "window", None)
    how = method_of(method, loss, params, simulation(run, tstop, span.te if span else None))
    try:
        value, array = how(_row(loss, sample))
    finally:
        how.close()
    return Gradient(array, value, how, params.names)


def _row(loss: Loss, sample: int) -> int:
    n = loss.n_sample
    if n is not None and not 0 <= sample < n:
        raise HelioXValueError("HX096", f"sample {sample}: the loss has targets for {n}.")
    return sample


class GradientReport(Report):
    """worst: the largest relative error of each method (of its largest component)."""

    @property
    def worst(self) -> dict[str, float]:
        return dict(self._data["worst"])


def check_gradients(
    loss: Loss,
    params: Parameters,
    methods: Iterable[str] | str = ("synaptic",),
    step: Any = None,
    tstop: float | None = None,
    run: Callable[[], Any] | None = None,
) -> GradientReport:
    """Gradients beside central finite differences of plain NEURON, as a table.

    The error of a component is |g - reference| / max |reference|. The report prints itself
    (`show()` with rich), `worst` and `to_dict()` hold the numbers. step: see FiniteDifferences.
    """
    names = (methods,) if isinstance(methods, str) else tuple(methods)
    span = loss.readout.window
    model = simulation(run, tstop, span.te)
    reference = FiniteDifferences(loss, params, model, step, plain=True)
    try:
        _, expected = reference()
    finally:
        reference.close()
    found: dict[str, Gradient] = {}
    for name in names:
        found[name] = gradient(loss, params, name, tstop, run)
    scale = float(np.abs(expected).max()) or 1.0
    error = {name: np.abs(g.values - expected) / scale for name, g in found.items()}
    columns = ["parameter", "unit", "NEURON"]
    for name in names:
        columns += [name, "error"] if len(names) == 1 else [name, f"error of {name}"]
    table = Table(columns, right=frozenset(columns[2:]))
    for k, (parameter, unit) in enumerate(zip(params.names, params.units, strict=True)):
        row = [parameter, unit, f"{expected[k]:.6g}"]
        for name in names:
            row += [f"{found[name].values[k]:.6g}", f"{error[name][k]:.1e}"]
        table.rows.append(row)
    worst = {name: float(e.max()) for name, e in error.items()}
    head = [
        f"{name}: largest error {number(worst[name], 2)} of the largest component; "
        f"{'exact here' if found[name].exact else 'not exact here'} ({found[name].reference})."
        for name in names
    ]
    data = {
        "names": list(params.names),
        "reference": expected.tolist(),
        "methods": {name: g.values.tolist() for name, g in found.items()},
        "worst": worst,
    }
    return GradientReport.build(["\n".join(head), table], data)
