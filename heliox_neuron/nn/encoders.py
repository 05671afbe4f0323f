"""Input layers: numbers in [0, 1] become spikes onto input cells.

In NEURON an input cell is a PointCell with an ExpSyn. `encode` makes a batch of inputs what a
network takes; `present` puts one sample of it into NEURON for the next finitialize.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import HelioXValueError
from .batch.layers import Doubles, RateCode
from .cells import Compartments, PointCell, compartments


class Encoder:
    """n input cells. weight: uS, tau: ms, e: mV of their ExpSyn; delay: ms."""

    code: RateCode | None = None  # for networks that make the spikes of a rate code themselves

    def __init__(self, n: int, weight: float, tau: float, e: float, delay: float) -> None:
        if int(n) != n or n < 1:
            raise HelioXValueError("HX091", f"{type(self).__name__}({n!r}): a number of inputs.")
        for name, value in (("tau", tau), ("weight", weight)):
            if not 0 < value < np.inf:
                raise HelioXValueError("HX091", f"{name} = {value!r}: a number above 0.")
        if not 0 <= delay < np.inf:
            raise HelioXValueError("HX091", f"delay = {delay!r}: a time in ms.")
        self.n = int(n)
        self.weight, self.tau, self.e, self.delay = weight, tau, e, delay
        self.cells: list[Compartments] = []
        self.synapses: list[Any] = []

    def build(self) -> None:
        """Makes the cells and synapses in NEURON."""
        from neuron import h

        factory = PointCell()
        for i in range(self.n):
            cell = compartments(factory.make(f"input[{i}]"), "inputs")
            synapse = h.ExpSyn(cell.soma)
            synapse.tau, synapse.e = self.tau, self.e
            self.cells.append(cell)
            self.synapses.append(synapse)
        self._build_sources()

    def _build_sources(self) -> None:
        raise NotImplementedError

    def encode(self, x: Doubles, random: np.random.Generator, duration: float) -> Doubles:
        """What a network takes for x (B, n): x itself with `code`, else times (B, n, K) in ms."""
        raise NotImplementedError

    def encode_again(self, x: Doubles, first: int, duration: float) -> Doubles:
        """encode() that gives the same at every call. first: number of the first sample of x."""
        return self.encode(x, np.random.default_rng(0), duration)

    def times(self, x: Doubles, random: np.random.Generator, duration: float) -> Doubles:
        """(B, n, K) ms: when spikes are due at the synapses, ascending, filled with inf."""
        raise NotImplementedError

    def present(self, encoded: Doubles) -> None:
        """One sample of encode(), for the next finitialize() in NEURON."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Name and arguments."""
        return {
            "kind": type(self).__name__, "n": self.n, "weight": self.weight, "tau": self.tau,
            "e": self.e, "delay": self.delay,
        }  # fmt: skip


class RateEncoder(Encoder):
    """At most `number` regular spikes, one every scale/(x + epsilon) ms, the first at base + that.

    One NetStim an input; its spikes reach an ExpSyn (tau ms, e mV, weight uS) after delay ms.
    The defaults are those of Zhang et al. 2023.
    """

    def __init__(
        self,
        n: int,
        scale: float = 5.0,
        base: float = 9.0,
        epsilon: float = 0.01,
        number: int = 100,
        delay: float = 1.0,
        weight: float = 0.05,
        tau: float = 0.5,
        e: float = 1.0,
    ) -> None:
        super().__init__(n, weight, tau, e, delay)
        if not (scale > 0 and epsilon > 0 and base >= 0 and int(number) == number >= 1):
            raise HelioXValueError(
                "HX091",
                f"RateEncoder(scale={scale!r}, base={base!r}, epsilon={epsilon!r}, "
                f"number={number!r}): scale and epsilon above 0, base from 0, number from 1.",
            )
        self.code = RateCode(float(scale), float(base), float(epsilon), int(number), float(delay))
        self.stims: list[Any] = []
        self.netcons: list[Any] = []

    def _build_sources(self) -> None:
        from neuron import h

        code = self._code
        for synapse in self.synapses:
            stim = h.NetStim()
            stim.noise, stim.number = 0, code.number
            stim.interval, stim.start = code.scale / code.epsilon, 1e9
            netcon = h.NetCon(stim, synapse)
            netcon.delay, netcon.weight[0] = code.delay, self.weight
            self.stims.append(stim)
            self.netcons.append(netcon)

    @property
    def _code(self) -> RateCode:
        assert self.code is not None
        return self.code

    def encode(self, x: Doubles, random: np.random.Generator, duration: float) -> Doubles:
        return x

    def times(self, x: Doubles, random: np.random.Generator, duration: float) -> Doubles:
        code = self._code
        interval = code.scale / (x + code.epsilon)
        n = min(code.number, max(1, int((duration - code.base) * (1 + code.epsilon) / code.scale)))
        spikes = np.repeat(interval[:, :, None], n, axis=2)
        # NetStim's arithmetic: start + interval - interval, then an interval more each time
        spikes[:, :, 0] = (code.base + interval) + interval - interval
        spikes = np.cumsum(spikes, axis=2) + code.delay
        return np.where(spikes < duration, spikes, np.inf)

    def present(self, encoded: Doubles) -> None:
        code = self._code
        intervals: list[float] = np.asarray(code.scale / (encoded + code.epsilon)).tolist()
        for stim, interval in zip(self.stims, intervals, strict=True):
            stim.interval, stim.start = interval, code.base + interval

    def describe(self) -> dict[str, Any]:
        code = self._code
        return {
            **super().describe(), "scale": code.scale, "base": code.base,
            "epsilon": code.epsilon, "number": code.number,
        }  # fmt: skip


class PoissonEncoder(Encoder):
    """Poisson spikes at x * rate per second, drawn by NumPy; each presentation draws anew.

    seed: of predict() and evaluate(), whose spikes are the same at every call; those of fit()
    come from the network's seed. Synapse as in RateEncoder.
    """

    def __init__(
        self,
        n: int,
        rate: float = 200.0,
        seed: int = 0,
        delay: float = 1.0,
        weight: float = 0.05,
        tau: float = 0.5,
        e: float = 1.0,
    ) -> None:
        super().__init__(n, weight, tau, e, delay)
        if not 0 < rate < np.inf:
            raise HelioXValueError("HX091", f"rate = {rate!r}: spikes a second, above 0.")
        self.rate, self.seed = float(rate), int(seed)
        self.netcons: list[Any] = []
        self._presented = np.full((self.n, 0), np.inf)

    def _build_sources(self) -> None:
        from neuron import h

        for synapse in self.synapses:
            netcon = h.NetCon(None, synapse)
            netcon.delay, netcon.weight[0] = self.delay, self.weight
            self.netcons.append(netcon)
        self._handler = h.FInitializeHandler(self._queue)

    def _queue(self) -> None:
        """finitialize has emptied the queue: the presented spikes go into it."""
        for netcon, times in zip(self.netcons, self._presented, strict=True):
            for t in times[np.isfinite(times)].tolist():
                netcon.event(t)

    def encode(self, x: Doubles, random: np.random.Generator, duration: float) -> Doubles:
        return self.times(x, random, duration)

    def encode_again(self, x: Doubles, first: int, duration: float) -> Doubles:
        each = [
            self.times(x[k : k + 1], np.random.default_rng([self.seed, first + k]), duration)[0]
            for k in range(len(x))
        ]
        most = max(times.shape[1] for times in each)
        filled = np.full((len(x), self.n, most), np.inf)
        for k, times in enumerate(each):
            filled[k, :, : times.shape[1]] = times
        return filled

    def times(self, x: Doubles, random: np.random.Generator, duration: float) -> Doubles:
        count = np.asarray(random.poisson(x * (self.rate * duration / 1e3)))
        most = max(1, int(count.max(initial=0)))
        drawn = random.uniform(0.0, duration, (*x.shape, most)) + self.delay
        late = (np.arange(most) >= count[:, :, None]) | (drawn >= duration)
        return np.sort(np.where(late, np.inf, drawn), axis=2)

    def present(self, encoded: Doubles) -> None:
        self._presented = np.array(encoded)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "rate": self.rate, "seed": self.seed}


def from_description(description: dict[str, Any]) -> Encoder:
    """The encoder that describe() was called on."""
    kinds: dict[str, type[Encoder]] = {
        "RateEncoder": RateEncoder, "PoissonEncoder": PoissonEncoder
    }  # fmt: skip
    values = {k: v for k, v in description.items() if k != "kind"}
    if description["kind"] not in kinds:
        raise HelioXValueError("HX092", f"unknown encoder {description['kind']!r}.")
    return kinds[description["kind"]](**values)
