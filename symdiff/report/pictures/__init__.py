"""Pictures of a comparison: lines for one variable, maps for two, matrices for tensors.

They are drawn with matplotlib from stored evidence; no engine is run again. Between the points of
the grid, the function and its derivative are evaluated in numpy. Importing this package loads
matplotlib.
"""

from symdiff.report.pictures.figures import figure, plot, saved, svg

__all__ = ["figure", "plot", "saved", "svg"]
