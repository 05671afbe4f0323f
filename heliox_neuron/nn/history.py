"""What a training has done: metrics of each epoch and the loss of each batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HelioXError


class History:
    """epoch: numbers of the epochs done. history: {"loss": [...], "val_loss": [...], ...} with a
    value an epoch ("loss", "lr", "seconds"; with validation "val_loss", "val_accuracy").
    batch_loss: mean loss of each batch. stopped: why training ended before its last epoch, or "".
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        self.batch_loss: list[float] = []
        self.stopped = ""

    def append(self, epoch: int, logs: dict[str, float]) -> None:
        """The metrics of an epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))

    def __getitem__(self, name: str) -> list[float]:
        return self.history[name]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "epoch": list(self.epoch),
            "history": {name: list(values) for name, values in self.history.items()},
            "batch_loss": list(self.batch_loss),
            "stopped": self.stopped,
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> History:
        """The History that to_dict() was called on."""
        made = cls()
        made.epoch = list(values["epoch"])
        made.history = {name: list(column) for name, column in values["history"].items()}
        made.batch_loss = list(values["batch_loss"])
        made.stopped = values["stopped"]
        return made

    def plot(self, path: str | Path | None = None) -> Any:
        """The loss curve, as a matplotlib Figure; with `path` it is written there too."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError as error:
            raise HelioXError(
                "HX094", 'plots need matplotlib: pip install "heliox-neuron[plot]".'
            ) from error
        figure = Figure(figsize=(6, 4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        n_epoch = len(self.epoch)
        if self.batch_loss:
            per_epoch = len(self.batch_loss) / max(1, n_epoch)
            done = np.arange(1, len(self.batch_loss) + 1) / per_epoch
            axes.plot(done, self.batch_loss, color="0.8", linewidth=0.6, label="batch")
        epochs = np.arange(1, n_epoch + 1)
        for name, style in (("loss", "o-"), ("val_loss", "s--")):
            if name in self.history:
                axes.plot(epochs, self.history[name], style, label=name)
        axes.set(xlabel="epoch", ylabel="loss")
        if "val_accuracy" in self.history:
            right = axes.twinx()
            right.plot(epochs, self.history["val_accuracy"], "^:", color="tab:green")
            right.set_ylabel("validation accuracy", color="tab:green")
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
        if path is not None:
            figure.savefig(path)
        return figure

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {v[-1]:.4g}" for name, v in self.history.items() if v)
        return f"<History: {len(self.epoch)} epochs{', ' + last if last else ''}>"
