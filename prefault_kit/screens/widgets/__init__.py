"""What the screens are made of: charts, buttons, panels, texts, one style."""
