# SPDX-License-Identifier: Apache-2.0
"""Reads a page of `ingot report` as a stranger does, and prints what it is made of as JSON. Ends with an error for a page that
is not well-formed, asks for anything from anywhere, or has an id twice.

usage: page_judge.py PAGE"""
import html.parser
import json
import sys

VOID = {"meta", "input", "br", "wbr", "link", "img"}
# Ends of these may be left out: the next one, or the end of what holds them, ends them.
OPTIONAL = {"th": {"th", "td", "tr", "thead", "tbody", "table"}, "td": {"th", "td", "tr", "thead", "tbody", "table"}}
TAGS = set("""html head meta title style body a div header h1 h2 h3 nav label span input button main section p dl dt dd table
    thead tbody tr th td code b i br ul li details summary figure svg g path rect text use defs marker script footer wbr""".split())
# Text before and behind all others is apart.
INLINE = {"a", "b", "code", "i", "span", "wbr"}
URLS = {"src", "srcset", "action", "data", "poster", "background", "formaction", "xlink:href", "ping", "cite", "manifest"}


class Judge(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.targets, self.references = [], set(), [], []
        self.counts, self.words, self.scripts, self.policy = {}, [], 0, None
        self.names, self.is_name = [], False

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, f"<{tag}> at {self.getpos()}"
        while self.open and self.open[-1] in OPTIONAL and tag in OPTIONAL[self.open[-1]]:
            self.open.pop()
        self.counts[tag] = self.counts.get(tag, 0) + 1
        keys = [key for key, _ in attributes]
        assert len(keys) == len(set(keys)), f"an attribute twice at {self.getpos()}"
        for key, value in attributes:
            assert not key.startswith("on"), f"{key} at {self.getpos()}"
            assert key not in URLS, f"{key} at {self.getpos()}"
            if key == "href":
                assert value.startswith("#"), f"{value} at {self.getpos()}"
                self.targets.append(value[1:])
            if key == "id":
                assert value not in self.ids, f"id {value} twice"
                self.ids.add(value)
            if key in ("aria-labelledby", "for"):
                self.targets.append(value)
            if key == "style":
                assert "url" not in value
        pairs = dict(attributes)
        if tag not in INLINE:
            self.words.append(" ")
            self.is_name = tag == "th" and pairs.get("scope") == "row"
        if tag == "script":
            self.scripts += 1
        if pairs.get("http-equiv") == "Content-Security-Policy":
            self.policy = pairs["content"]
        if self.is_name and tag == "th":
            self.names.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in INLINE:
            self.words.append(" ")
            self.is_name = False
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL and tag in OPTIONAL[self.open[-1]] | {"tr", "table"}:
            self.open.pop()
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open[-4:]} at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            if self.open[-1] == "style":
                assert "@import" not in data and "http" not in data and data.count("url(") == data.count("url(#")
            return
        self.words.append(data)
        if self.is_name:
            self.names[-1] += data


def main():
    raw = open(sys.argv[1], "rb").read()
    text = raw.decode("utf-8", errors="strict")
    judge = Judge()
    judge.feed(text)
    judge.close()
    assert not judge.open, judge.open
    missing = [target for target in judge.targets if target not in judge.ids]
    assert not missing, f"links to nothing: {missing[:5]}"
    controls = sorted({ord(c) for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0
                       or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069 or 0xE000 <= ord(c) <= 0xF8FF})
    print(json.dumps({
        "bytes": len(raw), "scripts": judge.scripts, "policy": judge.policy, "controls": controls, "tags": judge.counts,
        "text": " ".join("".join(judge.words).split()), "names": judge.names}))


main()
