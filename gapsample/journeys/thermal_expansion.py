"""Thermal expansion of a crystal in the quasi-harmonic approximation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.journeys.lattice import scaled
from gapsample.journeys.phonons import phonons
from gapsample.journeys.relaxation import with_calculator

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ThermalExpansion:
    """Properties at zero pressure, shape (n_temperatures,) each.

    Attributes
    ----------
    temperatures : K
    alpha : 1/K, linear coefficient (dV/dT) / 3V
    scale : linear size relative to the crystal at rest without zero-point motion
    bulk_modulus : GPa, isothermal
    """

    temperatures: Floats
    alpha: Floats
    scale: Floats
    bulk_modulus: Floats


def thermal_expansion(
    primitive: Atoms,
    calculator: Calculator,
    supercell: NDArray[np.int64],
    *,
    scales: Floats,
    temperatures: Floats,
    mesh: int = 12,
    degree: int = 4,
) -> ThermalExpansion:
    """Minimize F(V, T) = E(V) + F_vib(V, T) at each temperature.

    Energy, vibrational free energy and entropy are fitted by polynomials in the linear size, and the
    expansion follows from them without differences in temperature: dV/dT = (dS/dV) / (d2F/dV2).

    Parameters
    ----------
    primitive : the smallest cell of a cubic crystal at rest
    supercell : shape (3, 3), the cell that gives static energy and force constants, as in `phonons`
    scales : shape (n_scales,), linear sizes to compute phonons at; they must hold the hottest volume
    temperatures : shape (n_temperatures,), K
    mesh : q-points along each axis of the primitive cell
    degree : of the polynomials

    Raises
    ------
    InputError
        For too few scales, for imaginary phonons, and where the free energy has no minimum within the scales.

    References
    ----------
    Baroni, Giannozzi & Isaev, Rev. Mineral. Geochem. 71, 39 (2010).
    """
    if len(scales) <= degree:
        raise InputError(f"polynomials of degree {degree} need more than {degree} scales, got {len(scales)}")
    cells = [scaled(primitive, float(scale)) for scale in scales]
    columns = [_thermodynamics(cell, calculator, supercell, temperatures, mesh) for cell in cells]
    free_energy, entropy = np.transpose(columns, (1, 2, 0))
    sizes, alphas, moduli = [], [], []
    for temperature, energies, entropies in zip(temperatures, free_energy, entropy, strict=True):
        f = Polynomial.fit(scales, energies, degree)
        s = Polynomial.fit(scales, entropies, degree)
        x = _minimum(f, scales, float(temperature))
        sizes.append(x)
        alphas.append(s.deriv()(x) / f.deriv(2)(x) / x)
        moduli.append(f.deriv(2)(x) / (9.0 * primitive.get_volume() * x) / units.GPa)
    return ThermalExpansion(
        temperatures=np.asarray(temperatures, dtype=float),
        alpha=np.array(alphas),
        scale=np.array(sizes),
        bulk_modulus=np.array(moduli),
    )


def harmonic_free_energy(frequencies: Floats, temperatures: Floats) -> tuple[Floats, Floats]:
    """Free energy (eV) and entropy (eV/K) of quantum oscillators, zero-point energy included.

    Parameters
    ----------
    frequencies : shape (n_q, n_modes), THz, positive; averaged over the first axis, summed over the second
    temperatures : shape (n_temperatures,), K; zero is allowed
    """
    quantum = 1e12 * units._hplanck * units.J * frequencies
    free_energy, entropy = [], []
    for kT in units.kB * np.asarray(temperatures, dtype=float):
        if kT == 0.0:
            thermal, disorder = np.zeros_like(quantum), np.zeros_like(quantum)
        else:
            x = np.minimum(quantum / kT, 700.0)
            thermal = kT * np.log(-np.expm1(-x))
            disorder = units.kB * x / np.expm1(x) - thermal * units.kB / kT
        free_energy.append((0.5 * quantum + thermal).sum(axis=1).mean())
        entropy.append(disorder.sum(axis=1).mean())
    return np.array(free_energy), np.array(entropy)


def _thermodynamics(
    primitive: Atoms,
    calculator: Calculator,
    supercell: NDArray[np.int64],
    temperatures: Floats,
    mesh: int,
) -> tuple[Floats, Floats]:
    """Static plus vibrational free energy (eV) and entropy (eV/K) of one primitive cell."""
    vibrations = phonons(primitive, calculator, supercell)
    frequencies = vibrations.mesh_frequencies(mesh)
    if frequencies.min() <= 0.0:
        raise InputError(
            f"a cell of volume {primitive.get_volume():.3f} Å^3 has an imaginary phonon of "
            f"{frequencies.min():.2f} THz; narrow the scales, or check that the crystal is stable"
        )
    whole = with_calculator(vibrations.supercell, calculator)
    free_energy, entropy = harmonic_free_energy(frequencies, temperatures)
    return whole.get_potential_energy() * len(primitive) / len(whole) + free_energy, entropy


def _minimum(f: Polynomial, scales: Floats, temperature: float) -> float:
    """Where the polynomial is lowest inside the scales."""
    roots = f.deriv().roots()
    inside = [
        float(root.real)
        for root in roots
        if abs(root.imag) < 1e-9 and min(scales) <= root.real <= max(scales) and f.deriv(2)(root.real) > 0.0
    ]
    if not inside:
        raise InputError(
            f"the free energy at {temperature:g} K has no minimum between scales {min(scales):g} and "
            f"{max(scales):g}; widen the scales"
        )
    return min(inside, key=f)
