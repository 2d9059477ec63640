"""The table published in 2021: its cells, run here and recorded, beside the figures of then."""
