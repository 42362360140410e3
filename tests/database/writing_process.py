"""A writer to be killed: adds configurations for ever and says so after each one, never before.

Usage: python writing_process.py DATABASE WORKER FIRST
Each line of output, ``seed id``, acknowledges one row.
"""

import sys

from specimens import specimen

from gapsample.database import Database

SHARED = 10_000_000


def main(address: str, worker: int, first: int) -> None:
    database = Database(address)
    number = first
    while True:
        own = [worker * 1_000_000 + number + i for i in range(1 if number % 2 else 7)]
        seeds = [*own, SHARED + number]  # the last one all writers add
        number += len(own)
        rows = [database.add(*specimen(seeds[0]))] if len(own) == 1 else []
        rows += database.add_many(specimen(seed) for seed in seeds[len(rows) :])
        for seed, row in zip(seeds, rows, strict=True):
            print(seed, row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
