"""Types of numpy's arrays, for annotations in every room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]  # numbers, one for each point
Mask = NDArray[np.bool_]  # True at the points that are meant
