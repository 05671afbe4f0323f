"""Trains a network of NEURON cells on handwritten digits.

    python train_mnist.py                     8 x 8 digits of scikit-learn, cells without a file
    python train_mnist.py --data mnist --morphology cell.asc --hidden 128 64 --save net.h5

Pixels become spikes onto point cells; hidden cells are passive trees, or pyramidal cells with the
morphology of a file, with graded synapses on their dendrites; the output cell with the highest mean
voltage is the answer. --data is a folder with the four files of MNIST (train-images-idx3-ubyte.gz
and so on). The weights are in NEURON's synapses afterwards.
"""

import argparse
import time

from heliox_neuron.nn import Dense, PassiveHPC, PassiveTree, RateEncoder, Sequential, datasets
from heliox_neuron.train import Adam, CosineDecay


def arguments(words=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder of MNIST's files; else scikit-learn's digits")
    parser.add_argument("--morphology", help=".asc or .swc file of the hidden cells")
    parser.add_argument("--hidden", type=int, nargs="+", default=[16], help="cells of each layer")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16, help="samples of an update")
    parser.add_argument("--lr", type=float, default=0.02, help="Adam's first learning rate")
    parser.add_argument("--limit", type=int, help="train and test with this many samples only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("auto", "gpu", "host"), default="auto")
    parser.add_argument("--save", help="write the trained network there (HDF5)")
    parser.add_argument("--plot", default="loss.png", help="write the loss curve there")
    return parser.parse_args(words)


def main(words=None):
    options = arguments(words)
    train, test = datasets.mnist(options.data) if options.data else datasets.digits()
    (x, y), (x_test, y_test) = (tuple(part[: options.limit] for part in s) for s in (train, test))
    cell = PassiveHPC(options.morphology) if options.morphology else PassiveTree()
    net = Sequential(
        RateEncoder(x.shape[1]),
        *(Dense(n, cell=cell) for n in options.hidden),
        Dense(10),
        seed=options.seed,
        device=options.device,
    )
    print(net.summary())
    rate = CosineDecay(options.lr, steps=options.epochs * -(-len(x) // options.batch))
    started = time.perf_counter()
    history = net.fit(
        x, y, epochs=options.epochs, batch_size=options.batch, optimizer=Adam(lr=rate),
        verbose=2,
    )  # fmt: skip
    print(f"{len(x)} samples, {len(history.epoch)} epochs: {time.perf_counter() - started:.1f} s")
    if history.stopped:
        print(f"training {history.stopped}")
    result = net.evaluate(x_test, y_test)
    print(f"test accuracy {result.accuracy:.4f}, loss {result.loss:.4f} ({len(x_test)} samples)")
    try:
        history.plot(options.plot)
        print(f"loss curve: {options.plot}")
    except RuntimeError as error:  # no matplotlib
        print(error)
    if options.save:
        net.save(options.save)
        print(f"network: {options.save}")
    return history, result


if __name__ == "__main__":
    main()
