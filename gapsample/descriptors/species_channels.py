"""How many species share few density channels: the matrix that compresses a SOAP vector.

The density of channel c is the sum over species s of ``mixing[c, s]`` times the density of the atoms of that
species, the central atom included. The kernel of normalized power spectra sees of it only
``mixing.T @ mixing``, the similarity of every two species, and of that not even the size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from numpy.typing import NDArray

from gapsample.errors import SettingsError, UnknownName

Floats = NDArray[np.float64]

METHODS = ("chemical", "random")
# widths tried: these, their halves and doubles; best on organic molecules, second to doubles on an alloy
ELECTRONEGATIVITY_WIDTH = 1.0  # Pauling units: species this far apart are alike by exp(-1/2)
RADIUS_WIDTH = 0.4  # Å, covalent radius, likewise

_ELECTRONEGATIVITIES = """
H 2.20 Li 0.98 Be 1.57 B 2.04 C 2.55 N 3.04 O 3.44 F 3.98 Na 0.93 Mg 1.31 Al 1.61 Si 1.90 P 2.19 S 2.58
Cl 3.16 K 0.82 Ca 1.00 Sc 1.36 Ti 1.54 V 1.63 Cr 1.66 Mn 1.55 Fe 1.83 Co 1.88 Ni 1.91 Cu 1.90 Zn 1.65
Ga 1.81 Ge 2.01 As 2.18 Se 2.55 Br 2.96 Rb 0.82 Sr 0.95 Y 1.22 Zr 1.33 Nb 1.60 Mo 2.16 Tc 1.90 Ru 2.20
Rh 2.28 Pd 2.20 Ag 1.93 Cd 1.69 In 1.78 Sn 1.96 Sb 2.05 Te 2.10 I 2.66 Cs 0.79 Ba 0.89 La 1.10 Ce 1.12
Pr 1.13 Nd 1.14 Sm 1.17 Gd 1.20 Dy 1.22 Ho 1.23 Er 1.24 Tm 1.25 Lu 1.27 Hf 1.30 Ta 1.50 W 2.36 Re 1.90
Os 2.20 Ir 2.20 Pt 2.28 Au 2.54 Hg 2.00 Tl 1.62 Pb 2.33 Bi 2.02 Th 1.30 U 1.38
"""
ELECTRONEGATIVITIES = dict(
    zip(_ELECTRONEGATIVITIES.split()[::2], map(float, _ELECTRONEGATIVITIES.split()[1::2]), strict=True)
)
"""Pauling's scale with the revisions of Allred, J. Inorg. Nucl. Chem. 17, 215 (1961)."""


def mix_species(species: Sequence[int], n_channels: int, method: str, rng: np.random.Generator) -> Floats:
    """Choose how species add up to channels.

    Parameters
    ----------
    species : atomic numbers
    n_channels : from 1 to the number of species
    method : ``"chemical"``: so that ``mixing.T @ mixing`` is the best approximation of `similarity` of this
        rank, its leading eigenvectors times the square roots of their eigenvalues; ``"random"``: orthogonal
        channels of random direction, which as many as species leave the kernel as it is uncompressed

    Returns
    -------
    shape (n_channels, n_species)

    Raises
    ------
    SettingsError
        More channels than species, none at all, a species of no electronegativity, or an unknown method.

    References
    ----------
    Willatt, Musil & Ceriotti, Phys. Chem. Chem. Phys. 20, 29661 (2018); Darby et al., Phys. Rev. Lett. 131,
    028001 (2023).
    """
    if not 1 <= n_channels <= len(species):
        raise SettingsError(
            f"{len(species)} species can share 1 to {len(species)} soap channels, got "
            f"n_channels={n_channels}; leave n_channels out to give every species its own"
        )
    if method == "chemical":
        values, vectors = np.linalg.eigh(similarity(species))
        leading = slice(-1, -n_channels - 1, -1)
        scale = np.sqrt(np.maximum(values[leading], 0.0))  # rounding may leave a null value negative
        return np.ascontiguousarray((vectors[:, leading] * scale).T)
    if method == "random":
        return np.ascontiguousarray(np.linalg.qr(rng.normal(size=(len(species), n_channels)))[0].T)
    raise UnknownName("channel method", method, METHODS)


def similarity(species: Sequence[int]) -> Floats:
    """How alike species are: Gaussian in electronegativity and covalent radius, shape (n_species, n_species).

    1 on the diagonal. Raises SettingsError for a species that Pauling's scale leaves out.
    """
    missing = [chemical_symbols[z] for z in species if chemical_symbols[z] not in ELECTRONEGATIVITIES]
    if missing:
        raise SettingsError(
            f'Pauling\'s scale has no electronegativity of {", ".join(missing)}; use channel_method="random"'
        )
    chi = np.array([ELECTRONEGATIVITIES[chemical_symbols[z]] for z in species])
    places = np.stack([chi / ELECTRONEGATIVITY_WIDTH, covalent_radii[list(species)] / RADIUS_WIDTH], axis=1)
    apart = places[:, None] - places
    similar: Floats = np.exp(-0.5 * np.sum(apart**2, axis=-1))
    return similar
