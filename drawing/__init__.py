"""Trained networks in use: open them, draw with them, encode photos, judge faces."""
