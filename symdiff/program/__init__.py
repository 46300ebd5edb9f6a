"""Text to Program: parse, check, name every sub-expression and its place in the text."""

from symdiff.program.nodes import (
    Call,
    Constant,
    Input,
    Literal,
    Node,
    Program,
    Setting,
    Source,
    Span,
)
from symdiff.program.parser import parse
from symdiff.program.reader import check_name

__all__ = [
    "Call",
    "Constant",
    "Input",
    "Literal",
    "Node",
    "Program",
    "Setting",
    "Source",
    "Span",
    "check_name",
    "parse",
]
