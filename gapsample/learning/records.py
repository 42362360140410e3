"""What a database holds for one learner: what is known, what waits to be learned, and what was audited."""

from __future__ import annotations

from bisect import insort
from collections.abc import Set
from dataclasses import replace

from gapsample.database import Database, Entry, Label
from gapsample.database.fingerprint import content_hash
from gapsample.learning.audits import Audit, audit_of

AUDIT = "audit"
"""Key of a label's `extra` under which its audit is kept."""


class Records:
    """The rows of one level of theory, read once and kept up with.

    Parameters
    ----------
    watermark : rows after it are kept as they are, to be learned
    held_out : leave out the test part of the database
    n_sample : learned rows to keep as a sample

    Attributes
    ----------
    known : fingerprints of all configurations
    audits : by the hash of the audited model, in the order of their rows
    waiting : rows after the watermark that may be learned
    """

    def __init__(
        self, database: Database, level: str, watermark: int, *, held_out: bool, n_sample: int
    ) -> None:
        self._database, self._level, self._held_out, self._n_sample = database, level, held_out, n_sample
        self._watermark, self._seen = watermark, 0
        self._told: dict[str, int] = {}
        self._rows: list[int] = []
        self._learnable: list[int] = []
        self._sample: list[tuple[str, int, Entry]] = []
        self.known: set[str] = set()
        self.audits: list[tuple[str, Audit]] = []
        self.waiting: list[Entry] = []
        self.catch_up()

    def catch_up(self) -> None:
        """Read what came since; other runs may add to the same database."""
        for entry in self._database.select(level=self._level, since=self._seen):
            self._take(entry)
            self._seen = entry.id

    def row_of(self, configuration: str, label: Label) -> int | None:
        """Row that holds a configuration (its fingerprint) with a label, audited or not."""
        return self._told.get(_identity(configuration, label))

    def move(self, watermark: int) -> None:
        """Take the rows up to a new watermark for learned."""
        self._watermark = watermark
        self.waiting = [entry for entry in self.waiting if entry.id > watermark]

    @property
    def n_learned(self) -> int:
        """Number of rows learned."""
        return sum(row <= self._watermark for row in self._learnable)

    def n_after(self, row: int) -> int:
        """Number of rows after one, to be learned or not."""
        return sum(each > row for each in self._rows)

    @property
    def newest(self) -> int:
        """Last row read."""
        return self._seen

    @property
    def sample(self) -> list[Entry]:
        """Learned rows, chosen by their fingerprints and so at random, but always the same ones."""
        return [entry for *_, entry in self._sample if entry.id <= self._watermark]

    def audits_of(self, models: Set[str]) -> list[Audit]:
        """Audits of models, by their hashes."""
        return [audit for model, audit in self.audits if model in models]

    def _take(self, entry: Entry) -> None:
        label = entry.label
        self._rows.append(entry.id)
        self.known.add(entry.fingerprint)
        self._told.setdefault(_identity(entry.fingerprint, label), entry.id)
        kept = label.extra.get(AUDIT)
        if kept is not None:
            self.audits.append((kept["model"], audit_of(kept)))
        if self._held_out and entry.split == "test":
            return
        self._learnable.append(entry.id)
        insort(self._sample, (entry.fingerprint, entry.id, entry))
        del self._sample[self._n_sample :]
        if entry.id > self._watermark:
            self.waiting.append(entry)


def _identity(configuration: str, label: Label) -> str:
    """Identity of a label apart from its audit."""
    extra = {name: value for name, value in label.extra.items() if name != AUDIT}
    return content_hash(configuration, replace(label, extra=extra))
