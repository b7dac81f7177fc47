# SPDX-License-Identifier: Apache-2.0
"""What `ingot corpus` finds, by datasketch: exact and near duplicates of the documents of a JSON Lines file.

usage: python3 Benchmarks/corpus_peer.py FILE [--threshold 0.8] [--bands 16] [--rows 8] [--hash sha1|xxh3] [--quiet]
Prints a line of JSON a document: its decision, and the document that it repeats with their similarity. Words are those of
docs/corpus.md; MinHash, its permutations and its bands are datasketch's own, with SHA-1, its default, or XXH3.
"""
from __future__ import annotations

import argparse
import json
import re

from datasketch import MinHash, MinHashLSH

BETWEEN = ("\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\ufe30-\ufe4f\ufeff"
           "\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65")
WHOLE = ("\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
         "\U00020000-\U0003ffff")
WORD = re.compile(f"[{WHOLE}]|(?:[a-z0-9]|[^\\x00-\\x7f{BETWEEN}{WHOLE}])+")
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def shingles(text: str, length: int) -> set[bytes]:
    """The runs of so many words of a text; of a shorter one, all its words."""
    words = WORD.findall(text.translate(LOWER))
    return {" ".join(words[i:i + length]).encode() for i in range(max(1, len(words) - length + 1))} if words else set()


def hash_function(name: str):
    """A hash of 32 bits; datasketch's own for `sha1`."""
    if name == "sha1":
        return None
    import xxhash
    return lambda piece: xxhash.xxh3_64_intdigest(piece) & 0xFFFFFFFF


def decisions(path: str, options) -> list[dict]:
    """What becomes of each document."""
    made: list[dict] = []
    texts: dict[str, int] = {}
    lsh = MinHashLSH(num_perm=options.permutations, params=(options.bands, options.rows))
    kept: dict[int, MinHash] = {}
    function = hash_function(options.hash)
    with open(path, encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            text = json.loads(line)[options.field]
            original = texts.setdefault(text, number)
            if original != number:
                made.append({"decision": "exact_duplicate", "of": original})
                continue
            pieces = shingles(text, options.shingle)
            if not pieces:
                made.append({"decision": "kept"})
                continue
            minhash = MinHash(num_perm=options.permutations, hashfunc=function)
            minhash.update_batch(pieces)
            met = [(minhash.jaccard(kept[other]), -other) for other in lsh.query(minhash)]
            similarity, other = max(met, default=(0, 0))
            if met and similarity >= options.threshold:
                made.append({"decision": "near_duplicate", "of": -other, "similarity": similarity})
            else:
                lsh.insert(number, minhash)
                kept[number] = minhash
                made.append({"decision": "kept"})
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--field", default="text")
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--permutations", type=int, default=128)
    parser.add_argument("--shingle", type=int, default=5)
    parser.add_argument("--bands", type=int, default=16)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--hash", choices=["sha1", "xxh3"], default="sha1")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    made = decisions(options.file, options)
    if options.quiet:
        print(json.dumps({name: sum(entry["decision"] == name for entry in made) for name in
                          ("kept", "exact_duplicate", "near_duplicate")}))
    else:
        for entry in made:
            print(json.dumps(entry))


if __name__ == "__main__":
    main()
