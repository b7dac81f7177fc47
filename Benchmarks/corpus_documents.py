# SPDX-License-Identifier: Apache-2.0
"""Makes documents of random words, some of which repeat an earlier one, whole or with some words changed.

usage: python3 Benchmarks/corpus_documents.py COUNT FILE [--words 200] [--seed 1]
A JSON object a line. The same arguments give the same bytes.
"""
from __future__ import annotations

import argparse
import json
import random

SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ai", "en", "or")]
SCRIPTS = ["größe", "été", "слово", "λόγος", "言葉", "字", "คำ", "كلمة", "naïve", "“so”", "1984", "x=3;"]


def vocabulary(random_: random.Random) -> list[str]:
    """Words of one to four syllables, with some of other scripts, signs and capitals among them."""
    words = ["".join(random_.choices(SYLLABLES, k=random_.randint(1, 4))) for _ in range(20000)]
    return words + SCRIPTS * 40 + [word.capitalize() for word in words[:2000]]


def documents(count: int, length: int, seed: int):
    """The documents: three of four are new, the others repeat one of the last thousand."""
    random_ = random.Random(seed)
    words = vocabulary(random_)
    recent: list[list[str]] = []
    for _ in range(count):
        kind = random_.random()
        if recent and kind < 0.05:
            text = list(random_.choice(recent))
        elif recent and kind < 0.25:
            text = list(random_.choice(recent))
            # From one word to a tenth of them: shares of common shingles from 1 to some 0.4.
            for _ in range(1 + int(random_.random() ** 2 * len(text) / 10)):
                text[random_.randrange(len(text))] = random_.choice(words)
        else:
            text = random_.choices(words, k=max(1, int(random_.gauss(length, length / 3))))
        recent.append(text)
        if len(recent) > 1000:
            recent.pop(0)
        yield " ".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("file")
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with open(options.file, "w", encoding="utf-8", newline="\n") as file:
        for text in documents(options.count, options.words, options.seed):
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
