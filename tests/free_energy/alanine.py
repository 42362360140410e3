"""The study's own molecule, `runs/alanine_dipeptide/system.py`, for tests."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("openmm", reason="alanine dipeptide wants openmm")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "runs" / "alanine_dipeptide"))

from system import alanine_dipeptide, geometry, handedness

__all__ = ["alanine_dipeptide", "geometry", "handedness"]
