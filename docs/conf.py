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
# Not "D": it would make a dash of the two hyphens of an option.
smartquotes_action = "qe"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"NumericDateInput": "NumericDateInput", "Recipient": "Recipient"}
python_use_unqualified_type_names = True


def tidy_help(_app: Sphinx, _context: object, lines: list[str]) -> None:
    """Make a code block of each paragraph that click does not wrap, and escape the rest.

    reST would take the last underscore of ``B2C_1A_`` for a link.
    """
    tidied: list[str] = []
    is_code = False
    for line in lines:
        if line.startswith("| "):
            if not is_code:
                tidied += [".. code-block:: text", ""]
            tidied.append(f"   {line[2:]}")
        else:
            tidied.append(re.sub(r"(?<=\w)_(?!\w)", r"\_", line))
        is_code = line.startswith("| ")
    lines[:] = tidied


def setup(app: Sphinx) -> None:
    """Connect the hook of sphinx-click."""
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", tidy_help)
