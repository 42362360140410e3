"""A process that learns in a folder, to be killed and started again. Usage: learning_process.py FOLDER"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from toys import POLICY, Rattling, quantum

from gapsample.database import Database
from gapsample.learning import Batch, Learner, Stop, learn


def main(folder: Path) -> None:
    learner = Learner(None, Database(folder / "labels.db"), folder / "line", POLICY)
    with ThreadPoolExecutor(1) as executor:
        stop, batch = Stop(1e-6, labels=15), Batch(labels=3, audits=2)
        learn(learner, quantum(), Rattling(), executor, stop=stop, batch=batch)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
