"""Tree solvers of the device: plans made here, carried out by src/gpu/tree.cuh.

`plan` gives the table that the kernels read. `solve` runs the same text on the host.
"""

from .host import solve
from .tree_plan import METHODS, TreePlan, plan

__all__ = ["METHODS", "TreePlan", "plan", "solve"]
