"""How many of the recorded answers an emulated region gives, for tests and documents."""

from __future__ import annotations

import functools

import exchanges
from lab_machines import Machines37
from laboratory import Lab, replay
from labs_1x import Lab15, Lab17, Lab19, Random15, Random17, Random19
from labs_3x import Lab37, Lab38, Random37, Random38

#: Row of the table: the recorded sequence and the random one.
ROWS = {
    "1.5.4": (Lab15, Random15),
    "1.7.3": (Lab17, Random17),
    "1.9.5": (Lab19, Random19),
    "3.7.3": (Lab37, Random37),
    "3.7.3, machines": (Machines37,),
    "3.8.0 beta6": (Lab38, Random38),
}
LABS: dict[str, type[Lab]] = {lab.NAME: lab for labs in ROWS.values() for lab in labs}


@functools.cache
def results(name: str, distilled: bool = True) -> dict[str, list[str]]:
    """Return what differs from a recording: texts by the short id of each exchange.

    Args:
        name: Of the recording.
        distilled: Whether to compare what is kept of it, or the recording itself.
    """
    found = exchanges.distilled(name) if distilled else exchanges.recorded(name)
    return {one.short: texts for one, texts in replay(LABS[name], found, distilled)}


def figure(name: str) -> str:
    """Return how many answers are as recorded: ``332 of 333 (99.7 %)``."""
    found = results(name)
    matched, total = sum(not texts for texts in found.values()), len(found)
    share = f"{100 * matched / total:.1f}".removesuffix(".0")
    return f"{matched} of {total} ({share} %)"


def table() -> list[str]:
    """Return the lines of the table that the documents show."""
    lines = ["| release | recorded sequence | random sequence |", "|---|---|---|"]
    for name, labs in ROWS.items():
        cells = [figure(lab.NAME) for lab in labs] + [""] * (2 - len(labs))
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |".replace("|  |", "| |"))
    return lines
