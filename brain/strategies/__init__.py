"""Strategies: one file each, nopython, told a candle and answering with a target."""
