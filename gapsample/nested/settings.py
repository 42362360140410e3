"""What a nested-sampling run may be told."""

from __future__ import annotations

from dataclasses import dataclass

from gapsample.errors import SettingsError


@dataclass(frozen=True)
class Settings:
    """How to sample.

    Parameters
    ----------
    n_live : points alive, K; error bars shrink with its square root
    n_cull : points replaced at once, which is what threads share; up to K/10 costs no accuracy
    walk_length : of the first clones, in units of the problem (sweeps over all atoms)
    shortest_walk, longest_walk : between which the length adapts; equal ones switch adapting off. Where
        basins compete, values forget sooner than shapes: LJ7 shows no memory after 50 sweeps, yet needs 200
        for seeds to scatter no more than their error bars say
    memory : rank correlation of clones with ancestors above which walks grow longer
    acceptance : of trial moves, aimed at by the step sizes
    keep_every : keep the coordinates of every so many dead points; 0 keeps none
    keep_above : an observable of one number and a limit, such as ``("energy_std", 0.5)``: points that exceed
        it are kept too, however rare
    """

    n_live: int = 400
    n_cull: int = 1
    walk_length: int = 200
    shortest_walk: int = 100
    longest_walk: int = 10_000
    memory: float = 0.05
    acceptance: float = 0.35
    keep_every: int = 0
    keep_above: tuple[str, float] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.n_cull <= self.n_live // 2:
            raise SettingsError(
                f"n_cull must lie between 1 and n_live/2 = {self.n_live // 2}, got {self.n_cull}; "
                "up to n_live/10 is recommended"
            )
        if not 1 <= self.shortest_walk <= self.walk_length <= self.longest_walk:
            raise SettingsError(
                "walk lengths must obey 1 <= shortest_walk <= walk_length <= longest_walk, got "
                f"{self.shortest_walk}, {self.walk_length}, {self.longest_walk}"
            )
        if not 0 < self.acceptance < 1:
            raise SettingsError(f"acceptance must lie between 0 and 1, got {self.acceptance}")
        if not 0 < self.memory < 1:
            raise SettingsError(f"memory must lie between 0 and 1, got {self.memory}")
        if self.keep_every < 0:
            raise SettingsError(f"keep_every must not be negative, got {self.keep_every}")

    @property
    def iterations_per_step(self) -> int:
        """Iterations between two adaptations: about a quarter of the live points die."""
        return max(1, self.n_live // (4 * self.n_cull))

    @property
    def pairs_remembered(self) -> int:
        """Clones, the last ones, whose ranks beside their ancestors' decide on the walk length."""
        return 4 * self.n_live
