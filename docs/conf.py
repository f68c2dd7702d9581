"""How the documentation is built."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "_utils")]

import saltext.maas  # noqa: E402

project = "saltext.maas"
author = "The saltext.maas authors"
copyright = author
version = release = saltext.maas.__version__

extensions = ["myst_parser", "sphinx.ext.napoleon", "reference"]
exclude_patterns = ["_build", "_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True
nitpick_ignore = [  # Salt's own
    ("py:exc", "CommandExecutionError"),
    ("py:exc", "SaltClientError"),
]
html_theme = "furo"
html_title = f"saltext.maas {release}"
html_show_copyright = False
html_show_sphinx = False
