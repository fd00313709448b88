"""What we think: from closed candles to decisions and targets."""
