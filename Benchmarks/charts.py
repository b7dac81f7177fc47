# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG text: bars grouped by workload, and growth over two axes in logarithms.

Drawn by hand so that a page needs no library and the same figures give the same file. Colours follow the reader's theme.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

from measurement import MACHINE, Row, quantity

WIDTH = 880
STYLE = """<style>
text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
.title { font-weight: 600 } .axis { fill: #57606a } .grid { stroke: #d0d7de } .end { text-anchor: end }
.middle { text-anchor: middle }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .axis { fill: #9198a1 } .grid { stroke: #3d444d } }
</style>"""
OURS, OURS_TOO, LIMIT, OTHERS = "#1f6feb", "#79b0f7", "#d98b2b", "#a3aab3"
LINES = ["#8250df", "#1a7f37", "#bf3989", "#9a6700", "#57606a"]
# The ratio from which on bars have a logarithmic scale.
FAR_APART = 200
# What stands for a bar to be reached and not for a tool.
BARS = ("cp", "ingot --version")


def colour(tool: str) -> str:
    """A tool's colour among bars."""
    if tool == "ingot":
        return OURS
    return OURS_TOO if tool.startswith("ingot,") else LIMIT if is_limit(tool) else OTHERS


def is_limit(tool: str) -> bool:
    """Whether a row says what can be reached."""
    return tool == MACHINE or tool in BARS or tool.startswith("weights +")


def text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def document(height: float, title: str, parts: Iterable[str]) -> str:
    """A whole file."""
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" role="img">')
    return "\n".join([head, f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>", ""])


def bars(title: str, workloads: dict[str, list[Row]]) -> str:
    """A bar for each tool, under its workload; all of one scale, a logarithmic one where figures lie far apart."""
    left, right, step = 190, 120, 18
    rows = [row for group in workloads.values() for row in group]
    ticks, share = scale([row.median for row in rows])
    span = WIDTH - left - right
    parts, y = [], 8.0
    for workload, group in workloads.items():
        y += 20
        parts.append(text(4, y, workload, "title"))
        y += 6
        for row in group:
            width = max(share(row.median) * span, 1)
            parts += [text(left - 8, y + 12, row.tool, "end"),
                      f'<rect x="{left}" y="{y + 2:.1f}" width="{width:.1f}" height="{step - 4}" fill="{colour(row.tool)}"/>',
                      text(left + width + 6, y + 12, quantity(row.median, row.unit))]
            y += step
    bottom = y + 6
    places = [left + share(tick) * span for tick in ticks]
    grid = [line(x, 8, x, bottom) for x in places]
    axis = [text(x, bottom + 14, f"{tick:,.10g}", "axis middle") for x, tick in zip(places, ticks)]
    unit = {"s": "seconds", "tok/s": "tokens a second"}.get(rows[0].unit, rows[0].unit) or "logits"
    label = f"{unit}; {'more' if rows[0].is_rate else 'less'} is better"
    return document(bottom + 40, title, [*grid, *parts, *axis,
                                         text((left + WIDTH - right) / 2, bottom + 32, label, "axis middle")])


def scale(figures: list[float]) -> tuple[list[float], Callable[[float], float]]:
    """Ticks of bars' axis, and the share of its length that a figure takes."""
    most, least = max(figures), min(figures)
    if least > 0 and most / least > FAR_APART:
        low = 10.0 ** (math.ceil(math.log10(least)) - 1)
        return decades(low, most), lambda figure: math.log(figure / low) / math.log(most / low)
    ticks = even_ticks(most)
    return ticks, lambda figure: figure / (max(most, ticks[-1]) or 1)


def even_ticks(most: float) -> list[float]:
    """Round numbers from 0 to about `most`."""
    if most <= 0:
        return [0, 1]
    power = 10.0 ** math.floor(math.log10(most / 4))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if most / (factor * power) <= 6)
    return [step * index for index in range(int(most / step) + 1)] or [0, step]


def decades(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis between two figures: powers of ten, with 2 and 5 where those are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if math.log10(high / low) > 2 else (1, 2, 5)
    return [tick for power in powers for factor in factors if low <= (tick := factor * 10.0**power) <= high * 1.001]


def growth(title: str, x_label: str, rows: list[Row]) -> str:
    """Time on the left and peak memory on the right over `x`, a line for each tool."""
    tools = list(dict.fromkeys(row.tool for row in rows))
    colours = {"ingot": OURS, "cp": LIMIT} | dict(zip([tool for tool in tools if tool not in ("ingot", "cp")], LINES * 2))
    parts, x = [], 60.0
    for tool in tools:
        parts += [f'<rect x="{x:.1f}" y="8" width="14" height="4" fill="{colours[tool]}"/>', text(x + 20, 15, tool)]
        x += 44 + 7.5 * len(tool)
    panels = [("seconds" if rows[0].unit == "s" else rows[0].unit, lambda row: row.median),
              ("peak memory, MB", lambda row: (row.memory or 0) / 1e6)]
    for index, (label, value) in enumerate(panels):
        parts += panel(76 + index * 440, [row for row in rows if value(row) > 0], value, (x_label, label), colours)
    return document(390, title, parts)


def panel(left: float, rows: list[Row], value: Callable[[Row], float], labels: tuple[str, str],
          colours: dict[str, str]) -> list[str]:
    """One pair of axes with its lines."""
    top, width, height = 34, 336, 300
    if not rows:
        return []
    figures = [row.x or 1 for row in rows], [value(row) for row in rows]
    ranges = (min(figures[0]), max(figures[0])), (min(figures[1]) / 1.5, max(figures[1]) * 1.5)
    ticks = [decades(*bounds) for bounds in ranges]

    def place(axis: int, figure: float) -> float:
        low, high = ranges[axis]
        share = math.log(figure / low) / math.log(high / low) if high > low else 0.5
        return left + share * width if axis == 0 else top + (1 - share) * height

    parts = [line(left, top + height, left + width, top + height), line(left, top, left, top + height)]
    for tick in ticks[0]:
        parts += [line(place(0, tick), top, place(0, tick), top + height),
                  text(place(0, tick), top + height + 16, f"{tick:,.10g}", "axis middle")]
    for tick in ticks[1]:
        parts += [line(left, place(1, tick), left + width, place(1, tick)),
                  text(left - 6, place(1, tick) + 4, f"{tick:,.10g}", "axis end")]
    for tool in dict.fromkeys(row.tool for row in rows):
        points = [(place(0, row.x or 1), place(1, value(row))) for row in rows if row.tool == tool]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[tool]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colours[tool]}"/>' for x, y in points]
    middle = top + height / 2
    return [*parts, text(left + width / 2, top + height + 38, labels[0], "axis middle"),
            f'<g transform="rotate(-90 {left - 58:.1f} {middle})">{text(left - 58, middle, labels[1], "axis middle")}</g>']
