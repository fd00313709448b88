"""Indicators: nopython, O(1) per candle, the past lives in a small state record."""
