"""The text that describes a descriptor in a QUIP model: ``soap cutoff=5.0 n_max=8 species_Z={14 8}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gapsample.errors import FileFormatError
from gapsample.potential.quip.xml import as_integer, as_logical, as_number

VALUE = r"""\{([^{}]*)\}|"([^"]*)"|'([^']*)'|([^\s{}"']*)"""
WORD = re.compile(rf"""\s*([^\s={{}}"']+)(?:\s*=\s*(?:{VALUE}))?(?=\s|$)""")
LARGEST_CUTOFF = 100.0  # Å
LARGEST_NUMBER = 118

FIT_ONLY = """delta energy_scale f0 zeta soap_exponent covariance_type n_sparse config_type_n_sparse
    sparse_method sparse_file print_sparse_index mark_sparse_atoms add_species unique_hash_tolerance
    unique_descriptor_tolerance theta theta_fac theta_uniform theta_file lengthscale_factor
    lengthscale_uniform lengthscale_file"""
"""Options that gap_fit reads; what became of them stands in the attributes of ``<gpCoordinates>``."""


@dataclass(frozen=True)
class Descriptor:
    """Name and options of a descriptor, as text."""

    name: str
    options: Mapping[str, str]

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number; without default it must be given."""
        if default is not None and key not in self.options:
            return default
        return as_number(self._given(key), f"{key} of {self.name}")

    def integer(self, key: str, default: int | None = None) -> int:
        """An integer; without default it must be given."""
        if default is not None and key not in self.options:
            return default
        return as_integer(self._given(key), f"{key} of {self.name}")

    def logical(self, key: str, default: bool) -> bool:
        """T or F."""
        return as_logical(self.options[key], f"{key} of {self.name}") if key in self.options else default

    def species(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Atomic numbers, 0 standing for any element."""
        if key not in self.options:
            return default
        words = self.options[key].replace(",", " ").split()
        numbers = tuple(as_integer(word, f"{key} of {self.name}") for word in words)
        for z in numbers:
            if not 0 <= z <= LARGEST_NUMBER:
                raise FileFormatError(f"{self.name} names the atomic number {z} in {key}; it does not exist")
        return numbers

    def cutoff(self) -> float:
        """The cutoff, Å, within reason."""
        value = self.number("cutoff")
        if not 0.0 < value <= LARGEST_CUTOFF:
            raise FileFormatError(
                f"cutoff of {self.name} must lie between 0 and {LARGEST_CUTOFF} Å, got {value}"
            )
        return value

    def check_options(self, read: str, neutral: Mapping[str, str]) -> None:
        """Refuse options that change the physics and are not understood.

        Parameters
        ----------
        read : options the caller acts on, separated by blanks
        neutral : further options, each with the only value at which it changes nothing
        """
        known = {*read.split(), *FIT_ONLY.split()}
        for key, value in self.options.items():
            if key in neutral:
                if not _same(value, neutral[key]):
                    raise FileFormatError(
                        f"{self.name} with {key}={value[:40]} is not supported, only with {key}="
                        f"{neutral[key] or 'nothing'}; refit the model or evaluate it with QUIP"
                    )
            elif key not in known:
                raise FileFormatError(
                    f"{self.name} has the option {key[:40]!r}, which this program does not know; supported: "
                    f"{', '.join(read.split())}"
                )

    def _given(self, key: str) -> str:
        if key not in self.options:
            raise FileFormatError(f"descriptor {self.name} lacks {key}")
        return self.options[key]


def parse_descriptor(text: str) -> Descriptor:
    """Split the text of a ``<descriptor>``; braces and quotes hold values of several words.

    Raises
    ------
    FileFormatError
        The name is missing, braces do not match, or an option is given twice with two values.
    """
    options: dict[str, str] = {}
    name = ""
    at, end = 0, len(text.rstrip())
    while at < end:
        match = WORD.match(text, at, end)
        if match is None:
            raise FileFormatError(f"descriptor text cannot be understood at {text[at : at + 40]!r}")
        key, values = match[1], [group for group in match.groups()[1:] if group is not None]
        value = values[0].strip() if values else "T"
        if not name and not values:
            name = key
        elif options.setdefault(key, value) != value:
            raise FileFormatError(
                f"descriptor text gives {key[:40]!r} twice: {options[key][:40]} and {value[:40]}"
            )
        at = match.end()
    if not name:
        raise FileFormatError(f"descriptor text without a name: {text.strip()[:60]!r}")
    return Descriptor(name[:40], options)


def _same(value: str, neutral: str) -> bool:
    if neutral in ("T", "F"):
        return as_logical(value, "an option") == (neutral == "T")
    try:
        return float(value) == float(neutral)
    except ValueError:
        return value.strip().lower() == neutral.lower()
