"""Parse text to a Program: checked, with the place in the text of every sub-expression."""

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
