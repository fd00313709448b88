"""Ringmaster's door: hands the command line to ``orchestrator.cli``."""
