# %% [markdown]
# # The error in distinguishing
#
# Does a SOAP vector determine the neighbors it was made from? Take a random environment of *n* neighbors,
# displace every neighbor at random, and bring the SOAP vector back to what it was by moving the neighbors. If
# the environment comes back with it (up to rotation, reflection and names of the atoms), the descriptor told
# the two apart. The test of Bartók, Kondor & Csányi, Phys. Rev. B 87, 184115 (2013), Figs. 3–5, on random
# environments.
#
# Two kinds of failure look alike in the distance of the environments and are kept apart here: the search may
# be *caught* in a local minimum, where the vectors still differ visibly; or an environment may be *mistaken*
# for another one, whose vector is the same for all that a potential can tell. Only the second is the
# descriptor's: a longer search might still find the way, but a fit to noisy labels could not.
#
#     python analysis/distinguishing.py          # minutes; writes analysis/out/distinguishing.*
#     python analysis/distinguishing.py --fast   # seconds: a few small environments

# %%
from __future__ import annotations

import argparse
import itertools
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import least_squares, linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.files import replacing, write_text
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.potential.terms.soap import SoapTerm
from gapsample.provenance import write_json

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="Reconstruct neighbor environments from their SOAP vectors.")
parser.add_argument("--fast", action="store_true", help="a few small environments")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

NEIGHBORS = (4, 8) if arguments.fast else (4, 6, 8, 10, 12, 14, 16, 18, 20)
L_MAX = (2, 6) if arguments.fast else (2, 4, 6, 8)
N_ENVIRONMENTS = 2 if arguments.fast else 12
N_MAX, ATOM_SIGMA, CUTOFF = 8, 0.5, 5.0  # Å
SHELL = 4.0  # Å, radius of the ball that holds the neighbors
APART = 2.0  # Å, smallest distance of any two atoms
DISPLACEMENT = 0.2  # Å, standard deviation of each coordinate of the starting point
SAME_VECTOR = (
    1e-4  # of vectors of length 1: with ζ = 4, energies that differ by 2e-4 δ a priori, 0.6 meV at 3 eV
)
SAME_PLACE = 0.01  # Å
MAX_EVALUATIONS = 300
TRIES = 2 if arguments.fast else 5
SEED = 2013

# %% [markdown]
# ## The SOAP vector and its Jacobian
#
# A SOAP term whose sparse points are the unit vectors and whose ζ is 1 has the SOAP vector itself as its row
# of kernel values, and minus its Jacobian as its rows of forces. The central atom is a species of its own, so
# that it alone carries the term; the neighbors are another.


# %%
@dataclass(frozen=True)
class Descriptor:
    """SOAP vector of one atom at the origin as a function of the positions of its neighbors (Å)."""

    term: SoapTerm

    @classmethod
    def of(cls, l_max: int) -> Descriptor:
        basis = SoapBasis(CUTOFF, N_MAX, l_max, ATOM_SIGMA)
        unit = np.eye(N_MAX * (N_MAX + 1) // 2 * (l_max + 1))
        return cls(SoapTerm(basis, 14, (6,), unit, zeta=1.0, delta=1.0, basis_tolerance=0.0))

    def __call__(self, flat: Floats) -> Floats:
        return self.term.rows(self._near(flat), forces=False, virial=False).energy

    def jacobian(self, flat: Floats) -> Floats:
        """Shape (dimension, 3 n_neighbors)."""
        rows = self.term.rows(self._near(flat), forces=True, virial=False)
        assert rows.forces is not None
        return -rows.forces[1:].reshape(flat.size, -1).T

    def _near(self, flat: Floats) -> Neighbours:
        positions = np.vstack([np.zeros(3), flat.reshape(-1, 3)])
        return find_neighbours(Atoms([14] + [6] * (len(positions) - 1), positions=positions), CUTOFF)


# %% [markdown]
# ## Environments and their distance


# %%
def random_environment(n: int, rng: np.random.Generator) -> Floats:
    """Positions (n, 3), Å, evenly distributed in the ball but for the smallest distance to keep."""
    found = np.zeros((1, 3))
    while len(found) <= n:
        trial = rng.uniform(-SHELL, SHELL, 3)
        if np.linalg.norm(trial) < SHELL and cdist(trial[None], found).min() > APART:
            found = np.vstack([found, trial])
    return found[1:]


def distance(a: Floats, b: Floats, rng: np.random.Generator, n_starts: int = 40) -> float:
    """Root mean square distance (Å) of two environments after the best rotation, reflection and pairing.

    Pairing and rotation are improved in turn from `n_starts` orientations, the given one first: the smallest
    distance found, an upper bound of the true one.
    """
    best = np.inf
    turns = np.concatenate([np.eye(3)[None], Rotation.random(n_starts - 1, random_state=rng).as_matrix()])
    for turn, mirror in itertools.product(turns, (1.0, -1.0)):
        moved, last = mirror * b @ turn.T, np.inf
        while True:
            pairing = linear_sum_assignment(cdist(a, moved, "sqeuclidean"))[1]
            u, _, vt = np.linalg.svd(moved[pairing].T @ a)
            moved = moved[pairing] @ (u @ vt)  # orthogonal: a reflection too if it is better
            rms = float(np.sqrt(np.mean(np.sum((a - moved) ** 2, axis=1))))
            if rms > last - 1e-12:
                break
            last = rms
        best = min(best, last)
    return best


# %% [markdown]
# ## Reconstruction
#
# The difference of the SOAP vectors is minimized as a sum of squares (trust region, with the Jacobian), which
# converges to rounding even in narrow valleys. The singular values of the Jacobian at the target say the
# same locally: the smallest one, past the three rotations that it must not see, is how far the vector moves
# when the environment moves by 1 Å in the direction it sees least.


# %%
@dataclass(frozen=True)
class Outcome:
    """One reconstruction: distances before and after (Å), of the vectors, and the least sensitivity (1/Å)."""

    n: int
    l_max: int
    start: float
    error: float
    vectors: float
    sensitivity: float


def reconstruct(descriptor: Descriptor, n: int, l_max: int, rng: np.random.Generator) -> Outcome:
    """Displace a random environment, search it by its vector, and measure what came back.

    A search that is caught is begun again from other displacements, up to `TRIES` times; what ended with the
    nearest vector counts.
    """
    target = random_environment(n, rng)
    wanted = descriptor(target.ravel())
    starts = target + rng.normal(0.0, DISPLACEMENT, (TRIES, *target.shape))
    found, nearest = starts[0], np.inf

    def difference(flat: Floats) -> Floats:
        return descriptor(flat) - wanted

    for start in starts:
        end = least_squares(
            difference, start.ravel(), descriptor.jacobian,
            x_scale="jac", xtol=1e-12, ftol=1e-15, gtol=1e-15, max_nfev=MAX_EVALUATIONS,
        )  # fmt: skip
        if np.linalg.norm(end.fun) < nearest:
            found, nearest = end.x.reshape(-1, 3), float(np.linalg.norm(end.fun))
        if nearest < SAME_VECTOR:
            break
    values = np.linalg.svd(descriptor.jacobian(target.ravel()), compute_uv=False)
    return Outcome(
        n=n,
        l_max=l_max,
        start=distance(target, starts[0], rng),
        error=distance(target, found, rng),
        vectors=nearest,
        sensitivity=float(values[-4]),
    )


outcomes = []
for l_max in L_MAX:
    descriptor = Descriptor.of(l_max)
    for n in NEIGHBORS:
        seeds = [np.random.default_rng([SEED, n, k]) for k in range(N_ENVIRONMENTS)]  # the same for all l_max
        outcomes += [reconstruct(descriptor, n, l_max, rng) for rng in seeds]
        print(
            f"l_max {l_max}, {n} neighbors: {np.mean([o.error for o in outcomes[-N_ENVIRONMENTS:]]):.3f} Å",
            flush=True,
        )


# %% [markdown]
# ## The table


# %%
@dataclass(frozen=True)
class Summary:
    """Reconstructions of one number of neighbors n and one l_max.

    Attributes
    ----------
    error, start : Å, mean distance after and before the search
    recovered, caught, mistaken : fractions that add up to 1: came back; stopped where the vectors still
        differ by more than `SAME_VECTOR`; stopped at another environment though they do not
    sensitivity : 1/Å, geometric mean
    """

    n: int
    l_max: int
    start: float
    error: float
    recovered: float
    caught: float
    mistaken: float
    sensitivity: float


def summarize(group: list[Outcome]) -> Summary:
    """One line of the table."""
    back = np.array([o.error < SAME_PLACE for o in group])
    same = np.array([o.vectors < SAME_VECTOR for o in group])
    return Summary(
        n=group[0].n,
        l_max=group[0].l_max,
        start=float(np.mean([o.start for o in group])),
        error=float(np.mean([o.error for o in group])),
        recovered=float(np.mean(back)),
        caught=float(np.mean(~back & ~same)),
        mistaken=float(np.mean(~back & same)),
        sensitivity=float(np.exp(np.mean([np.log(o.sensitivity) for o in group]))),
    )


summaries = [
    summarize([o for o in outcomes if (o.l_max, o.n) == key]) for key in itertools.product(L_MAX, NEIGHBORS)
]
head = "| l_max | neighbors | before (Å) | after (Å) | recovered | caught | mistaken | sensitivity (1/Å) |"
lines = [head, "|" + "---:|" * 8] + [
    f"| {s.l_max} | {s.n} | {s.start:.3f} | {s.error:.3f} | {s.recovered:.2f} | {s.caught:.2f} "
    f"| {s.mistaken:.2f} | {s.sensitivity:.1e} |"
    for s in summaries
]
table = "\n".join(lines) + "\n"
print(table)

# %% [markdown]
# ## The figure


# %%
def draw(outcomes: list[Outcome], summaries: list[Summary]) -> Figure:
    """Reconstruction error and sensitivity against the number of neighbors, and every single outcome."""
    with style():
        figure = Figure(figsize=(12.0, 4.1), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        for l_max, color in zip(L_MAX, COLORS, strict=False):
            mine = [s for s in summaries if s.l_max == l_max]
            n = [s.n for s in mine]
            left.plot(n, [s.error for s in mine], "o-", color=color, label=f"$l_\\mathrm{{max}}$ = {l_max}")
            right.semilogy(n, [s.sensitivity for s in mine], "o-", color=color)
            single = [o for o in outcomes if o.l_max == l_max]
            middle.semilogx(
                *np.array([(o.vectors, o.error) for o in single]).T, "o", ms=5, alpha=0.6, mew=0, color=color
            )
        starts = [np.mean([s.start for s in summaries if s.n == n]) for n in NEIGHBORS]
        left.plot(NEIGHBORS, starts, "--", lw=1.2, color=GUIDE, label="before the search")
        middle.axvline(SAME_VECTOR, lw=1.0, ls=":", color=GUIDE)
        for x, y, words in ((0.15, 0.075, "recovered"), (0.45, 0.95, "mistaken"), (0.88, 0.95, "caught")):
            middle.text(x, y, words, transform=middle.transAxes, ha="center", fontsize=9, color=GUIDE)
        left.set(
            xlabel="neighbors",
            ylabel="reconstruction error (Å)",
            title="a  What comes back",
            ylim=(-0.02, None),
        )
        middle.set(
            xlabel="remaining difference of the SOAP vectors",
            ylabel="reconstruction error (Å)",
            title="b  Every environment",
            xlim=(1e-16, 1.0),
        )
        right.set(
            xlabel="neighbors",
            ylabel="least sensitivity (1/Å)",
            title="c  What the vector sees least",
            ylim=(1e-12, 0.1),
        )
        for axes in (left, right):
            axes.set_xticks(NEIGHBORS)
        left.legend(loc="upper left")
    return figure


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "distinguishing.png") as stream:
    stream.write(png(draw(outcomes, summaries)))
write_text(arguments.out / "distinguishing.md", table)
settings = {
    "n_max": N_MAX, "atom_sigma": ATOM_SIGMA, "cutoff": CUTOFF, "shell": SHELL, "apart": APART, "seed": SEED,
    "displacement": DISPLACEMENT, "environments": N_ENVIRONMENTS, "tries": TRIES,
    "same_vector": SAME_VECTOR, "same_place": SAME_PLACE,
}  # fmt: skip
write_json(
    arguments.out / "distinguishing.json", {"settings": settings, "summaries": [asdict(s) for s in summaries]}
)
