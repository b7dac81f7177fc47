# SPDX-License-Identifier: Apache-2.0
"""Where a switch can stand in a Swift or C source: bodies of functions, and values of constants.

A scanner, and no parser: it knows comments, strings and brackets, and of declarations what begins them.
"""
import re
from dataclasses import dataclass

@dataclass(frozen=True)
class Region:
    """A stretch of a source that can stand in both branches of an `if`."""

    start: int
    end: int

    def holds(self, start: int, end: int) -> bool:
        return self.start <= start and end <= self.end


def innermost(text: str, is_swift: bool, start: int, end: int) -> Region | None:
    """The smallest body around a stretch, or else the smallest value of a constant."""
    mask = masked_swift(text) if is_swift else masked_c(text)
    for found in (swift_bodies(mask), swift_values(mask)) if is_swift else (c_bodies(mask),):
        around = [region for region in found if region.holds(start, end)]
        if around:
            return min(around, key=lambda region: region.end - region.start)
    return None


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def masked_swift(text: str) -> str:
    """The text with blanks for comments, and for strings with all that is put into them."""
    parts, place = [], 0
    form = re.compile(r'//|/\*|#*"')
    while match := form.search(text, place):
        parts.append(text[place : match.start()])
        if match.group().endswith('"'):
            place = end_of_swift_string(text, match.start())
            parts.append('"' + blank(text[match.start() + 1 : place - 1]) + '"')
        else:
            place = end_of_comment(text, match.start(), nests=True)
            parts.append(blank(text[match.start() : place]))
    return "".join(parts) + text[place:]


def masked_c(text: str) -> str:
    """The text with blanks for comments, strings, characters and the preprocessor's lines."""
    parts, place = [], 0
    form = re.compile(r"""//|/\*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|^[ \t]*\#(?:\\\n|[^\n])*""", re.MULTILINE)
    while match := form.search(text, place):
        parts.append(text[place : match.start()])
        place = end_of_comment(text, match.start(), nests=False) if match.group() in ("//", "/*") else match.end()
        parts.append(blank(text[match.start() : place]))
    return "".join(parts) + text[place:]


def end_of_comment(text: str, start: int, nests: bool) -> int:
    if text.startswith("//", start):
        end = text.find("\n", start)
        return len(text) if end < 0 else end
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, start):
        if match.group() == "*/":
            depth -= 1
        elif nests or depth == 0:
            depth += 1
        if depth == 0:
            return match.end()
    return len(text)


def end_of_swift_string(text: str, start: int) -> int:
    quote = re.compile(r'(#*)("""|")').match(text, start)
    hashes, end = quote.group(1), quote.group(2) + quote.group(1)
    place = quote.end()
    while place < len(text):
        if text.startswith(end, place):
            return place + len(end)
        if text.startswith("\\" + hashes + "(", place):
            place = end_of_interpolation(text, place + len(hashes) + 2)
        elif text.startswith("\\" + hashes, place):
            place += len(hashes) + 2
        else:
            place += 1
    return place


def end_of_interpolation(text: str, place: int) -> int:
    depth = 1
    while depth and place < len(text):
        if text[place] == '"':
            place = end_of_swift_string(text, place)
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
    return place


def closing(mask: str, opening: int) -> int:
    """The place of the bracket that closes the one at a place."""
    depth = 0
    for match in re.compile(r"[()\[\]{}]").finditer(mask, opening):
        depth += 1 if match.group() in "([{" else -1
        if depth == 0:
            return match.start()
    return len(mask)


def swift_bodies(mask: str) -> list[Region]:
    found = []
    form = r"(?<![.\w`])(?:func|init|subscript|deinit)\b(?!:)|\bvar\s+`?\w+`?\s*:(?=[^=\n]*\{)"
    for match in re.finditer(form, mask):
        opening = opening_brace(mask, match.end())
        if opening is None:
            continue
        body = Region(opening + 1, closing(mask, opening))
        found += swift_accessors(mask, body) or [body]
    return found


def opening_brace(mask: str, place: int) -> int | None:
    """The brace that begins a declaration's body; `None` when the declaration has none."""
    stop = re.compile(r"[(\[{}\])]|\b(?:func|init|var|let|case|struct|enum|class|extension|subscript|typealias)\b")
    while match := stop.search(mask, place):
        if match.group() == "{":
            return match.start()
        if match.group() not in ("(", "["):
            return None
        place = closing(mask, match.start()) + 1
    return None


def swift_accessors(mask: str, body: Region) -> list[Region]:
    """The bodies of `get`, `set` and the like, where a body consists of them."""
    form = re.compile(r"\s*(?:(?:non)?mutating )?(?:get|set|willSet|didSet|_read|_modify)\b[^{}]*\{")
    found, place = [], body.start
    while (match := form.match(mask, place)) and match.end() <= body.end:
        end = closing(mask, match.end() - 1)
        found.append(Region(match.end(), end))
        place = end + 1
    return found


def swift_values(mask: str) -> list[Region]:
    """What constants outside of bodies are set to."""
    form = re.compile(r"\b(?:let|var)\s+`?\w+`?\s*(?::[^={}\n]+)?=(?!=)\s*")
    return [Region(match.end(), end_of_value(mask, match.end())) for match in form.finditer(mask)]


def end_of_value(mask: str, place: int) -> int:
    """Where an expression ends: at a line's end that no operator carries over, outside of brackets."""
    while place < len(mask) and mask[place] not in ")]};":
        if mask[place] in "([{":
            place = closing(mask, place)
        elif mask[place] == "\n":
            before, behind = mask[:place].rstrip(" ")[-1:], mask[place:].lstrip()[:2]
            if before not in "+-*/%&|^<>=?:," and not re.match(r"[.?:+*/%&|^<>=]|- ", behind):
                break
        place += 1
    return place


def c_bodies(mask: str) -> list[Region]:
    """The bodies of functions: braces behind a bracket, within no others."""
    found, place = [], 0
    opening = re.compile(r"[({\[]")
    while match := opening.search(mask, place):
        end = closing(mask, match.start())
        if match.group() == "{" and mask[: match.start()].rstrip().endswith(")"):
            found.append(Region(match.start() + 1, end))
        place = end + 1
    return found
