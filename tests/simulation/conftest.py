"""The modules beside the tests are theirs to import."""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parent.parent / "exchange"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
