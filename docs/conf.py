"""The Sphinx configuration: ``sphinx-build -W -b html docs build/docs``."""

import re
from importlib.metadata import version as installed

from sphinx.application import Sphinx

project = "trustkeys"
author = "The trustkeys authors"
copyright = "The trustkeys authors"  # noqa: A001 - Sphinx's name
version = release = installed("trustkeys")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]

html_theme = "furo"
html_title = "trustkeys"

myst_heading_anchors = 3

# `name` in a docstring links to what it names, and is code if it names nothing.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {name: name for name in ("Document", "NumericDateInput", "Recipient")}
python_use_unqualified_type_names = True


def tidy_help(_app: Sphinx, _context: object, lines: list[str]) -> None:
    """Make a code block of each paragraph that click does not wrap, and escape the rest.

    reST would take the last underscore of ``B2C_1A_`` for a link, and make a dash of the hyphens of
    ``--json``.
    """
    tidied: list[str] = []
    is_code = False
    for line in lines:
        if line.startswith("| "):
            if not is_code:
                tidied += [".. code-block:: text", ""]
            tidied.append(f"   {line[2:]}")
        elif line.lstrip().startswith(".. "):
            tidied.append(line)
        else:
            escaped = re.sub(r"(?<=\w)_(?!\w)", r"\_", line)
            tidied.append(re.sub(r"(?<!\S)--[a-z-]+", r"``\g<0>``", escaped))
        is_code = line.startswith("| ")
    lines[:] = tidied


def tidy_signature(*event: object) -> tuple[str | None, ...]:
    """Show a type alias by its name, which autodoc does not in a union."""
    return tuple(
        text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", str(text)) for text in event[-2:]
    )


def setup(app: Sphinx) -> None:
    """Connect the hooks of autodoc and sphinx-click."""
    app.connect("autodoc-process-signature", tidy_signature)
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", tidy_help)
