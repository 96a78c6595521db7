"""What was tried and what failed."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tally:
    """Counts of trials by part, and the faults.

    Args:
        log: File that each fault is appended to at once, or None.
    """

    log: Path | None = None
    trials: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, str]] = field(default_factory=list)

    def tried(self, part: str, struck: bool = True) -> None:
        """Count a trial; `struck` says whether it did what it was meant to (a kill that came before the end)."""
        self.trials[part] += 1
        self.struck[part] += struck

    def failed(self, part: str, what: str, how: str) -> None:
        """Note a fault."""
        fault = {"part": part, "what": what, "how": how}
        self.faults.append(fault)
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(fault) + "\n")

    def table(self) -> str:
        """Tried and failed by part."""
        by_part = Counter(fault["part"] for fault in self.faults)
        lines = [f"{'part':10} {'tried':>8} {'struck':>8} {'failed':>8}"]
        lines += [f"{p:10} {n:8} {self.struck[p]:8} {by_part[p]:8}" for p, n in sorted(self.trials.items())]
        return "\n".join(lines)
