"""Let tests import the batteries of laws in `tests/contracts` as ``contracts.…``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
