r"""Text in Markdown as GitHub reads it: nothing in a name or a message becomes markup.

Names and messages may hold anything. A backslash in them is written as a reference, so that
``\|`` in the output never ends a cell.
"""

from __future__ import annotations

import re
from typing import Final

from symdiff.report.colours import printable
from symdiff.report.rendering import escaped

_SPECIAL: Final = re.compile(r"[`*_~|$]|(?<=\])[(\[]")
# In front of these, a host would make a link or notify somebody: @name, #12, ://, www.
_LINKS: Final = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_NO_SPACE: Final = "&#8203;"
# A sign at the start of a line, which may begin a heading, a list or a quotation.
_MARK: Final = re.compile(r"(?P<number>\d*)(?P<sign>[^\w\s]|_)")
# Characters that cannot stand in a code span in a cell of a table.
_NOT_IN_CODE: Final = re.compile(r"[`|\\$]")


def one_line(text: str) -> str:
    """Return a text with each run of white space as one space, and nothing that cannot be seen."""
    return printable(" ".join(text.split()))


def inline(text: str) -> str:
    r"""Return a text as it stands within a line or a cell.

    Examples
    --------
    >>> print(inline("x*y | <b> @user"))
    x\*y \| &lt;b&gt; @&#8203;user
    """
    return _escaped(one_line(text))


def _escaped(text: str) -> str:
    whole = escaped(text).replace("\\", "&#92;")
    return _LINKS.sub(_NO_SPACE, _SPECIAL.sub(r"\\\g<0>", whole))


def line(text: str) -> str:
    """Return a text as a line of its own: no heading, list or quotation begins.

    Examples
    --------
    >>> line("# x"), line("1. x"), line("12 more points")
    ('&#35; x', '1&#46; x', '12 more points')
    """
    whole = one_line(text)
    mark = _MARK.match(whole)
    if mark is None:
        return _escaped(whole)
    number, sign = mark.groups()
    return f"{number}&#{ord(sign)};{_escaped(whole[mark.end() :])}"


def code(text: str) -> str:
    """Return a text as code.

    Examples
    --------
    >>> print(code("x**2"), code("a|b"))
    `x**2` <code>a&#124;b</code>
    """
    whole = one_line(text)
    if whole and not _NOT_IN_CODE.search(whole):
        return f"`{whole}`"
    return html_code(whole)


def html_code(text: str) -> str:
    """Return a text as code in HTML, where Markdown is read or not: in a summary, and in a line.

    Examples
    --------
    >>> html_code("x**2 <b>")
    '<code>x&#42;&#42;2 &#60;b&#62;</code>'
    """
    references = re.sub(r"[^\w\s]|_", lambda c: _reference(c[0]), one_line(text))
    return f"<code>{references}</code>"


def _reference(character: str) -> str:
    return character if character in " ()+-=/,." else f"&#{ord(character)};"


def fenced(text: str) -> str:
    """Return lines of text as a block of code, whatever they hold.

    Examples
    --------
    >>> fenced("a ``` b").splitlines()
    ['````', 'a ``` b', '````']
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{printable(text)}\n{fence}"
