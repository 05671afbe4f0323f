"""`python -m heliox_neuron`: the same as the command `heliox`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
