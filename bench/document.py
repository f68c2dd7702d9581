"""Measure again and write the tables of docs/performance.md: python bench/document.py [PART ...]

Without arguments all parts; each takes about the minutes that stand beside it, on two idle cores.
The words around the tables are left alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
#: The command that prints the table of a part.
PARTS = {
    "noop": "compare.py noop --here --pairs 15 --objects 10 100 1000 5000 --delays 0 50",  # 3
    "delays": "compare.py noop --here --pairs 15 --objects 1000 --delays 1 10 100",  # 1
    "apply": "compare.py apply --here --pairs 7 --objects 10 100 1000",  # 3
    "large": "compare.py apply --here --pairs 1 --objects 5000",  # 2
    "profiles": "compare.py noop --here --pairs 3 --objects 100 --profiles 50",  # 1
    "machines": "machines.py 10 100 1000",  # 6
    "start": "start.py 15",  # 1
    "highstate": "highstate.py 10 100 1000",  # 3
}


def measured(part: str) -> str:
    """Run the command of a part; the table that it prints."""
    script, *words = PARTS[part].split()
    command = [sys.executable, str(HERE / script), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(parts: list[str]) -> None:
    for part in parts or PARTS:
        load = os.getloadavg()[1]
        told = measured(part)
        print(f"{part} (load {load:.1f} before it)", told, sep="\n\n", end="\n\n", flush=True)
        start, end = f"<!-- {part} -->\n", "<!-- end -->"
        before, _, rest = PAGE.read_text().partition(start)
        assert end in rest, f"{PAGE} has no place for {part}"
        PAGE.write_text(f"{before}{start}\n{told}\n\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main(sys.argv[1:])
