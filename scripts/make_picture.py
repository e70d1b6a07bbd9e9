"""Writes docs/demo.svg: what `tollway demo --once` prints, as a picture for the README."""

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "demo.svg"
WIDTH = 152

if __name__ == "__main__":
    ran = subprocess.run(
        [sys.executable, "-m", "tollway", "demo", "--once"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": str(WIDTH)},
    )
    shown = re.sub(r"(?s)\nTry it yourself meanwhile:.*?\n\n", "\n\n", ran.stdout)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi("$ tollway demo --once\n\n" + shown.strip()))
    # The fonts it would fetch from elsewhere are left out; any fixed-width one does.
    picture = re.sub(r"(?s)@font-face \{.*?\}\n?", "", console.export_svg(title="tollway demo"))
    PICTURE.write_text(picture, encoding="utf-8")
