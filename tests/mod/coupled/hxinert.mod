: Nothing in a step: numbers that a script keeps with its compartments.
NEURON { SUFFIX hxinert  RANGE x, y, far }
PARAMETER { x = 1 y = 2 }
ASSIGNED { far }
INITIAL { far = x + y }
