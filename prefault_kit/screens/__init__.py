"""Interactive screens in JupyterLab: a model (traitlets), figures (Bokeh), a view (ipywidgets)."""

from prefault_kit.host import extras

extras.need("a screen", "traitlets", "bokeh", "ipywidgets", "jupyter_bokeh")
