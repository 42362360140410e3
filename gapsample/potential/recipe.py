"""The recipe of a GAP: everything a fit depends on besides the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gapsample.errors import SettingsError

SparseMethod = Literal["cur", "farthest", "uniform", "kmeans", "all"]
ChannelMethod = Literal["chemical", "random"]


@dataclass(frozen=True)
class Soap:
    """A SOAP term: one sparse set for every central species, all species as neighbours.

    Attributes
    ----------
    cutoff, cutoff_transition_width : Å
    n_max, l_max : size of the radial and angular basis
    atom_sigma : Å, width of the Gaussian put on each neighbour
    zeta : exponent of the dot-product kernel
    delta : eV, prior standard deviation of one local energy
    n_sparse : sparse points for each central species
    central_weight : weight of the central atom in its own density
    cutoff_dexp, cutoff_scale, cutoff_rate : neighbours count less with distance, in proportion to
        1 / (rate + (r / scale)^dexp), scale in Å; dexp = 0: all alike
    centers : species that carry the term; None: all species of the data
    species : neighbour species seen by the term; None: all species of the data
    basis_tolerance : relative singular value below which a rotated radial function is dropped
    n_channels : density channels the neighbour species are compressed into; None: one for each species
    channel_method : how species add up to channels, see `descriptors.species_channels.mix_species`
    """

    cutoff: float
    n_max: int = 8
    l_max: int = 6
    atom_sigma: float = 0.5
    cutoff_transition_width: float = 0.5
    central_weight: float = 1.0
    cutoff_dexp: int = 0
    cutoff_scale: float = 1.0
    cutoff_rate: float = 1.0
    zeta: float = 4.0
    delta: float = 1.0
    n_sparse: int = 1000
    sparse_method: SparseMethod = "kmeans"
    centers: tuple[str, ...] | None = None
    species: tuple[str, ...] | None = None
    basis_tolerance: float = 1e-6
    n_channels: int | None = None
    channel_method: ChannelMethod = "chemical"


@dataclass(frozen=True)
class Distance:
    """A pair term (gap_fit's distance_2b), one for every pair of species.

    Attributes
    ----------
    cutoff, cutoff_transition_width : Å
    theta : Å, length scale of the squared-exponential kernel
    delta : eV, prior standard deviation of one pair energy
    n_sparse : sparse points for each pair of species
    exponent : the descriptor is r**exponent
    pairs : e.g. ``(("Si", "O"),)``; None: all pairs of the data's species
    """

    cutoff: float
    cutoff_transition_width: float = 0.5
    theta: float = 1.0
    delta: float = 1.0
    n_sparse: int = 20
    sparse_method: SparseMethod = "uniform"
    exponent: float = 1.0
    pairs: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class Angle:
    """A three-body term (gap_fit's angle_3b), one for every centre and pair of neighbour species.

    The descriptor of a triplet is (r_ij + r_ik, (r_ij - r_ik)^2, r_jk); `theta` holds the three length
    scales in its units (Å, Å^2, Å).
    """

    cutoff: float
    cutoff_transition_width: float = 0.5
    theta: tuple[float, float, float] = (1.0, 1.0, 1.0)
    delta: float = 1.0
    n_sparse: int = 100
    sparse_method: SparseMethod = "farthest"
    triplets: tuple[tuple[str, str, str], ...] | None = None


@dataclass(frozen=True)
class Sigmas:
    """Noise of the labels: energy in eV per atom (scaled by sqrt(n_atoms)), force in eV/Å, virial in eV
    per atom (scaled likewise). None leaves that kind of label out of the fit."""

    energy: float | None = 0.002
    force: float | None = 0.05
    virial: float | None = 0.02


@dataclass(frozen=True)
class Baseline:
    """What is subtracted before the fit and added after.

    Attributes
    ----------
    zbl : add the Ziegler-Biersack-Littmark core repulsion, switched off between the two radii (Å)
    charges : per species, e; Coulomb energy of fixed point charges by Ewald summation
    """

    zbl: tuple[float, float] | None = None
    charges: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """All choices of a fit.

    Attributes
    ----------
    terms : at least one of `Soap`, `Distance`, `Angle`
    sigmas : default noise of the labels
    config_type_sigmas : noise by config_type, instead of the default
    e0 : energy of an isolated atom by species (eV), or ``"isolated"`` (single-atom labels), or
        ``"least_squares"``
    jitter : added to the diagonal of K_mm (gap_fit's sparse_jitter)
    level : level of theory to fit; None: the only one in the database
    split : ``"train"``: leave the database's test part for calibration and errors; ``"all"``: use all
    seed : of every random choice (CUR, k-means, calibration draws)
    """

    terms: tuple[Soap | Distance | Angle, ...]
    sigmas: Sigmas = field(default_factory=Sigmas)
    config_type_sigmas: Mapping[str, Sigmas] = field(default_factory=dict)
    e0: Mapping[str, float] | Literal["isolated", "least_squares"] = "least_squares"
    baseline: Baseline = field(default_factory=Baseline)
    jitter: float = 1e-8
    level: str | None = None
    split: Literal["train", "all"] = "train"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(self.terms))
        if not self.terms:
            raise SettingsError("a recipe needs a term; add Soap(...), Distance(...) or Angle(...)")
        for term in self.terms:
            if term.n_sparse < 1 or not term.cutoff > 0.0:
                raise SettingsError(
                    f"a term wants n_sparse >= 1 and a cutoff > 0 Å, got {term.n_sparse} and {term.cutoff}"
                )

    @property
    def cutoff(self) -> float:
        """Largest cutoff of all terms, Å."""
        return max(term.cutoff for term in self.terms)


KINDS: Mapping[str, type] = {"soap": Soap, "distance_2b": Distance, "angle_3b": Angle}
"""What a term is called in config files and model headers: the names that gap_fit gives them."""
