"""Write a page: the templates, with everything that is not a template escaped."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from symdiff.report.colours import printable
from symdiff.report.page.contents import contents
from symdiff.report.report import Report


def page(report: Report, *, everything: bool = False) -> str:
    """Return a report as an HTML page without any reference to another file.

    Parameters
    ----------
    report
        The report; no engine is run again.
    everything
        Whether tables have every point, not only kinks and disagreements.
    """
    style, script = _asset("style.css"), _asset("script.js")
    template = environment().get_template("page.html")
    return template.render(
        page=contents(report, everything=everything),
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        ),
    )


@functools.cache
def environment() -> jinja2.Environment:
    """Return the environment of the templates: it escapes every text."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Any) -> Any:  # noqa: ANN401  (whatever a template shows)
    """Return what a template shows, with characters that cannot be seen written out."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)


@functools.cache
def _asset(name: str) -> Markup:
    """Return a file of the package that stands in the page as it is."""
    folder = resources.files(__package__) / "templates"
    return Markup((folder / name).read_text(encoding="utf-8"))  # noqa: S704  (a file of ours)


def _hash(text: str) -> Markup:
    """Return the hash of a style or script, as a Content-Security-Policy names it."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return Markup(f"'sha256-{base64.b64encode(digest).decode('ascii')}'")  # noqa: S704  (no text)
