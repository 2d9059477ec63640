"""Sphinx's settings for the site; ``make site`` gives it the source (``docs/extension``)."""

from pathlib import Path

import prefault_kit

project = "prefault-kit"
author = "the prefault-kit contributors"
copyright = f"2026, {author}"  # noqa: A001
release = version = prefault_kit.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_click", "docs.extension"]
exclude_patterns = ["**/_*", "_*"]
suppress_warnings = ["myst.header"]  # a notebook's cell may begin with a lower heading

nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # of outputs, which have tables
nb_ipywidgets_js = {}  # screens are pictures here, and nothing comes from elsewhere
myst_enable_extensions = ["attrs_inline", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True

smartquotes = False  # an option begins with two hyphens

html_theme = "furo"
html_title = "Page prefaulting"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_use_index = False
html_copy_source = False
html_show_sphinx = False
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_show_search_summary = False  # it would be fetched, which a page from disk may not
html_last_updated_fmt = None
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {
        "verdict-holds": "#1a7f37",
        "verdict-otherwise": "#9a4d00",
        "verdict-differs": "#c00",
    },
    "dark_css_variables": {
        "verdict-holds": "#5fc66f",
        "verdict-otherwise": "#f0a050",
        "verdict-differs": "#ff6b60",
    },
}
pygments_style = "friendly"
pygments_dark_style = "monokai"
