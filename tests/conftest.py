"""What holds for every test."""

from hypothesis import HealthCheck, settings

# How long a value takes to draw is the machine's matter; under load that check fails tests about other things.
settings.register_profile("ringmaster", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("ringmaster")
