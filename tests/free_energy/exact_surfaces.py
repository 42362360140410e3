"""Problems whose free energy is known in closed form, and exact samples of their biased densities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from gapsample.free_energy.observations import GradientAverage

Floats = NDArray[np.float64]

MB_A = np.array([-200.0, -100.0, -170.0, 15.0])
MB_a = np.array([-1.0, -1.0, -6.5, 0.7])
MB_b = np.array([0.0, 0.0, 11.0, 0.6])
MB_c = np.array([-10.0, -10.0, -6.5, 0.7])
MB_x = np.array([1.0, 0.0, -0.5, -1.0])
MB_y = np.array([0.0, 0.5, 1.5, 1.0])


@dataclass(frozen=True)
class Torus:
    """F(phi) = sum_j a_j cos(k_j . phi + p_j) on the torus of d angles."""

    amplitudes: Floats  # (n,)
    waves: Floats  # (n, d)
    phases: Floats  # (n,)

    @classmethod
    def random(cls, d: int, n: int, rng: np.random.Generator, highest: int = 2) -> Torus:
        """Waves with at most two variables each, like those of torsions in a chain."""
        waves = np.zeros((n, d), dtype=int)
        for wave in waves:
            some = rng.choice(d, size=min(d, 2), replace=False)
            while not np.any(wave):
                wave[some] = rng.integers(-highest, highest + 1, size=len(some))
        amplitudes = rng.normal(size=n) / np.sqrt(n) * 3.0 / np.maximum(np.linalg.norm(waves, axis=1), 1.0)
        return cls(amplitudes, waves, rng.uniform(0.0, 2.0 * np.pi, size=n))

    @property
    def dimension(self) -> int:
        return int(self.waves.shape[1])

    @property
    def curvature(self) -> float:
        """A bound of the largest second derivative."""
        return float(np.abs(self.amplitudes) @ np.sum(self.waves**2, axis=1))

    def values(self, s: Floats) -> Floats:
        return np.asarray(np.cos(s @ self.waves.T + self.phases) @ self.amplitudes)

    def gradients(self, s: Floats) -> Floats:
        return np.asarray(-(np.sin(s @ self.waves.T + self.phases) * self.amplitudes) @ self.waves)

    def window(
        self, center: Floats, kappa: float, n: int, rng: np.random.Generator, kT: float = 1.0
    ) -> Floats:
        """Exact samples of exp(-(F + kappa |s - c|^2 / 2) / kT) by rejection; kappa above the curvature.

        By Taylor's theorem F is nowhere below its tangent plane at c less curvature |s - c|^2 / 2.
        """
        bound = self.curvature
        assert kappa > bound
        height, slope = self.values(center[None])[0], self.gradients(center[None])[0]
        soft = kappa - bound
        accepted = np.empty((0, len(center)))
        while len(accepted) < n:
            step = -slope / soft + rng.normal(size=(4 * n, len(center))) * np.sqrt(kT / soft)
            lower = height + step @ slope - 0.5 * bound * np.sum(step**2, axis=1)
            keep = np.log(rng.uniform(size=len(step))) < (lower - self.values(center + step)) / kT
            accepted = np.concatenate([accepted, center + step[keep]])
        return accepted[:n]


@dataclass(frozen=True)
class DoubleWell:
    """V = a (x^2 - 1)^2 + k(x) (y - g(x))^2 / 2 with k = exp(b x): F(x) = a (x^2 - 1)^2 + kT b x / 2."""

    a: float = 5.0
    b: float = 1.0

    def values(self, s: Floats, kT: float = 1.0) -> Floats:
        x = s[:, 0]
        return np.asarray(self.a * (x * x - 1.0) ** 2 + 0.5 * kT * self.b * x)

    def window(
        self, center: Floats, kappa: float, n: int, rng: np.random.Generator, kT: float = 1.0
    ) -> Floats:
        """Samples by inverting the cumulative distribution on a fine grid (y is Gaussian and drops out)."""
        x = np.linspace(-2.5, 2.5, 20001)
        log = -(self.values(x[:, None], kT) + 0.5 * kappa * (x - center[0]) ** 2) / kT
        return np.interp(rng.uniform(size=n), _cumulative(np.exp(log - log.max())), x)[:, None]


def mueller_brown(s: Floats, kT: float = 1.0, height: float = 0.15) -> Floats:
    """The potential of Müller & Brown, Theor. Chim. Acta 53, 75 (1979), times `height`, in kT."""
    dx, dy = s[:, :1] - MB_x, s[:, 1:] - MB_y
    return np.asarray(height * kT * np.exp(MB_a * dx**2 + MB_b * dx * dy + MB_c * dy**2) @ MB_A)


def mueller_brown_marginal(x: Floats, kT: float = 1.0, height: float = 0.15) -> Floats:
    """F(x) after integrating out y."""
    y = np.linspace(-2.0, 4.0, 6001)
    points = np.stack(np.broadcast_arrays(x[:, None], y[None, :]), axis=-1).reshape(-1, 2)
    v = mueller_brown(points, kT, height).reshape(len(x), len(y))
    return np.asarray(-kT * logsumexp(-v / kT, axis=1))


def plane_window(
    potential: object, center: Floats, kappa: Floats, n: int, rng: np.random.Generator, kT: float = 1.0
) -> Floats:
    """Samples of a biased density in the plane, from a grid of cells finer than anything in it."""
    half = 6.0 * np.sqrt(kT / kappa)
    lines = [np.linspace(c - h, c + h, 241) for c, h in zip(center, half, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
    log = -(potential(points) + 0.5 * ((points - center) ** 2 @ kappa)) / kT  # type: ignore[operator]
    chosen = rng.choice(len(points), size=n, p=np.exp(log - logsumexp(log)))
    cell = np.array([line[1] - line[0] for line in lines])
    return np.asarray(points[chosen] + cell * rng.uniform(-0.5, 0.5, size=(n, 2)))


def umbrella(samples: Floats, center: Floats, kappa: Floats | float, kT: float = 1.0) -> GradientAverage:
    """The observation of a harmonic window with independent samples.

    The noise is that of the total force, whose average vanishes; for a Gaussian of covariance V it is
    kT^2 V^-1 / n.
    """
    kappa = np.broadcast_to(kappa, center.shape)
    value = kappa * (center - samples.mean(axis=0))
    spread = np.atleast_2d(np.cov(samples.T))
    return GradientAverage(samples, value, kT**2 * np.linalg.inv(spread) / len(samples))


def _cumulative(density: Floats) -> Floats:
    total = np.cumsum(density)
    return np.asarray(total / total[-1])
