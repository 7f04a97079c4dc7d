"""The Sphinx configuration: ``sphinx-build -W -b html docs build/docs``."""

from importlib.metadata import version as installed

project = "trustkeys"
author = "The trustkeys authors"
copyright = "The trustkeys authors"  # noqa: A001 - Sphinx's name
version = release = installed("trustkeys")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]

html_theme = "furo"
html_title = "trustkeys"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# `name` in a docstring links to what it names, and is code if it names nothing.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"NumericDateInput": "NumericDateInput", "Recipient": "Recipient"}
python_use_unqualified_type_names = True
