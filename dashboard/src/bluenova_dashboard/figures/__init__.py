"""Figures: from rows to plain dicts, as Plotly's JavaScript takes them."""
