"""Who runs whom: the only package that may import the others."""
