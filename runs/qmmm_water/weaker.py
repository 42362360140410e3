"""What control.toml asks for in place of a quantum engine: a classical water that is not TIP3P."""

from __future__ import annotations

from gapsample.potential.tip3p import FlexibleTIP3P


def weaker(charge: float = 0.34, platform: str = "CPU") -> FlexibleTIP3P:
    """Flexible TIP3P with a smaller charge (e) of H, and so with weaker hydrogen bonds."""
    return FlexibleTIP3P(platform=platform, charge=charge)
