# SPDX-License-Identifier: Apache-2.0
"""Draws what weights of 8 bits cost over their bits, scales counted: each scheme of ours, plain and calibrated, and the peers.

usage: python3 Benchmarks/quantization_chart.py FIGURES.json OUT.svg
FIGURES are those that quantization_peers.py keeps.
"""
from __future__ import annotations

import json
import math
import pathlib
import sys

import charts

LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 64, 44, 796, 500
# Of a letter, and of a line of text.
LETTER, LINE = 6.6, 14
# Points that are nearer than this share a label.
SAME = 7.0
PLAIN, CALIBRATED, PEER, GPTQ = charts.OURS, "#1a7f37", charts.LIMIT, "#bf3989"
Box = tuple[float, float, float, float]
Place = tuple[float, float]


class Axes:
    """Bits to the right, and KL upwards in logarithms."""

    def __init__(self, rows: list[dict]):
        bits, kl = [row["bits"] for row in rows], [row["kl"] for row in rows]
        self.bits = min(bits) - 0.06, max(bits) + 0.1
        self.kl = min(kl) / 1.25, max(kl) * 1.25

    def place(self, bits: float, kl: float) -> Place:
        """Where a point is."""
        share = math.log(kl / self.kl[0]) / math.log(self.kl[1] / self.kl[0])
        return (LEFT + (bits - self.bits[0]) / (self.bits[1] - self.bits[0]) * PLOT_WIDTH, TOP + (1 - share) * PLOT_HEIGHT)

    def drawn(self) -> list[str]:
        """Lines and their figures."""
        parts = []
        for tick in charts.decades(*self.kl):
            y = self.place(self.bits[0], tick)[1]
            parts += [charts.line(LEFT, y, LEFT + PLOT_WIDTH, y), charts.text(LEFT - 6, y + 4, f"{tick:.0e}", "axis end")]
        for step in range(math.ceil(self.bits[0] * 10), math.floor(self.bits[1] * 10) + 1):
            x = self.place(step / 10, self.kl[0])[0]
            parts += [charts.line(x, TOP, x, TOP + PLOT_HEIGHT),
                      charts.text(x, TOP + PLOT_HEIGHT + 16, f"{step / 10:.1f}", "axis middle")]
        return parts


def kind(row: dict) -> str:
    """A row's colour."""
    if row.get("ours"):
        return CALIBRATED if row["calibrated"] else PLAIN
    return GPTQ if row.get("calibrated") else PEER


def legend(document: dict) -> list[str]:
    """What colours stand for, and whose figures these are."""
    parts, x, kinds = [], float(LEFT), {kind(row) for row in document["tables"]["weights"]}
    for colour, words in ((PLAIN, "ingot"), (CALIBRATED, "ingot, calibrated"), (PEER, "peers"), (GPTQ, "a calibrated peer")):
        if colour not in kinds:
            continue
        parts += [f'<circle cx="{x:.1f}" cy="18" r="5" fill="{colour}"/>', charts.text(x + 10, 22, words)]
        x += 34 + LETTER * len(words)
    tokens = f"{document['name']}, {document['tokens']:,} tokens"
    return [*parts, charts.text(LEFT + PLOT_WIDTH, 22, tokens, "end")]


def labels(rows: list[dict], axes: Axes) -> list[tuple[list[str], Place]]:
    """A label for each point, or for those of a colour that lie on each other; a calibrated scheme of ours has its plain one's."""
    groups: list[tuple[list[str], Place, str]] = []
    for row in sorted(rows, key=lambda row: (row["bits"], row["kl"])):
        if kind(row) == CALIBRATED:
            continue
        place = axes.place(row["bits"], row["kl"])
        name = row["method"].removeprefix("ingot, ")
        near = next((group for group in groups if group[2] == kind(row) and math.dist(group[1], place) < SAME), None)
        if near:
            near[0].append(name)
        else:
            groups.append(([name], place, kind(row)))
    return [(names, place) for names, place, _ in groups]


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes `(x, y, x, y)` share a place."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def crosses(start: Place, end: Place, box: Box) -> bool:
    """Whether a line runs through a box."""
    return any(box[0] < start[0] + (end[0] - start[0]) * step / 24 < box[2]
               and box[1] < start[1] + (end[1] - start[1]) * step / 24 < box[3] for step in range(25))


def candidates(place: Place, width: float, height: float) -> list[tuple[Box, Place]]:
    """Boxes for a label about a point, the nearest first, and where a line to each ends."""
    found = []
    for away in range(8, 300, 6):
        for turn in range(0, 360, 15):
            x, y = place[0] + away * math.cos(math.radians(turn)), place[1] - away * math.sin(math.radians(turn))
            side = round(math.cos(math.radians(turn)), 3)
            left = x - width * (0 if side > 0 else 1 if side < 0 else 0.5)
            found.append(((left, y - height / 2, left + width, y + height / 2), (x, y)))
    return found


def written(rows: list[dict], axes: Axes) -> list[str]:
    """Labels that overlap neither points nor each other, with a line to each that is not beside its point."""
    points = [axes.place(row["bits"], row["kl"]) for row in rows]
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    lines: list[tuple[Place, Place]] = stems(rows, axes)
    parts = []
    for names, place in sorted(labels(rows, axes), key=lambda label: -len(label[0])):
        for box, end in candidates(place, LETTER * max(map(len, names)), LINE * len(names)):
            inside = LEFT < box[0] and box[2] < LEFT + PLOT_WIDTH and TOP < box[1] and box[3] < TOP + PLOT_HEIGHT
            free = not any(overlap(box, other) for other in taken) and not any(crosses(*line, box) for line in lines)
            start = (place[0] + (end[0] - place[0]) * 0.3, place[1] + (end[1] - place[1]) * 0.3)
            if inside and free and not any(crosses(start, end, other) for other in taken if not on(place, other)):
                break
        else:
            raise SystemExit(f"there is no place for {names}")
        taken.append(box)
        if math.dist(place, end) > 9:
            lines.append((place, end))
            parts.append(f'<line class="stem" x1="{place[0]:.1f}" y1="{place[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>')
        parts += [charts.text(box[0] + 1, box[1] + LINE * index + 11, name) for index, name in enumerate(names)]
    return parts


def on(place: Place, box: Box) -> bool:
    """Whether a point is in a box."""
    return box[0] <= place[0] <= box[2] and box[1] <= place[1] <= box[3]


def stems(rows: list[dict], axes: Axes) -> list[tuple[Place, Place]]:
    """From each scheme of ours to the same one calibrated."""
    places = {row["method"]: axes.place(row["bits"], row["kl"]) for row in rows}
    return [(place, places[f"{name}, calibrated"]) for name, place in places.items() if f"{name}, calibrated" in places]


def drawing(document: dict) -> str:
    """The chart as SVG text."""
    rows = document["tables"]["weights"]
    axes = Axes(rows)
    style = "<style>.stem { stroke: #8c959f; stroke-width: 1 }</style>"
    pairs = [f'<line class="stem" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
             for start, end in stems(rows, axes)]
    # Ours are smaller and on top, so that both show where they lie on each other.
    points = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if row.get("ours") else 6}" fill="{kind(row)}"/>'
              for row in sorted(rows, key=lambda row: bool(row.get("ours")))
              for x, y in [axes.place(row["bits"], row["kl"])]]
    x, y = LEFT + PLOT_WIDTH / 2, TOP + PLOT_HEIGHT / 2
    ends = [charts.text(x, TOP + PLOT_HEIGHT + 34, "bits a weight, scales counted; fewer is better", "axis middle"),
            f'<g transform="rotate(-90 14 {y:.1f})">{charts.text(14, y, "KL a token, nats; less is better", "axis middle")}</g>']
    return charts.document(TOP + PLOT_HEIGHT + 44, "KL over bits a weight, weights only",
                           [style, *axes.drawn(), *legend(document), *pairs, *written(rows, axes), *points, *ends])


def main() -> None:
    """Writes the chart."""
    figures, output = map(pathlib.Path, sys.argv[1:])
    output.write_text(drawing(json.loads(figures.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
