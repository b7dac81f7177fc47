# SPDX-License-Identifier: Apache-2.0
"""Tokenizes by Hugging Face's tokenizers or tiktoken, as a worker that benchmarks ask: a path a line, seconds of the processor
a line. An empty line asks for reading the vocabulary.

usage: python3 Benchmarks/tokenizing_peer.py tokenizers|tokenizers-fast|tiktoken FOLDER
FOLDER holds GPT-2's encoder.json and vocab.bpe. `tokenizers-fast` is `encode_batch_fast`, which tells no places in the text.
"""
import os
import pathlib
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tiktoken  # noqa: E402  (after its threads are set)
from tiktoken.load import data_gym_to_mergeable_bpe_ranks  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
# Characters of a document.
DOCUMENT = 100_000


def read(tool: str, folder: pathlib.Path):
    """What encodes a list of documents."""
    tokens, merges = str(folder / "encoder.json"), str(folder / "vocab.bpe")
    if tool == "tiktoken":
        ranks = data_gym_to_mergeable_bpe_ranks(merges, tokens)
        encoding = tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
        return lambda documents: [encoding.encode_ordinary(document) for document in documents]
    tokenizer = Tokenizer(models.BPE.from_file(tokens, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if tool == "tokenizers-fast":
        return lambda documents: tokenizer.encode_batch_fast(documents, add_special_tokens=False)
    return lambda documents: [tokenizer.encode(document, add_special_tokens=False) for document in documents]


def main() -> None:
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    encode = read(tool, folder)
    print("ready", flush=True)
    for line in sys.stdin:
        path = line.strip()
        text = pathlib.Path(path).read_bytes().decode() if path else ""
        documents = [text[start:start + DOCUMENT] for start in range(0, len(text), DOCUMENT)]
        start = time.process_time()
        if path:
            encode(documents)
        else:
            read(tool, folder)
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    main()
