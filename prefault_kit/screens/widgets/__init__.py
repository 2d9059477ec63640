"""What every screen in a notebook is made of: charts, rows of buttons, one look."""
