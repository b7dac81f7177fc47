# SPDX-License-Identifier: Apache-2.0
"""Says which of ingot's figures are apart from the baseline's; nothing is judged, as machines differ and drift.

usage: python3 Benchmarks/compare.py RESULTS.json…
Prints the change of each workload whose medians are further apart than both spreads and a tenth.
"""
from __future__ import annotations

import json
import pathlib
import sys

import measurement
from measurement import Row, quantity

BASELINE = pathlib.Path(__file__).with_name("baseline.json")
LEAST = 0.1


def by_name(rows: list[Row]) -> dict[tuple[str, str, str], Row]:
    """Ingot's rows."""
    return {(row.group, row.workload, row.tool): row for row in rows if row.is_ours}


def is_apart(new: Row, old: Row) -> bool:
    """Whether two figures differ by more than they spread."""
    return abs(new.median / old.median - 1) > max(LEAST, new.spread, old.spread)


def main() -> None:
    if not BASELINE.exists():
        print("there is no baseline yet: `make bench-peers` writes one")
        return
    documents = json.loads(BASELINE.read_text(encoding="utf-8"))
    baseline = by_name([row for document in documents for row in measurement.rows_of(document)])
    now = by_name([row for path in sys.argv[1:] for row in measurement.load(pathlib.Path(path))[1]])
    both = [(new, baseline[name]) for name, new in now.items() if name in baseline]
    apart = [(new, old) for new, old in both if is_apart(new, old)]
    print(f"{len(apart)} of {len(both)} figures are apart from the baseline's, which were measured on "
          f"{documents[0]['machine']}")
    for new, old in apart:
        print(f"{new.group}: {new.workload:30} {quantity(old.median, old.unit):>12} → "
              f"{quantity(new.median, new.unit):>12}  {new.times_as_good_as(old):.2f} × as good")


if __name__ == "__main__":
    main()
