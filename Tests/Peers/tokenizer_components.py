# SPDX-License-Identifier: Apache-2.0
"""What Hugging Face's tokenizers make of texts, component by component, and other matchers of patterns.

Standard input: a line of JSON, then texts, each with its length (u32) before it. Standard output: for each component and
each text a count (u32), then for each piece its start and end in the original's bytes, its length and its bytes.
"""
import base64
import io
import json
import struct
import sys

import regex
import sentencepiece
import tiktoken
from tokenizers import PreTokenizedString, Regex, Tokenizer


def read():
    request = json.loads(sys.stdin.buffer.readline())
    data, texts, at = sys.stdin.buffer.read(), [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4:at + 4 + length].decode())
        at += 4 + length
    return request, texts


def write(pieces):
    out = [struct.pack("<I", len(pieces))]
    for text, start, end in pieces:
        encoded = text.encode()
        out.append(struct.pack("<III", start, end, len(encoded)) + encoded)
    sys.stdout.buffer.write(b"".join(out))


def tokenizer(normalizer=None, pre_tokenizer=None):
    return Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}))


def normalized(component, text):
    """Each character behind a normalizer, with the bytes that it stands for."""
    made = tokenizer(normalizer=component).normalizer if isinstance(component, dict) else component
    string = PreTokenizedString(text)
    string.normalize(made.normalize)
    string.split(lambda _, part: part.split(Regex("(?m:.)"), "isolated"))
    return [(piece, *span) for piece, span, _ in string.get_splits("original", "byte") if piece]


def cut(made, text):
    string = PreTokenizedString(text)
    made.pre_tokenize(string)
    return [(piece, *span) for piece, span, _ in string.get_splits("original", "byte") if piece]


def matches(spans, text):
    """Spans in characters as spans in bytes."""
    places, at = [0], 0
    for character in text:
        at += len(character.encode())
        places.append(at)
    return [(text[start:end], places[start], places[end]) for start, end in spans]


def main():
    request, texts = read()
    for item in request:
        kind, value = item["kind"], item["value"]
        if kind == "normalizer":
            made = tokenizer(normalizer=value).normalizer
            for text in texts:
                write(normalized(made, text))
        elif kind == "pre_tokenizer":
            made = tokenizer(pre_tokenizer=value).pre_tokenizer
            for text in texts:
                write(cut(made, text))
        elif kind == "regex":
            compiled = regex.compile(value)
            for text in texts:
                write(matches([match.span() for match in compiled.finditer(text)], text))
        elif kind == "tiktoken":
            for text in texts:
                write(pieces_of_tiktoken(value, text))
        elif kind == "sets":
            write([(ranges(which(value)), 0, 0)])
        elif kind == "charsmap":
            write([(base64.b64encode(charsmap(value)).decode(), 0, 0)])
        elif kind == "mappings":
            write(mappings(tokenizer(normalizer=value).normalizer))


def pieces_of_tiktoken(pattern, text):
    """The pieces that the regex module finds, if tiktoken merges bytes within these and no others."""
    spans = matches([match.span() for match in regex.compile(pattern).finditer(text)], text)
    encoding = encodings.get(pattern)
    if encoding is None:
        # All pairs of bytes are tokens, in an order without order: what is merged shows where a piece begins and ends.
        pairs = sorted((bytes([a, b]) for a in range(256) for b in range(256)), key=lambda pair: hash_of(pair))
        ranks = {bytes([byte]): byte for byte in range(256)} | {pair: 256 + at for at, pair in enumerate(pairs)}
        encoding = tiktoken.Encoding("peer", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        encodings[pattern] = encoding
    core = encoding._core_bpe
    ids = [id for piece, _, _ in spans for id in core.encode_single_piece(piece.encode())]
    return spans if ids == encoding.encode_ordinary(text) else [("tiktoken cuts otherwise", 0, 0)]


encodings = {}


def hash_of(pair):
    return (pair[0] * 2654435761 + pair[1] * 40503 * 65537) % 4294967291


SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def which(value):
    """The characters that a component takes away, cuts off or matches."""
    kind, component = value
    blocks = [[chr(c) for c in SCALARS[at:at + 4096]] for at in range(0, len(SCALARS), 4096)]
    if kind == "matched":
        other = tokenizer(normalizer={"type": "Replace", "pattern": {"Regex": component}, "content": ""}).normalizer
        return [c for block in blocks for c in sorted(set(block) - set(other.normalize_str("".join(block))))]
    if kind == "removed":
        made = tokenizer(normalizer=component).normalizer
        return [c for block in blocks for c in sorted(set(block) - set(made.normalize_str("".join(block))))]
    made = tokenizer(pre_tokenizer=component).pre_tokenizer
    found = []
    for block in blocks:
        text = "a".join(block)
        pieces = made.pre_tokenize_str(text)
        if kind == "isolated":
            found += [text[a] for _, (a, b) in pieces if b == a + 1 and text[a] != "a"]
        else:
            kept = {place for _, span in pieces for place in range(*span)}
            found += [text[place] for place in range(len(text)) if place not in kept]
    return sorted(set(found))


def charsmap(rule):
    """The map of characters that SentencePiece writes into a model: ModelProto.normalizer_spec.precompiled_charsmap."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["ab cd ef gh ij"] * 9), model_writer=model, vocab_size=20, model_type="bpe",
        normalization_rule_name=rule, hard_vocab_limit=False, minloglevel=2)
    return field(field(model.getvalue(), 3), 2)


def field(message, wanted):
    """The content of a field of a message of protobuf that has bytes."""
    def varint(at):
        number, shift = 0, 0
        while True:
            number, shift, at = number | (message[at] & 0x7F) << shift, shift + 7, at + 1
            if message[at - 1] < 0x80:
                return number, at
    at = 0
    while at < len(message):
        key, at = varint(at)
        if key & 7 == 2:
            length, at = varint(at)
            if key >> 3 == wanted:
                return message[at:at + length]
            at += length
        elif key & 7 == 0:
            _, at = varint(at)
        else:
            at += 4 if key & 7 == 5 else 8
    raise KeyError(wanted)


def ranges(characters):
    out = []
    for code in map(ord, characters):
        if out and out[-1][1] == code:
            out[-1][1] = code + 1
        else:
            out.append([code, code + 1])
    return " ".join(f"{a} {b}" for a, b in out)


def mappings(normalizer):
    """Each character that alone becomes another text, and that text."""
    out = []
    for at in range(0, len(SCALARS), 4096):
        block = [chr(c) for c in SCALARS[at:at + 4096] if c != 0x0A]
        made = normalizer.normalize_str("\n".join(block)).split("\n")
        out += [(new, ord(old), 0) for old, new in zip(block, made, strict=True) if old != new]
    return out


if __name__ == "__main__":
    main()
