"""The outside world, in: market data from the exchange to the rings."""
