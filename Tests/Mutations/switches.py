# SPDX-License-Identifier: Apache-2.0
"""Many faults in one build, each behind a switch that INGOT_PLANT in the environment turns on.

Untch, Offutt and Harrold, “Mutation analysis using mutant schemata”, 1993. A body with plants becomes `if` one is meant
{ the body with it } `else` { the body as it is }; regions.py says where a body begins and ends.
"""
import itertools
import re
import zlib
from dataclasses import dataclass, field

import regions

SWIFT_HELPER = """\
import Glibc

let ingotPlant = getenv("INGOT_PLANT").flatMap { Int(String(cString: $0)) } ?? 0

@inline(__always) func ingotPlanted(_ number: Int) -> Bool { ingotPlant == number }
"""
# A header may be included by a file that has a switch of its own; what a file asks of the system's headers, by a macro in
# front of them, still holds behind this.
C_HELPER = """\
#ifndef INGOT_PLANTED
#define INGOT_PLANTED
char *getenv(const char *);
unsigned long strtoul(const char *, char **, int);
static inline int ingotPlanted(unsigned long number) {
  static unsigned long planted = 0;
  if (planted == 0) {
    const char *text = getenv("INGOT_PLANT");
    planted = text ? strtoul(text, 0, 10) : 0;
    if (planted == 0) planted = 1;
  }
  return planted == number;
}
#endif
"""


def number(name: str) -> int:
    """What INGOT_PLANT has to be: it stays the same when other plants come and go."""
    return zlib.crc32(name.encode())


@dataclass
class Switched:
    """A source with switches, and where each plant's own lines are in it."""

    text: str
    # First line, last line, and the plants whose fault an error there is; the narrowest stretches come first.
    lines: list[tuple[int, int, list[str]]] = field(default_factory=list)

    def culprits(self, line: int) -> list[str]:
        return next((names for first, last, names in self.lines if first <= line <= last), [])


def change(old: str, new: str) -> tuple[int, int, str]:
    """What is different in a new text: where it begins and ends in the old one, and what stands there instead."""
    olds, news = tokens(old), tokens(new)
    head = common_count(olds, news)
    tail = common_count(olds[head:][::-1], news[head:][::-1])
    start, end = len("".join(olds[:head])), len(old) - len("".join(olds[len(olds) - tail :]))
    return start, end, "".join(news[head : len(news) - tail])


def tokens(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def common_count(some: list[str], others: list[str]) -> int:
    """With how many of the same tokens two lists begin."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(some, others)))


def switched(text: str, is_swift: bool, plants: dict[str, str]) -> tuple[Switched | None, list[str]]:
    """A source with a switch for each plant, by name, that can have one; the names of the others.

    - plants: the whole text with each of them.
    """
    groups: dict[regions.Region, dict[str, str]] = {}
    apart = []
    for name, planted in plants.items():
        start, end, instead = change(text, planted)
        region = regions.innermost(text, is_swift, start, end)
        if region is None:
            apart.append(name)
        else:
            body = text[region.start : start] + instead + text[end : region.end]
            groups.setdefault(region, {})[name] = body
    if not groups:
        return None, apart
    return with_switches(text, is_swift, outermost(text, groups)), apart


def outermost(text: str, groups: dict) -> dict:
    """The groups of regions that are in no other; these have the plants of those within them too."""
    merged: dict = {}
    for region in sorted(groups, key=lambda region: region.start - region.end):
        outer = next((other for other in merged if other.holds(region.start, region.end)), region)
        for name, body in groups[region].items():
            whole = text[outer.start : region.start] + body + text[region.end : outer.end]
            merged.setdefault(outer, {})[name] = whole
    return dict(sorted(merged.items(), key=lambda item: item[0].start))


def with_switches(text: str, is_swift: bool, groups: dict) -> Switched:
    writer = Writer("" if is_swift else C_HELPER)
    place = 0
    for region, bodies in groups.items():
        writer.write(text[place : region.start])
        begin, word = writer.line, "\nif"
        for name, body in bodies.items():
            condition = f"ingotPlanted({number(name)})" if is_swift else f"(ingotPlanted({number(name)}))"
            start = writer.write(f"{word} {condition} {{{body}\n}}")
            writer.result.lines.append((start + word.count("\n"), writer.line - 1, [name]))
            word = " else if"
        writer.write(f" else {{{text[region.start : region.end]}\n}}\n")
        writer.result.lines.append((begin, writer.line, list(bodies)))
        place = region.end
    writer.write(text[place:])
    writer.result.lines.append((0, writer.line, [name for bodies in groups.values() for name in bodies]))
    writer.result.lines.sort(key=lambda stretch: stretch[1] - stretch[0])
    return writer.result


class Writer:
    """A text that is written piece by piece, and knows on which line it is."""

    def __init__(self, text: str):
        self.result = Switched("")
        self.line = 1
        self.write(text)

    def write(self, text: str) -> int:
        """Writes a piece; the line on which it begins."""
        start = self.line
        self.result.text += text
        self.line += text.count("\n")
        return start
