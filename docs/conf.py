"""The site: the Markdown files of this repository as they are, and the API from its docstrings.

`make docs` builds it. The source directory is the root of the repository, so that a
link between two files means the same here as where the files are read as they are.
"""

from edge_naca import __version__

project = "edge-naca"
copyright = "edge-naca contributors"  # noqa: A001 - Sphinx asks for this name
release = version = __version__

root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "benchmarks/*.md", "examples/**.md"]
exclude_patterns = [".*", "build", "edge_naca", "export", "host", "firmware", "tests", "tools"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]

# ---- Markdown
myst_heading_anchors = 3  # links such as README.md#try-it are checked

# ---- The API
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autosummary_generate = False  # docs/api.md says where each name stands
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# A name of our own that leads nowhere is an error. Docstrings put shapes and types in words; those
# words, and the names of other projects, are no links: nothing is fetched while this builds.
nitpick_ignore_regex = [("py:.*", r"(?!edge_naca\.).*")]
suppress_warnings = ["misc.highlighting_failure"]

# ---- HTML
html_theme = "furo"
html_title = "edge-naca"
html_copy_source = False
templates_path = ["_templates"]
html_additional_pages = {"index": "redirect.html"}  # the first page lies in docs/
