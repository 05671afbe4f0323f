"""Training and testing on MNIST: seconds per 1,000 samples, device memory, accuracy.

    python benchmarks/training.py                                  # timing of three networks
    python benchmarks/training.py --networks 64 --epochs 4 --batches 4 16 --plot loss.png
    python benchmarks/training.py --networks 64 --samples 64       # where there is no GPU

784 input cells, hidden layers of passive pyramidal cells (1,043 compartments each), 10 output
cells; 50 ms a sample, dt 0.25 ms, FP64. Each network is measured in a process of its own. `test` is
evaluate(), `train` is fit() for one epoch: both with everything but building, and with the copy of
the weights to NEURON. Medians of --reps. "best" is the batch with the highest throughput.

Memory: "ours" is what the network's arrays take, "pool" CuPy's allocator at its peak, "driver" what
nvidia-smi's figure grew by (CUDA's context and kernels too).

--epochs trains on all samples and prints the accuracy on the test set, for each of --batches. Where
jaxley is installed, training_jaxley.py runs the same task beside it (--no-jaxley leaves it out).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cases

HERE = Path(__file__).resolve()
MORPHOLOGY = Path("hpc") / "2013_03_06_cell11_1125_H41_06.asc"
NETWORKS = {"64": (64,), "128-64": (128, 64), "256-64": (256, 64)}
PAPER = {"64": (5.06, 4.44), "128-64": (7.09, 5.54), "256-64": (12.32, 8.65)}  # HelioX, train, test
BATCH = 4
SEARCHED = (16, 64, 128, 256, 512, 1024)
PATIENCE = 25.0  # s for the search


def data_dir(given=None):
    """The folder with mnist/ and hpc/, or None."""
    folder = Path(given or os.environ.get("HELIOX_DATA") or cases.REPOSITORY.parent / "shared/data")
    return folder if (folder / MORPHOLOGY).is_file() and (folder / "mnist").is_dir() else None


def make(task):
    """(network, (x, y), (x_test, y_test)) of a task."""
    from heliox_neuron.nn import Dense, PassiveHPC, RateEncoder, Sequential, datasets

    folder = Path(task["data"])
    cell = PassiveHPC(folder / MORPHOLOGY)
    hidden = [Dense(n, cell=cell) for n in NETWORKS[task["network"]]]
    net = Sequential(
        RateEncoder(784), *hidden, Dense(10), seed=task["seed"], device=task["device"]
    )  # fmt: skip
    return net, *datasets.mnist(folder / "mnist")


class Memory:
    """Device memory in MiB; zeros without a GPU."""

    def __init__(self):
        try:
            import cupy

            self.cupy = cupy
            self.before = self._used()
        except Exception:
            self.cupy = None

    def _used(self):
        free, total = self.cupy.cuda.runtime.memGetInfo()
        return total - free

    def figures(self, net):
        found = {"ours": net._executor.bytes() / 2**20, "pool": 0.0, "driver": 0.0}
        if self.cupy is not None:
            found["pool"] = self.cupy.get_default_memory_pool().total_bytes() / 2**20
            found["driver"] = (self._used() - self.before) / 2**20
        return found


def seconds_of(call, reps):
    times = []
    for _ in range(reps):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure_times(task):
    """Seconds per 1,000 samples to train and to test, and the memory at batch 4."""
    from heliox_neuron.train import Adam

    memory = Memory()
    started = time.perf_counter()
    net, (x, y), (x_test, y_test) = make(task)
    net.build()
    found = {"build": time.perf_counter() - started, "times": []}
    n = task["samples"]

    def run(batch):
        few = min(len(x), max(n, 4 * batch))
        train = lambda: net.fit(x[:few], y[:few], batch_size=batch, verbose=0)  # noqa: E731
        test = lambda: net.evaluate(x_test[:few], y_test[:few], batch_size=batch)  # noqa: E731
        net.fit(x[: 2 * batch], y[: 2 * batch], batch_size=batch, verbose=0)  # kernels, memory
        net.evaluate(x_test[: 2 * batch], y_test[: 2 * batch], batch_size=batch)
        per = 1000 / few
        return [batch, per * seconds_of(train, task["reps"]), per * seconds_of(test, task["reps"])]

    net.fit(x[:BATCH], y[:BATCH], batch_size=BATCH, optimizer=Adam(lr=0.005), verbose=0)
    started = time.perf_counter()
    found["times"].append(run(BATCH))
    found["memory"] = memory.figures(net)
    found["executor"] = net.summary().executor
    found["device"] = net._executor.batch.device.name
    for batch in SEARCHED if task["search"] else ():
        found["times"].append(run(batch))
        if time.perf_counter() - started > PATIENCE or _slower(found["times"]):
            break
    return found


def _slower(times):
    return (
        len(times) > 2 and times[-1][1] > 0.97 * times[-2][1] and times[-2][1] > 0.97 * times[-3][1]
    )


def measure_accuracy(task):
    """Accuracy on the test set after each epoch of training on all samples."""
    from heliox_neuron.nn import LambdaCallback
    from heliox_neuron.train import Adam, CosineDecay

    net, (x, y), (x_test, y_test) = make(task)
    shown = LambdaCallback(
        on_epoch_end=lambda epoch, logs: print(
            f"epoch {epoch + 1}: " + ", ".join(f"{k} {v:.4f}" for k, v in logs.items()),
            file=sys.stderr, flush=True,
        )
    )  # fmt: skip
    limit = task["limit"]
    steps = task["epochs"] * -(-len(x[:limit]) // task["batch"])
    rate = CosineDecay(task["lr"], steps)
    history = net.fit(
        x[:limit], y[:limit], epochs=task["epochs"], batch_size=task["batch"],
        optimizer=Adam(lr=rate), validation_data=(x_test[:limit], y_test[:limit]),
        callbacks=[shown], verbose=0,
    )  # fmt: skip
    if task["plot"]:
        history.plot(task["plot"])
    return history.to_dict()


def worker(task):
    task = json.loads(task)
    result = (measure_times if task["what"] == "times" else measure_accuracy)(task)
    print("\n" + json.dumps(result))


def ask(task):
    return cases.run_child(HERE, ["--worker", json.dumps(task)])


# ---- tables --------------------------------------------------------------------------------------


def print_times(options, folder):
    rows, results = [], {}
    for name in options.networks:
        task = base(options, folder, name) | {
            "what": "times", "samples": options.samples, "reps": options.reps,
            "search": not options.no_search,
        }  # fmt: skip
        found = results[name] = ask(task)
        four = found["times"][0]
        print(f"  784-{name}-10: {four[1]:.3f} / {four[2]:.3f} s", file=sys.stderr, flush=True)
        best = min(found["times"], key=lambda line: line[1])
        paper = PAPER[name]
        memory = found["memory"]
        rows.append([
            f"784-{name}-10", f"{four[1]:.3f}", f"{four[2]:.3f}", f"{paper[0]} / {paper[1]}",
            f"{paper[0] / four[1]:.1f}", best[0], f"{best[1]:.4f}", f"{best[2]:.4f}",
            f"{paper[0] / best[1]:.0f}", f"{memory['ours']:.0f}", f"{memory['pool']:.0f}",
            f"{memory['driver']:.0f}", f"{found['build']:.1f}",
        ])  # fmt: skip
    print("seconds per 1,000 samples; memory at batch 4 in MiB\n")
    header = (
        "network", "train, batch 4", "test", "paper", "times", "best batch", "train", "test",
        "times", "ours", "pool", "driver", "build s",
    )  # fmt: skip
    cases.print_table(header, rows, options.markdown)
    for name, found in results.items():
        line = ", ".join(f"{batch}: {1000 / train:.0f}" for batch, train, _ in found["times"])
        print(
            f"784-{name}-10 ({found['executor']} on {found['device']}), samples/s by batch: {line}"
        )
    return results


def print_accuracy(options, folder):
    results = {}
    for name in options.networks:
        for batch in options.batches:
            plot = options.plot and options.plot.replace(".png", f"-{name}-batch{batch}.png")
            lr = options.lr or round(0.0025 * batch**0.5, 4)
            task = base(options, folder, name) | {
                "what": "accuracy", "lr": lr, "epochs": options.epochs, "batch": batch,
                "plot": plot, "limit": options.limit,
            }  # fmt: skip
            found = results[f"{name} batch {batch}"] = ask(task)
            history = found["history"]
            accuracy = ", ".join(f"{value:.4f}" for value in history["val_accuracy"])
            print(
                f"784-{name}-10, batch {batch}, Adam(lr=CosineDecay({lr})): test accuracy by epoch "
                f"{accuracy}; {statistics.mean(history['seconds']):.1f} s an epoch"
                f"{f'; {plot}' if plot else ''}",
                flush=True,
            )
    return results


def print_jaxley(options, folder):
    from importlib.util import find_spec

    if find_spec("jaxley") is None:
        print("Jaxley: not installed")
        return {}
    words = ["--data-dir", folder, "--batch", BATCH, "--samples", 2 * BATCH]
    program = [sys.executable, HERE.with_name("training_jaxley.py"), *words]
    try:
        done = subprocess.run(
            list(map(str, program)), capture_output=True, text=True, check=True,
            env=cases.child_environment(), timeout=options.jaxley_seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"Jaxley: stopped after {options.jaxley_seconds} s (--jaxley-seconds)")
        return {}
    except subprocess.CalledProcessError as error:
        print(f"Jaxley: {(error.stderr.strip().splitlines() or ['no output'])[-1]}")
        return {}
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print(
        f"Jaxley {found['version']} on {found['device']}, 784-64-10, batch {BATCH}: train "
        f"{found['train']:.2f}, test {found['test']:.2f} s per 1,000 samples (compiled in "
        f"{found['compile']:.0f} s)"
    )
    return found


def base(options, folder, name):
    return {
        "network": name, "data": str(folder), "seed": options.seed, "device": options.device,
    }  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", help="folder with mnist/ and hpc/ (HELIOX_DATA)")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--no-search", action="store_true", help="batch 4 only")
    parser.add_argument("--no-timing", action="store_true")
    parser.add_argument("--no-jaxley", action="store_true")
    parser.add_argument("--jaxley-seconds", type=float, default=60.0, help="it is stopped then")
    parser.add_argument("--epochs", type=int, default=0, help="train on all of MNIST")
    parser.add_argument("--batches", type=int, nargs="+", default=[16], help="with --epochs")
    parser.add_argument("--limit", type=int, help="samples of an epoch, with --epochs")
    parser.add_argument("--lr", type=float, help="first rate of Adam; 0.0025*sqrt(batch)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("auto", "gpu", "host"), default="auto")
    parser.add_argument("--plot", help="PNG of the loss curves, with --epochs")
    parser.add_argument("--json", help="write all figures there")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.worker:
        worker(options.worker)
        return 0
    folder = data_dir(options.data_dir)
    if folder is None:
        print(
            "no data: --data-dir or HELIOX_DATA is a folder with mnist/ and hpc/", file=sys.stderr
        )
        return 2
    for name, value in cases.facts() + cases.gpu_facts():
        print(f"{name}: {value}")
    print()
    results = {}
    if not options.no_timing:
        results["times"] = print_times(options, folder)
        if not options.no_jaxley and "64" in options.networks:
            results["jaxley"] = print_jaxley(options, folder)
    if options.epochs:
        results["accuracy"] = print_accuracy(options, folder)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
