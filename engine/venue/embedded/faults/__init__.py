"""Faults on request: what may go wrong at an exchange, when it shall, and what was seen of it afterwards."""
