"""How a learner learns: when, how much, and from which labels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gapsample.errors import SettingsError
from gapsample.learning.generations import How


class Due(Enum):
    """What the next `refit` does; the text says why."""

    ABSORB = "new labels wait to be absorbed"
    EXTEND = "new labels lie beyond what the sparse points span"
    FIT = "the labels have outgrown those of the last fit from scratch, or the residual its noise"


HOW: dict[Due, How] = {Due.ABSORB: "absorbed", Due.EXTEND: "extended", Due.FIT: "fitted"}


@dataclass(frozen=True)
class Policy:
    """How to learn.

    Attributes
    ----------
    level : of theory, of the labels
    threshold : eV/Å, force error that matters; atoms whose bound exceeds it are flagged
    coverage : of the bound, see `conformal`
    memory : generations after which an audit counts half
    absorb_every : labels that make an update due (see `Learner.due`); `learn` updates after every round
    novel_share : share of new atoms beyond the novelty limit that calls for more sparse points
    n_sparse : sparse points that each SOAP term then gets, at most
    growth : a fit from scratch is due when labels are so many times those of the last one; infinite: never
    n_sample : learned labels that residual and novelty limit are found from
    seed : of the random audits
    """

    level: str
    threshold: float
    coverage: float = 0.95
    memory: float = 4.0
    absorb_every: int = 1
    novel_share: float = 0.05
    n_sparse: int = 50
    growth: float = 1.5
    n_sample: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.threshold > 0.0 and 0.0 < self.coverage < 1.0 and self.memory > 0.0):
            raise SettingsError(
                f"wanted threshold > 0, 0 < coverage < 1 and memory > 0, got {self.threshold}, "
                f"{self.coverage} and {self.memory}"
            )
        if self.absorb_every < 1 or self.n_sparse < 1 or self.n_sample < 0:
            raise SettingsError(
                f"wanted absorb_every >= 1, n_sparse >= 1 and n_sample >= 0, got {self.absorb_every}, "
                f"{self.n_sparse} and {self.n_sample}"
            )
