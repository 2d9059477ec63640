"""Interactive screens in JupyterLab: a model (traitlets), figures (Bokeh), a view (ipywidgets)."""
