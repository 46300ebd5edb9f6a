"""Shapes at which rows for functions on tensors are tested, and how their cases are written."""

# Shapes of one input.
ANY = [(), (1,), (3,), (2, 3), (1, 3, 2)]
VECTORS = [(1,), (4,)]
MATRICES = [(1, 1), (2, 3), (3, 1), (3, 3)]
SEVERAL = [(3,), (2, 3), (2, 1, 3)]  # at least two components
MANY_DIMS = [(2, 3), (2, 1, 3)]  # at least two dimensions
SQUARE = [(1, 1), (2, 2), (3, 3), (2, 3, 3)]
# Shapes of two inputs.
NUMBERS = [((), ())]
PAIRS = [((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((1, 2, 1), (1, 2, 1))]


def table(row, *cases):
    """Return cases of a row: its name, the text, the function in torch, the shapes of the inputs."""
    return [(row, *case) for case in cases]
