"""Convex hulls of points: distances and shortest elements, in doubles."""

from __future__ import annotations

import math

import numpy as np

from symdiff.array_types import Array


def distance_to_hull(gradient: Array, vertices: Array) -> float:
    """Return the distance of a point to a convex hull, in the maximum norm.

    Parameters
    ----------
    gradient
        The point, shape (d,).
    vertices
        Points that span the hull, shape (k, d).

    Examples
    --------
    >>> distance_to_hull(np.array([0.5, 1.5]), np.array([[0.0, 1.0], [1.0, 1.0]]))
    0.5
    """
    if len(vertices) == 1 or gradient.shape == (1,):
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        return float(np.max(np.maximum(low - gradient, gradient - high), initial=0.0))
    from scipy.optimize import linprog  # noqa: PLC0415  (loads in a second)

    # min s  with  -s <= Σ λ_j·V_j - g <= s,  λ >= 0,  Σ λ = 1
    count, d = vertices.shape
    scale = max(1e-300, float(np.abs(vertices).max()), float(np.abs(gradient).max()))
    v, g = vertices.T / scale, gradient / scale
    ones = np.ones((d, 1))
    solution = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.block([[v, -ones], [-v, -ones]]),
        b_ub=np.concatenate([g, -g]),
        A_eq=np.append(np.ones(count), 0.0)[None, :],
        b_eq=[1.0],
    )
    return np.inf if solution.x is None else float(solution.x[-1]) * scale


def min_norm(vertices: Array) -> Array:
    """Return the shortest element of a convex hull (Wolfe 1976), by least squares.

    Examples
    --------
    >>> min_norm(np.array([[1.0, 0.0], [0.0, 1.0]])).round(9).tolist()
    [0.5, 0.5]
    """
    shortest: Array = vertices.T @ weights_of_min_norm(vertices)
    return shortest


def weights_of_min_norm(vertices: Array) -> Array:
    """Return weights λ >= 0 with Σ λ = 1 of the shortest element of a convex hull."""
    from scipy.optimize import nnls  # noqa: PLC0415

    # The minimizer of |V'λ|² + w²·(Σλ - 1)² over λ >= 0 has the same λ/Σλ for every w.
    w = float(np.abs(vertices).max(initial=0)) or 1.0
    exponent = math.frexp(w)[1]  # a power of 2 changes no digit, and squares do not underflow
    scaled, w = np.ldexp(vertices, -exponent), math.ldexp(w, -exponent)
    minimizer, _ = nnls(
        np.vstack([scaled.T, np.full(len(scaled), w)]), [0.0] * scaled.shape[1] + [w]
    )
    weights: Array = minimizer / minimizer.sum()
    return weights
