"""What an import found, what it left aside, and what it looked for in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from gapsample.database.label import Label
from gapsample.errors import FileFormatError

_TELLTALE = ("energy", "force", "virial", "stress")


@dataclass(frozen=True)
class ImportReport:
    """Counts of frames.

    Attributes
    ----------
    path : the file
    frames, energies, forces, virials : numbers of frames, and of frames with each quantity
    config_types : number of frames of each config_type
    used : number of frames in which each key became part of the label
    unused : number of frames with each key that did not; kept in `atoms.info` or `atoms.arrays`
    """

    path: Path
    frames: int
    energies: int
    forces: int
    virials: int
    config_types: dict[str, int]
    used: dict[str, int]
    unused: dict[str, int]

    @classmethod
    def of(
        cls, path: Path, labels: list[Label], seen: Mapping[str, int], used: Mapping[str, int]
    ) -> ImportReport:
        """Count what became of the frames; `seen` and `used` count keys."""
        return cls(
            path,
            len(labels),
            sum(label.energy is not None for label in labels),
            sum(label.forces is not None for label in labels),
            sum(label.virial is not None for label in labels),
            dict(sorted(Counter(label.config_type for label in labels).items())),
            dict(sorted(used.items())),
            {key: count for key, count in sorted(seen.items()) if key not in used and key != "gapsample"},
        )

    @property
    def suspects(self) -> list[str]:
        """Unused keys that sound like a quantity of which no frame has any."""
        missing = {
            "energy": self.energies,
            "force": self.forces,
            "virial": self.virials,
            "stress": self.virials,
        }
        words = [word for word, count in missing.items() if count == 0]
        return [key for key in self.unused if any(word in key.lower() for word in words)]

    def __str__(self) -> str:
        groups = ", ".join(f"{name} {count}" for name, count in self.config_types.items())
        lines = [
            f"{self.path.name}: {self.frames} frames, {self.energies} with energies, "
            f"{self.forces} with forces, {self.virials} with virials",
            f"  config types: {groups}",
            f"  keys used: {_counted(self.used, self.frames)}",
        ]
        if self.unused:
            lines.append(f"  keys kept but not used: {_counted(self.unused, self.frames)}")
        if self.suspects:
            lines.append(
                f"  note: not used as a label, although it sounds like one: {', '.join(self.suspects)}"
            )
        return "\n".join(lines)


def check_something_was_read(
    path: str | Path,
    n_frames: int,
    seen: Mapping[str, int],
    explicit: Collection[str],
    wanted: Collection[str],
) -> None:
    """Raise FileFormatError if the file is empty, or a named key, or every wanted key, is nowhere."""
    name = Path(path).name
    if n_frames == 0:
        raise FileFormatError(f"{name} holds no frames; it is empty")
    for key in sorted(explicit):
        if key not in seen:
            raise FileFormatError(f"no frame of {name} has the key {key!r}{near_misses([key], seen)}")
    if not any(key in seen for key in wanted):
        raise FileFormatError(
            f"nothing to read in {name}: no frame has {' or '.join(wanted)}{near_misses(wanted, seen)}"
        )


def near_misses(wanted: Iterable[str], there: Collection[str]) -> str:
    """What to say after a key was not found: the keys that are there, and the one that may be meant."""
    close = [match for key in wanted for match in get_close_matches(key, there, n=1)]
    sounding = [key for key in sorted(there) if any(word in key.lower() for word in _TELLTALE)]
    meant = list(dict.fromkeys([*close, *sounding]))
    keys = f"; keys there: {', '.join(sorted(there)) or 'none'}"
    return f"{keys}; did you mean {', '.join(repr(key) for key in meant)}?" if meant else keys


def _counted(keys: Mapping[str, int], frames: int) -> str:
    parts = [key if count == frames else f"{key} ({count} frames)" for key, count in keys.items()]
    return ", ".join(parts) or "none"
