# %% [markdown]
# # A potential that knows where it is blind
#
# A GAP for silicon that has seen nothing but diamond, asked about diamond and about β-tin: the energy–volume
# curves with the error that the model predicts for itself, beside the true error against its quantum engine
# (tight binding, see `silicon_labels.py`). Then the same question for forces.
#
#     python analysis/self_aware.py                # from the stored labels; writes analysis/out/self_aware.*
#     python analysis/self_aware.py --regenerate   # make the labels anew first (needs quippy; ten minutes)
#     python analysis/self_aware.py --fast         # a smaller model, in seconds

# %%
from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase import Atoms
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.stats import spearmanr
from silicon_labels import LABELS, LEVEL, make_labels

import gapsample
from gapsample import Database, Label, Recipe, Sigmas, Soap
from gapsample.database import read_extxyz
from gapsample.files import replacing
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.potential.gap import GAP
from gapsample.provenance import write_json

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="Predicted and true error of a GAP where it has not been.")
parser.add_argument("--regenerate", action="store_true", help="make the quantum labels anew first")
parser.add_argument("--fast", action="store_true", help="a smaller model from fewer labels")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]
if arguments.regenerate:
    make_labels()

# %% [markdown]
# ## Labels
#
# To learn from: diamond cells of 8 atoms, strained, displaced and of many volumes, and snapshots of molecular
# dynamics of 64 atoms. A tenth of them calibrates the predicted error. To be asked about: perfect crystals of
# both structures over volume, dynamics at other temperatures, and β-tin with its atoms displaced.

# %%
LEARNED = ("diamond_strained", "diamond_md")
Pairs = list[tuple[Atoms, Label]]

keys = {"energy_key": "qm_energy", "force_key": "qm_forces", "virial_key": "qm_virial"}
pairs = read_extxyz(LABELS, level=LEVEL, **keys).pairs


def of(*config_types: str) -> Pairs:
    """Configurations and labels of these kinds."""
    return [(atoms, label) for atoms, label in pairs if label.config_type in config_types]


# %% [markdown]
# ## The model
#
# One SOAP term. Its prior deviation δ is what a local energy may be where the model knows nothing.
#
# The predicted errors carry the two factors that the fit finds on the held-out tenth (of diamond): one for
# energies, near 1, and one for forces, about 10: raw force errors are those of the weights alone and know
# nothing of what the sparse points leave open.

# %%
RECIPE = Recipe(
    terms=(Soap(cutoff=5.0, n_max=8, l_max=6, n_sparse=60 if arguments.fast else 300, delta=3.0),),
    sigmas=Sigmas(energy=0.002, force=0.1, virial=0.03),
)


def learn(recipe: Recipe, labels: Pairs) -> gapsample.Fit:
    """Fit to a database of these labels; its own test part calibrates the predicted error."""
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "diamond.db")
        database.add_many(labels)
        return gapsample.fit(recipe, database)


fit = learn(RECIPE, of(*LEARNED)[:: 3 if arguments.fast else 1])
gap = fit.gap

# %% [markdown]
# ## Energy against volume
#
# All atoms of these crystals are equivalent, so the error of the energy per atom is the error of one local
# energy, `local_std`. It has two parts: *novelty*, what the sparse points leave open, and the *posterior* of
# their weights, what the labels leave open.


# %%
def rms(values: Floats) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(values**2)))


@dataclass(frozen=True, eq=False)
class Curve:
    """A perfect crystal over volume; Å^3 and eV per atom.

    Attributes
    ----------
    engine, predicted : energies
    std : predicted error
    novelty : the part of `std` that is distance from the sparse points
    """

    volumes: Floats
    engine: Floats
    predicted: Floats
    std: Floats
    novelty: Floats

    @property
    def error(self) -> Floats:
        return np.abs(self.predicted - self.engine)

    @property
    def posterior(self) -> Floats:
        """The part of `std` that is uncertainty of the weights."""
        return np.sqrt(np.maximum(self.std**2 - self.novelty**2, 0.0))

    @property
    def z(self) -> float:
        """Root mean square of true over predicted error."""
        return rms(self.error / self.std)

    @property
    def minimum(self) -> int:
        """The volume at which the engine has its least energy."""
        return int(np.argmin(self.engine))

    def at_minimum(self) -> dict[str, float]:
        """Numbers at the engine's minimum; eV per atom."""
        i = self.minimum
        return {
            "volume": float(self.volumes[i]),
            "engine": float(self.engine[i]),
            "predicted": float(self.predicted[i]),
            "predicted_error": float(self.std[i]),
            "of_it_novelty": float(self.novelty[i]),
            "of_it_posterior": float(self.posterior[i]),
            "true_error": float(self.error[i]),
            "z": float(self.error[i] / self.std[i]),
        }


def curve(gap: GAP, labels: Pairs) -> Curve:
    """Engine, model and its predicted error along a series of perfect crystals."""
    rows = []
    for atoms, label in labels:
        found = gap.evaluate(atoms, forces=False, error="local")
        energies = np.array([atoms.get_volume(), label.energy, found.energy]) / len(atoms)
        rows.append((*energies, np.asarray(found.local_std)[0], np.sqrt(np.asarray(found.novelty)[0])))
    return Curve(*np.array(rows).T)


curves = {"diamond": curve(gap, of("diamond_curve")), "β-tin": curve(gap, of("beta_tin_curve"))}

# %% [markdown]
# ## Forces
#
# The same for the forces: diamond in dynamics that the model has not seen, and β-tin.


# %%
@dataclass(frozen=True, eq=False)
class Forces:
    """True and predicted errors of forces, shape (n_atoms, 3), eV/Å."""

    error: Floats
    std: Floats

    @property
    def norms(self) -> tuple[Floats, Floats]:
        """Predicted and true error of every atom."""
        return np.linalg.norm(self.std, axis=1), np.linalg.norm(self.error, axis=1)

    def summary(self) -> dict[str, float]:
        """Root mean squares over components (eV/Å), z, and rank correlation over atoms."""
        return {
            "n_atoms": len(self.error),
            "true_rms": rms(self.error),
            "predicted_rms": rms(self.std),
            "z": rms(self.error / self.std),
            "rank_correlation": float(spearmanr(*self.norms).statistic),
        }


def forces(gap: GAP, labels: Pairs) -> Forces:
    """Errors of all atoms of these configurations."""
    found = [gap.evaluate(atoms, error="forces") for atoms, _ in labels]
    predicted = np.concatenate([np.asarray(each.forces) for each in found])
    engine = np.concatenate([np.asarray(label.forces) for _, label in labels])
    return Forces(predicted - engine, np.concatenate([np.asarray(each.forces_std) for each in found]))


of_forces = {
    "diamond": forces(gap, of("held_out_md")),
    "β-tin": forces(gap, of("beta_tin_rattled")),
}
both = Forces(*(np.concatenate([getattr(f, part) for f in of_forces.values()]) for part in ("error", "std")))

# %% [markdown]
# ## The figure


# %%
def draw(curves: dict[str, Curve], of_forces: dict[str, Forces]) -> Figure:
    """Four panels; one color for each structure."""
    colors = dict(zip(curves, COLORS, strict=False))
    with style():
        figure = Figure(figsize=(11.0, 8.4))
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        (energies, errors), (parts, of_atoms) = figure.subplots(2, 2)
        _draw_energies(energies, curves, colors)
        _draw_errors(errors, curves, colors)
        _draw_parts(parts, curves, colors)
        _draw_forces(of_atoms, of_forces, colors)
    return figure


def _draw_energies(axes: Axes, curves: dict[str, Curve], colors: dict[str, str]) -> None:
    zero = curves["diamond"].engine.min()
    for name, c in curves.items():
        middle = c.predicted - zero
        for n, alpha in ((2, 0.13), (1, 0.22)):
            axes.fill_between(
                c.volumes, middle - n * c.std, middle + n * c.std, color=colors[name], alpha=alpha, lw=0
            )
        axes.plot(c.volumes, middle, color=colors[name], lw=1.8, label=f"{name}: GAP, ±1σ and ±2σ")
        axes.plot(
            c.volumes,
            c.engine - zero,
            "o",
            ms=4.5,
            mfc="white",
            mec=colors[name],
            label=f"{name}: tight binding",
        )
    axes.set(
        title="a  Learned from diamond only", xlabel="volume (Å³ per atom)", ylabel="energy (eV per atom)"
    )
    axes.legend(loc="upper right")


def _draw_errors(axes: Axes, curves: dict[str, Curve], colors: dict[str, str]) -> None:
    for name, c in curves.items():
        axes.semilogy(c.volumes, 1e3 * c.std, color=colors[name], lw=1.8, label=f"{name}: predicted")
        axes.semilogy(
            c.volumes, 1e3 * c.error, "o", ms=4.5, mfc="white", mec=colors[name], label=f"{name}: true"
        )
    axes.set(
        title="b  It knows where it is blind", xlabel="volume (Å³ per atom)", ylabel="error (meV per atom)"
    )
    axes.legend(loc="upper right")


def _draw_parts(axes: Axes, curves: dict[str, Curve], colors: dict[str, str]) -> None:
    for name, c in curves.items():
        axes.semilogy(c.volumes, 1e3 * c.novelty, "-", color=colors[name], lw=1.8, label=f"{name}: novelty")
        axes.semilogy(
            c.volumes, 1e3 * c.posterior, "--", color=colors[name], lw=1.4, label=f"{name}: posterior"
        )
    axes.set(
        title="c  What the predicted error is made of",
        xlabel="volume (Å³ per atom)",
        ylabel="predicted error (meV per atom)",
    )
    axes.legend(loc="upper right")


def _draw_forces(axes: Axes, of_forces: dict[str, Forces], colors: dict[str, str]) -> None:
    for name, f in of_forces.items():
        axes.loglog(*f.norms, ".", ms=4.5, alpha=0.5, mew=0, color=colors[name], rasterized=True)
        axes.plot(
            *map(rms, f.norms), "D", ms=8, mfc=colors[name], mec="white", label=f"{name}, root mean square"
        )
    predicted = np.concatenate([f.norms[0] for f in of_forces.values()])
    ends = np.array([predicted.min(), predicted.max()])
    axes.plot(ends, ends, "-", lw=1.0, color=GUIDE, label="as predicted")
    axes.set(
        title="d  Forces, atom by atom",
        xlabel="predicted error of the force (eV/Å)",
        ylabel="true error of the force (eV/Å)",
    )
    axes.legend(loc="upper left")


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "self_aware.png") as stream:
    stream.write(png(draw(curves, of_forces)))

# %% [markdown]
# ## How much of it is the prior
#
# Where no data reach, the raw predicted error is the prior's and grows in proportion to δ. The factor found
# on held-out diamond takes most of that back: the calibrated error hardly depends on δ.


# %%
def with_delta(delta: float) -> dict[str, float]:
    """Evidence, and errors at the minimum of β-tin (eV per atom), of the same model with another δ."""
    other = learn(replace(RECIPE, terms=(replace(RECIPE.terms[0], delta=delta),)), of(*LEARNED))
    found = curve(other.gap, of("beta_tin_curve"))
    at = found.at_minimum()
    return {
        "log_evidence": other.log_evidence,
        "predicted_error": at["predicted_error"],
        "true_error": at["true_error"],
        "curve_z": found.z,
    }


of_delta = {} if arguments.fast else {f"{delta:g}": with_delta(delta) for delta in (1.0, 3.0, 10.0)}

# %% [markdown]
# ## The numbers

# %%
minima = {name: c.at_minimum() for name, c in curves.items()}
numbers = {
    "n_learned": gap.origin["n_train"],
    "n_calibration": gap.origin["n_test"],
    "n_sparse": [term.n_sparse for term in gap.terms],
    "calibration": asdict(gap.calibration),
    "log_evidence": fit.log_evidence,
    "energy_at_minimum": minima,
    "predicted_error_ratio": minima["β-tin"]["predicted_error"] / minima["diamond"]["predicted_error"],
    "curve_predicted_rms": {name: rms(c.std) for name, c in curves.items()},
    "curve_true_rms": {name: rms(c.error) for name, c in curves.items()},
    "curve_z": {name: c.z for name, c in curves.items()},
    "forces": {name: f.summary() for name, f in {**of_forces, "both": both}.items()},
    "delta": of_delta,
}
write_json(arguments.out / "self_aware.json", numbers)
for name, values in {**minima, **numbers["forces"]}.items():
    print(name, {key: float(f"{value:.3g}") for key, value in values.items()})
