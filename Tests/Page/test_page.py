# SPDX-License-Identifier: Apache-2.0
"""Pages of `ingot report` in headless Chromium: what they ask for, what they say to the console, search, sorting, both themes,
the keyboard, what a screen reader is told, print, and all of it without scripts. Run by `make test-page`; INGOT is the
program's path, INGOT_CHROMIUM the browser's."""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "fixtures" / "kjv-gpt2"


def ingot(*arguments: object) -> None:
    subprocess.run([os.environ["INGOT"], *map(str, arguments)], check=True, capture_output=True)


def hostile(path: pathlib.Path) -> list[str]:
    """Writes a file whose names would be tags, scripts and ends of attributes."""
    names = ["<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "\" autofocus onfocus=\"window.hacked=1",
             "</style><b>", "a\u202egnp", "h.0.<i>.w", "h.1.<i>.w"]
    head = {name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]} for i, name in enumerate(names)}
    raw = json.dumps(head).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + struct.pack(f"<{len(names)}f", *range(len(names))))
    return names


def luminance(color: str) -> float:
    """A colour's relative luminance, as WCAG 2 has it."""
    parts = [int(x) / 255 for x in re.findall(r"\d+", color)[:3]]
    red, green, blue = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    high, low = sorted([luminance(a), luminance(b)], reverse=True)
    return (high + 0.05) / (low + 0.05)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        ingot("quantize", MODEL, cls.folder / "q.ingot")
        ingot("report", MODEL, "-o", cls.folder / "plain.html")
        ingot("report", cls.folder / "q.ingot", MODEL, "--tokens", "1,2,3,4,5,6,7,8,9", "-o", cls.folder / "both.html")
        cls.names = hostile(cls.folder / "hostile.safetensors")
        ingot("report", cls.folder / "hostile.safetensors", "-o", cls.folder / "hostile.html")
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        cls.browser = cls.playwright.chromium.launch(executable_path=os.environ["INGOT_CHROMIUM"], args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def open(self, name: str, **settings):
        """A page in a browser of its own, with what it asked for and what it said."""
        settings = {"viewport": {"width": 1280, "height": 900}, **settings}
        context = self.browser.new_context(**settings)
        self.addCleanup(context.close)
        page = context.new_page()
        page.requests, page.said = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: page.said.append(dialog.message))
        page.goto((self.folder / name).as_uri())
        page.wait_for_load_state("networkidle")
        return page

    def test_nothing_is_asked_for_and_nothing_said(self):
        for name in ("plain.html", "both.html", "hostile.html"):
            page = self.open(name)
            for box in page.locator("summary").all():
                box.click()
            self.assertEqual(page.requests, [(self.folder / name).as_uri()])
            self.assertEqual(page.said, [])

    def test_names_of_files_stay_text(self):
        page = self.open("hostile.html")
        self.assertIsNone(page.evaluate("window.hacked ?? null"))
        text = page.locator("#tensors").inner_text()
        for name in self.names[:4]:
            self.assertIn(name, text)
        self.assertIn("a\\u{202e}gnp", text)
        self.assertIn("h.{0…1}.<i>.w", text)
        self.assertEqual(page.locator("#tensors img, #tensors b, #tensors script").count(), 0)

    def visible(self, page) -> list[str]:
        return [row.inner_text() for row in page.locator("#tensors > tbody > tr:first-child > th").all() if row.is_visible()]

    def test_search(self):
        page = self.open("plain.html")
        whole = self.visible(page)
        page.keyboard.press("/")
        page.keyboard.type("MLP c_fc")
        self.assertEqual([name.split(" ")[0] for name in self.visible(page)],
                         ["transformer.h.{0…3}.mlp.c_fc.bias", "transformer.h.{0…3}.mlp.c_fc.weight"])
        self.assertEqual(page.locator("#found").inner_text(), f"2 of {len(whole)} rows")
        page.locator("#find").fill("h.2.mlp.c_fc.weight")
        self.assertEqual(len(self.visible(page)), 1)
        members = page.locator("#tensors .members tbody tr:visible")
        self.assertEqual([row.inner_text().split()[0] for row in members.all()], ["transformer.h.2.mlp.c_fc.weight"])
        for shape in ("128 x 384", "128x384", "128 × 384"):
            page.locator("#find").fill(shape)
            self.assertEqual([name.split(" ")[0] for name in self.visible(page)], ["transformer.h.{0…3}.attn.c_attn.weight"])
        page.locator("#find").fill("no such tensor")
        self.assertEqual(self.visible(page), [])
        page.keyboard.press("Escape")
        self.assertEqual(self.visible(page), whole)

    def test_sorting(self):
        page = self.open("plain.html")
        before = self.visible(page)
        column = page.locator("#tensors thead th", has_text="bytes")
        values = lambda: [float(x) for x in page.locator("#tensors > tbody > tr:first-child").evaluate_all(
            f"rows => rows.map(row => row.cells[{index}].dataset.v)")]
        index = column.evaluate("cell => cell.cellIndex")
        for state, wanted in (("descending", lambda x: sorted(x, reverse=True)), ("ascending", sorted)):
            column.locator("button").click()
            self.assertEqual(column.get_attribute("aria-sort"), state)
            self.assertEqual(values(), wanted(values()))
        column.locator("button").click()
        self.assertIsNone(column.get_attribute("aria-sort"))
        self.assertEqual(self.visible(page), before)
        # Drawings have no order.
        self.assertEqual(page.locator("#tensors thead th", has_text="values").locator("button").count(), 0)
        name = page.locator("#tensors thead th").first
        name.locator("button").press("Enter")
        self.assertEqual(name.get_attribute("aria-sort"), "ascending")
        self.assertEqual(self.visible(page), sorted(before))

    def test_both_themes_can_be_read(self):
        for scheme, other in (("light", "dark"), ("dark", "light")):
            page = self.open("both.html", color_scheme=scheme)
            backgrounds = []
            for name in (scheme, other):
                colors = page.evaluate("""() => {
                    const style = (selector, key) => getComputedStyle(document.querySelector(selector))[key];
                    const panel = style("section", "backgroundColor");
                    return {page: style("body", "backgroundColor"), panel, pairs: [
                        [style("body", "color"), panel], [style("body", "color"), style("body", "backgroundColor")],
                        [style(".dim", "color"), panel], [style("thead th", "color"), panel],
                        [style("nav a", "color"), style("body", "backgroundColor")], [style("summary", "color"), panel],
                        ...[...document.querySelectorAll(".treemap a")].map(a => a.querySelector("text") &&
                            [getComputedStyle(a.querySelector("text")).fill, getComputedStyle(a.querySelector("rect")).fill])
                            .filter(Boolean)]};
                }""")
                backgrounds.append(luminance(colors["page"]))
                self.assertEqual(backgrounds[-1] > 0.5, name == "light")
                for pair in colors["pairs"]:
                    self.assertGreaterEqual(contrast(*pair), 4.5, f"{name}: {pair}")
                page.locator("#theme").click()
            self.assertEqual(page.locator("#theme").inner_text(), f"{other.title()} theme")

    def test_keyboard_and_links(self):
        page = self.open("plain.html")
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.textContent"), "Skip to the report")
        seen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.closest('.treemap a') ? document.activeElement.getAttribute('href') : "
                                      "document.activeElement.tagName"))
        self.assertIn("INPUT", seen)
        self.assertIn("BUTTON", seen)
        link = next(place for place in seen if place.startswith("#f"))
        page.locator(f".treemap a[href='{link}']").focus()
        page.keyboard.press("Enter")
        self.assertTrue(page.url.endswith(link))
        self.assertTrue(page.locator(f"{link} .more details").evaluate("details => details.open"))
        self.assertTrue(page.locator(f"{link} > tr:first-child").is_visible())

    def test_what_a_screen_reader_is_told(self):
        page = self.open("both.html")
        tree = page.locator("body").aria_snapshot()
        for line in ("- main:", "- navigation \"Parts of the report\"", "- heading \"Sizes\" [level=2]", "- heading \"Graph\" [level=2]",
                     "- searchbox \"Search tensors by name, type or shape\"", "- region \"Table of tensors\"", "- status",
                     "- contentinfo", "- banner", "columnheader \"min\"",
                     "rowheader \"transformer.h.{0…3}.mlp.c_fc.weight × 4\"",
                     "- img \"The graph from top to bottom; the table says the same.\"",
                     "- group \"A rectangle for each family of tensors; its area is its bytes.\""):
            self.assertIn(line, tree)
        self.assertRegex(tree, r'- img "values from -[\d.]+ to [\d.]+"')
        self.assertRegex(tree, r'link "transformer\.wte\.weight: [\d.]+ kB, [\d.]+ %')
        self.assertEqual(page.locator("h1").count(), 1)
        self.assertEqual(page.locator("html").get_attribute("lang"), "en")

    def test_without_scripts(self):
        page = self.open("both.html", java_script_enabled=False)
        for words in ("Overview", "Sizes", "Graph", "Quantization", "On a text", "Tensors"):
            self.assertTrue(page.get_by_role("heading", name=words, exact=True).is_visible(), words)
        self.assertEqual(len(self.visible(page)), 16)
        row = page.locator("#tensors > tbody").first
        row.locator("summary").click()
        self.assertTrue(row.locator(".members th").last.is_visible())
        # What needs a script is not offered.
        self.assertFalse(page.locator("#find").is_visible())
        self.assertFalse(page.locator("#theme").is_visible())
        self.assertEqual(page.locator("thead button").count(), 0)

    def test_narrow_screens_do_not_scroll_sideways(self):
        for width in (360, 768, 1920):
            page = self.open("both.html", viewport={"width": width, "height": 800})
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)

    def test_printed(self):
        page = self.open("both.html", color_scheme="dark")
        page.emulate_media(media="print", color_scheme="dark")
        self.assertFalse(page.locator(".bar").is_visible())
        self.assertGreater(luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")), 0.9)
        self.assertLess(luminance(page.evaluate("getComputedStyle(document.body).color")), 0.1)
        printed = page.pdf(prefer_css_page_size=True)
        self.assertTrue(printed.startswith(b"%PDF"))
        self.assertGreater(len(re.findall(rb"/Type\s*/Page\b", printed)), 1)


if __name__ == "__main__":
    unittest.main()
