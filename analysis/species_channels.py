# %% [markdown]
# # Compressed species channels
#
# The SOAP vector of *S* species grows as *S*²: every pair of species has its own block. With `n_channels` in
# the recipe the densities of all species are added up into a few channels first. What does that cost in
# accuracy, and what does it save? Two sets of four elements, the same number of sparse points throughout:
#
# - **molecules**: pairs of C, H, N, O molecules at 800 K, GFN1-xTB (quantum; `organic_labels.py`). Held out
#   are either a snapshot of every pair, or whole pairs: *unseen* molecules, of which a few decide the error.
# - **alloy**: random Cu-Pd-Ag-Au on strained and displaced fcc cells, labeled by ASE's effective-medium
#   potential. A classical engine, whose embedded densities know species by few numbers: a set that favors
#   compression, and says so.
#
#       python analysis/species_channels.py          # minutes; writes analysis/out/species_channels.*
#       python analysis/species_channels.py --fast   # seconds: few labels, few sparse points

# %%
from __future__ import annotations

import argparse
import itertools
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from organic_labels import LABELS, LEVEL, N_SNAPSHOTS

import gapsample
from gapsample import Database, Distance, Label, Recipe, Sigmas, Soap
from gapsample.database import read_extxyz
from gapsample.files import replacing, write_text
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.potential.gap import GAP
from gapsample.potential.terms.soap import SoapTerm
from gapsample.provenance import write_json

parser = argparse.ArgumentParser(description="Accuracy and cost of compressed species channels.")
parser.add_argument("--fast", action="store_true", help="few labels and few sparse points")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

Pairs = list[tuple[Atoms, Label]]
CHANNELS = (None, 1, 2, 3, 4)
METHODS = ("chemical", "random")
N_SPARSE = 20 if arguments.fast else 200
os.environ["GAPSAMPLE_THREADS"] = "1"  # CPU times of one thread

# %% [markdown]
# ## Labels


# %%
def alloy(n: int, seed: int = 3) -> Pairs:
    """Cells of 32 atoms: 8 of each element at random places, strained by 2 %, displaced by 0.12 Å."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(n):
        atoms = bulk("Cu", a=3.95, cubic=True) * (2, 2, 2)
        atoms.set_chemical_symbols(list(rng.permutation(["Cu", "Pd", "Ag", "Au"] * 8)))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0.0, 0.02, (3, 3))), scale_atoms=True)
        atoms.rattle(0.12, rng=rng)
        engine = EMT()
        label = Label("EMT", energy=engine.get_potential_energy(atoms), forces=engine.get_forces(atoms))
        pairs.append((atoms, label))
    return pairs


@dataclass(frozen=True)
class Study:
    """One set of labels and the recipe's choices for it, channels aside."""

    name: str
    splits: list[tuple[Pairs, Pairs]]  # to learn from, held out
    pair_term: Distance
    soap: Soap
    sigmas: Sigmas

    def recipe(self, n_channels: int | None, method: str, seed: int) -> Recipe:
        """The recipe with these channels."""
        soap = Soap(**{**asdict(self.soap), "n_channels": n_channels, "channel_method": method})
        return Recipe((self.pair_term, soap), sigmas=self.sigmas, split="all", seed=seed)


def split(pairs: Pairs, block: int, n_folds: int, fold: int) -> tuple[Pairs, Pairs]:
    """Every n_folds-th block of consecutive configurations is held out, starting from block `fold`."""
    out = [k // block % n_folds == fold for k in range(len(pairs))]
    return (
        [pair for pair, held_out in zip(pairs, out, strict=True) if not held_out],
        [pair for pair, held_out in zip(pairs, out, strict=True) if held_out],
    )


molecules = read_extxyz(LABELS, level=LEVEL, energy_key="qm_energy", force_key="qm_forces").pairs
cells = alloy(14 if arguments.fast else 120)
if arguments.fast:
    molecules = molecules[: 4 * N_SNAPSHOTS]
studies = [
    *(
        Study(
            name,
            [split(molecules, block, n, fold) for fold in range(1 if arguments.fast else n_splits)],
            Distance(cutoff=4.0, theta=0.6, delta=3.0, n_sparse=12),
            Soap(4.0, n_max=6, l_max=4, atom_sigma=0.4, cutoff_transition_width=1.0, n_sparse=N_SPARSE),
            Sigmas(energy=0.001, force=0.03),
        )
        for name, block, n, n_splits in (
            ("molecules", 1, N_SNAPSHOTS, 2),
            ("unseen molecules", N_SNAPSHOTS, 4, 4),
        )
    ),
    *(
        Study(
            f"alloy, {n} cells",
            [(cells[-n:], cells[:n_test]), (cells[n_test : n_test + n], cells[:n_test])][:n_splits],
            Distance(cutoff=4.5, theta=0.8, delta=2.0, n_sparse=12),
            Soap(4.5, n_max=6, l_max=4, cutoff_transition_width=1.0, n_sparse=N_SPARSE),
            Sigmas(energy=0.001, force=0.02),
        )
        for n, n_test, n_splits in (((10, 4, 1),) if arguments.fast else ((30, 24, 2), (90, 24, 2)))
    ),
]

# %% [markdown]
# ## Fits
#
# Every fit is repeated with other labels held out, other sparse points and other random channels.


# %%
@dataclass(frozen=True)
class Measured:
    """One set, method and number of channels; means over splits, `_err` their standard deviation.

    Attributes
    ----------
    length : numbers in one SOAP vector; rotated: after the rotation of the radial basis, what evaluation uses
    fit_s : CPU seconds of the whole fit
    evaluation_us : CPU microseconds per atom, energy and forces
    energy, forces : root mean square errors on what was held out, meV per atom and meV/Å
    typical : median over configurations of the root mean square force error, meV/Å
    """

    study: str
    method: str
    n_channels: int | None
    length: int
    rotated: int
    fit_s: float
    evaluation_us: float
    energy: float
    energy_err: float
    forces: float
    forces_err: float
    typical: float


def learn(recipe: Recipe, labels: Pairs) -> GAP:
    """Fit to a database of these labels."""
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "labels.db")
        database.add_many(labels)
        return gapsample.fit(recipe, database).gap


def errors(gap: GAP, test: Pairs) -> tuple[float, float, float]:
    """Root mean square errors of energy (meV per atom) and forces (meV/Å), and the typical force error."""
    energy, forces, n_atoms = [], [], []
    for atoms, label in test:
        found = gap.evaluate(atoms)
        energy.append((found.energy - label.energy) / len(atoms))
        forces.append(np.mean((found.forces - label.forces) ** 2))
        n_atoms.append(len(atoms))
    squares = (np.mean(np.square(energy)), np.average(forces, weights=n_atoms), np.median(forces))
    of_energy, of_forces, typical = (1e3 * float(np.sqrt(square)) for square in squares)
    return of_energy, of_forces, typical


def evaluation_us(gap: GAP, test: Pairs, rounds: int = 5) -> float:
    """CPU microseconds per atom, the fastest of several rounds; cells are repeated to 256 atoms."""
    some = [atoms * (2, 2, 2) if atoms.pbc.all() else atoms for atoms, _ in test[::4]]
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        for atoms in some:
            gap.evaluate(atoms)
        spent.append(time.process_time() - started)
    return 1e6 * min(spent) / sum(len(atoms) for atoms in some)


def measure(study: Study, n_channels: int | None, method: str) -> Measured:
    """Fit and judge for every split."""
    found, cpu = [], []
    for seed, (train, test) in enumerate(study.splits):
        started = time.process_time()
        gap = learn(study.recipe(n_channels, method, seed), train)
        cpu.append(time.process_time() - started)
        found.append(errors(gap, test))
    soap = next(term for term in gap.terms if isinstance(term, SoapTerm))
    energy, forces, typical = np.mean(found, axis=0)
    energy_err, forces_err, _ = np.std(found, axis=0)
    return Measured(
        study=study.name,
        method="none" if n_channels is None else method,
        n_channels=n_channels,
        length=soap.sparse.shape[1],
        rotated=soap.rotated.shape[1],
        fit_s=min(cpu),
        evaluation_us=evaluation_us(gap, test),
        energy=float(energy),
        energy_err=float(energy_err),
        forces=float(forces),
        forces_err=float(forces_err),
        typical=float(typical),
    )


learn(studies[0].recipe(2, "chemical", 0), molecules[::5][:8])  # compiles, so that no fit below pays for it
measured = []
for study, n_channels, method in itertools.product(studies, CHANNELS, METHODS):
    same_as_none = method == "random" and n_channels in (None, 4)  # see `species_channels.mix_species`
    if not same_as_none:
        measured.append(measure(study, n_channels, method))
        m = measured[-1]
        print(
            f"{m.study}, {m.method} {m.n_channels}: {m.energy:.2f} meV/atom, {m.forces:.1f} meV/Å", flush=True
        )

# %% [markdown]
# ## The table

# %%
head = (
    "| set | channels | SOAP length | rotated | fit (CPU s) | evaluation (µs/atom) "
    "| energy (meV/atom) | forces (meV/Å) | typical (meV/Å) |"
)
lines = [head, "|---|---|" + "---:|" * 7] + [
    f"| {m.study} | {'every species' if m.n_channels is None else f'{m.n_channels} {m.method}'} | {m.length} "
    f"| {m.rotated} | {m.fit_s:.1f} | {m.evaluation_us:.0f} | {m.energy:.2f} ± {m.energy_err:.2f} "
    f"| {m.forces:.1f} ± {m.forces_err:.1f} | {m.typical:.1f} |"
    for m in measured
]
table = "\n".join(lines) + "\n"
print(table)

# %% [markdown]
# ## The figure


# %%
def draw(measured: list[Measured]) -> Figure:
    """Test errors against the number of channels; dashed: every species its own."""
    with style():
        names = [study.name for study in studies]
        figure = Figure(figsize=(3.6 * len(names), 6.0), layout="constrained")
        panels = figure.subplots(2, len(names), sharex=True, squeeze=False)
        for column, name in zip(panels.T, names, strict=True):
            mine = [m for m in measured if m.study == name]
            for axes, key in zip(column, ("forces", "energy"), strict=True):
                for method, color in zip(METHODS, COLORS, strict=False):
                    some = [m for m in mine if m.method == method]
                    axes.errorbar(
                        [m.n_channels for m in some],
                        [getattr(m, key) for m in some],
                        [getattr(m, f"{key}_err") for m in some],
                        fmt="o-", color=color, capsize=3, label=f"{method} channels",
                    )  # fmt: skip
                (plain,) = [m for m in mine if m.method == "none"]
                axes.axhline(getattr(plain, key), ls="--", lw=1.2, color=GUIDE, label="every species its own")
                axes.set_ylim(0, None)
            column[0].set_title(name)
            column[1].set(xlabel="channels", xticks=(1, 2, 3, 4))
        panels[0, 0].set_ylabel("force error (meV/Å)")
        panels[1, 0].set_ylabel("energy error (meV/atom)")
        panels[0, 0].legend(loc="lower right")
    return figure


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "species_channels.png") as stream:
    stream.write(png(draw(measured)))
write_text(arguments.out / "species_channels.md", table)
write_json(
    arguments.out / "species_channels.json",
    {"n_sparse": N_SPARSE, "measured": [asdict(m) for m in measured]},
)

# %% [markdown]
# ## What it shows
#
# - Chemical channels are on average more accurate than every species its own. Most of that is not the
#   compression but the knowledge that species resemble each other: four chemical channels compress nothing
#   and gain it too. One or two of them halve the cost of fitting and evaluating, or nearly so.
# - Compression alone, by random channels, gains nothing in the forces: two or three are about as good as the
#   full vector, a single one is worse. Energies scatter too much between splits to say.
# - What compression costs shows against four chemical channels: one channel has larger force errors on
#   molecules, also on the typical unseen one.
# - Of unseen molecules a few decide the error, so that the spread over splits is as large as the gain.
