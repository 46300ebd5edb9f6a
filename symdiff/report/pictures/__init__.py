"""Pictures of a comparison: lines for one variable, maps for two, matrices for tensors.

They are drawn with matplotlib from stored evidence; no engine is run again. Between the points of
the grid, the function and its derivative are evaluated in numpy.
"""

from symdiff.report.pictures.figures import figure, plot, saved, svg
from symdiff.report.pictures.terminal import plotted

__all__ = ["figure", "plot", "plotted", "saved", "svg"]
