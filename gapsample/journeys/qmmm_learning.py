"""Settings of what an adaptive run audits and learns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from gapsample.errors import SettingsError
from gapsample.journeys.engines import ClassicalModel, anchored_model
from gapsample.learning import Policy


@dataclass(frozen=True)
class AuditSettings:
    """Quantum calculations spent on atoms drawn at random, flagged or not.

    Attributes
    ----------
    every : steps between audits
    atoms : drawn for each; those of one configuration count as one audit
    coverage, memory : of the bound on errors, see `learning.conformal`; memory in generations of the model
    first : the bound is so many times the predicted error while audits are too few for one
    """

    every: int = 10
    atoms: int = 4
    coverage: float = 0.95
    memory: float = 4.0
    first: float = 4.0

    def __post_init__(self) -> None:
        if self.every < 1 or self.atoms < 1 or not self.first > 0.0:
            raise SettingsError(
                f"audits want every >= 1, atoms >= 1 and first > 0, got {self.every}, {self.atoms} and "
                f"{self.first}"
            )


@dataclass(frozen=True)
class LearnSettings:
    """How the classical potential, a GAP, learns from quantum forces that were paid for anyway.

    Attributes
    ----------
    database : that the GAP was fitted to; a run works on its own copy of what the GAP has learned, and adds
        its labels at the end of every call
    level : of theory, of the labels
    every : steps between labels of the region, neighbours in time being alike; audits are always kept
    energies : keep the energy too where a cluster is the whole configuration; not to be mixed with those of
        cells whose k-points are others
    absorb_every, novel_share, n_sparse, growth, n_sample : as `learning.Policy`; growth None: never from
        scratch
    fallback : potential that gives the forces on atoms outside of the domain of the GAP, most often its
        baseline (see `learning.Guarded`); none: the GAP always does
    """

    database: str
    level: str
    every: int = 10
    energies: bool = True
    absorb_every: int = 10
    novel_share: float = 0.05
    n_sparse: int = 50
    growth: float | None = None
    n_sample: int = 16
    fallback: ClassicalModel | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or self.absorb_every < 1:
            raise SettingsError(
                f"learning wants every >= 1 and absorb_every >= 1, got {self.every} and {self.absorb_every}"
            )

    def policy(self, threshold: float, audits: AuditSettings, seed: int) -> Policy:
        """What the learner goes by."""
        return Policy(
            self.level,
            threshold,
            coverage=audits.coverage,
            memory=audits.memory,
            absorb_every=self.absorb_every,
            novel_share=self.novel_share,
            n_sparse=self.n_sparse,
            growth=math.inf if self.growth is None else self.growth,
            n_sample=self.n_sample,
            seed=seed,
        )


def anchored_learning(learn: LearnSettings, folder: Path) -> LearnSettings:
    """Settings with their relative paths starting from a folder."""
    database = learn.database if "://" in learn.database else str(folder / learn.database)
    fallback = None if learn.fallback is None else anchored_model(learn.fallback, folder)
    return replace(learn, database=database, fallback=fallback)
