"""Reference quantum mechanics that needs no further install: tight binding of silicon and hydrogen."""

from gapsample.reference.fermi import Electrons, FermiLevelNotFound
from gapsample.reference.tight_binding import TightBinding

__all__ = ["Electrons", "FermiLevelNotFound", "TightBinding"]
