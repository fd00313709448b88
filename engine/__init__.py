"""What we do: from targets to orders, fills and money."""
