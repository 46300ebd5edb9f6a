"""The data that pictures of functions of one variable show, and a plot of it as text.

Pictures of matplotlib (`symdiff.report.pictures`) and plots in a terminal show the same.
"""
