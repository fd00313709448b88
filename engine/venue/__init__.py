"""Where orders go: one protocol, the exchanges behind it."""
