"""The spot half of the loopback exchange: balances instead of positions, on the same market as the futures."""
