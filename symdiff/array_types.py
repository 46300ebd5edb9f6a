"""Aliases of numpy array types, for annotations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]  # numbers, one for each point
Mask = NDArray[np.bool_]  # one condition for each point
