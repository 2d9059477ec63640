"""What is used by hand in JupyterLab: a model (traitlets), figures (Bokeh), a view (ipywidgets)."""
