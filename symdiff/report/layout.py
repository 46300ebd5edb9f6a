"""How a report is laid out, whatever its format."""

from __future__ import annotations

import dataclasses

from symdiff.report.colours import PLAIN, Look


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a report shows, and how wide text is. A format uses what concerns it.

    Attributes
    ----------
    everything
        Whether tables show every point, not only kinks and disagreements.
    is_verbose
        Whether text has the table of every expression, also where there are many.
    is_brief
        Whether text on many expressions leaves out the line of each.
    is_wide
        Whether CSV has one row for each point, and a column for each engine.
    look
        The width of text, and whether it is coloured.
    """

    everything: bool = False
    is_verbose: bool = False
    is_brief: bool = False
    is_wide: bool = False
    look: Look = PLAIN


USUAL = Layout()
