"""The contract of a backward pass that can be looked into, node by node.

An engine of reverse mode may have a method `backward_pass`. It serves to find the node at which a
NaN or an infinity arises in the engine's own gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from symdiff.array_types import Array
from symdiff.engines.base import Problem
from symdiff.program import Program


class BackwardPass(Protocol):
    """The values and the adjoints of all nodes of a program.

    Attributes
    ----------
    program
        The program that was run: the program on tensors if the problem has one.
    pointwise
        Whether the first axis of every array runs over the points, which do not affect each other.
        If not, there is one point, and an array has the shape of the node's value.
    values
        The values of the nodes that are numbers, conditions, or tensors of them, by node.
    adjoints
        The derivatives of the output by the values, by node. Nodes without a gradient are left
        out.
    precision
        The name of the floating dtype with the fewest bits.
    """

    @property
    def program(self) -> Program:
        """See the class."""

    @property
    def pointwise(self) -> bool:
        """See the class."""

    @property
    def values(self) -> Mapping[int, Array]:
        """See the class."""

    @property
    def adjoints(self) -> Mapping[int, Array]:
        """See the class."""

    @property
    def precision(self) -> str:
        """See the class."""

    def contribution(self, user: int, argument: int, adjoint: Array) -> Array | None:
        """Return what a node adds to the adjoint of one of its arguments.

        Parameters
        ----------
        user
            The node.
        argument
            The node of the argument.
        adjoint
            The adjoint of `user`, of the shape of its value.

        Returns
        -------
        array or None
            The shape is that of the argument's value. None if no gradient flows there.
        """


@runtime_checkable
class HasBackwardPass(Protocol):
    """An engine whose backward pass can be looked into."""

    def backward_pass(self, problem: Problem) -> BackwardPass | None:
        """Return the backward pass of a problem, or None if it cannot be looked into.

        A problem on tensors has one point.
        """
