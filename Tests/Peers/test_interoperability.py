# SPDX-License-Identifier: Apache-2.0
"""Every model to every program and back; writes docs/interoperability.md. Run by `make test-peers`."""
import pathlib
import unittest

from interoperability import (
    COLUMNS, LANGUAGE_COLUMNS, LANGUAGES, MODELS, PROGRAMS, ROOT, Case, Model, back, language_cases, languages, others, pairs,
    temporary, there, write_page,
)

CASES = [Case(path) for kind in ("openai-gpt", "bert", "gpt2-heads")
         for path in sorted((ROOT / "fixtures" / kind).iterdir())]


class Interoperability(unittest.TestCase):
    rows: list = []
    other_rows: list = []
    language_rows: list = []
    found: dict = {}

    @classmethod
    def tearDownClass(cls):
        whole = (len({row.program for row in rows}) == len(expected)
                 for rows, expected in ((cls.rows, PROGRAMS), (cls.other_rows, COLUMNS),
                                        (cls.language_rows, LANGUAGE_COLUMNS)))
        if cls.found and all(whole):
            write_page(cls.rows, cls.found, cls.other_rows, cls.language_rows)

    def go(self, program):
        """All models to one program and back."""
        models = [Model(name) for name in MODELS]
        with temporary() as name:
            rows = there(program, models, pathlib.Path(name))
        with temporary() as name:
            back(program, [model for model, row in zip(models, rows, strict=True) if not row.refused], pathlib.Path(name))
        self.rows.extend(rows)

    def go_other(self, column):
        """All models of other architectures and heads that one program has."""
        with temporary() as name:
            self.other_rows.extend(others(column, [case for case in CASES if column.takes(case)], pathlib.Path(name)))

    def go_language(self, column):
        """All language models to one program."""
        with temporary() as name, temporary() as made:
            cases = [case for kind in LANGUAGES for case in language_cases(kind, pathlib.Path(made))]
            self.language_rows.extend(languages(column, cases, pathlib.Path(name)))

    def test_pairs(self):
        """Every model over every pair of forms and back."""
        with temporary() as name:
            self.found.update(pairs([Model(model) for model in MODELS], pathlib.Path(name)))


def _test(method, argument):
    return lambda self: getattr(self, method)(argument)


for _program in PROGRAMS:
    setattr(Interoperability, f"test_{_program.module}", _test("go", _program))
for _column in COLUMNS:
    setattr(Interoperability, f"test_other_{_column.program.module}", _test("go_other", _column))
for _column in LANGUAGE_COLUMNS:
    setattr(Interoperability, f"test_language_{_column.program.module}", _test("go_language", _column))

if __name__ == "__main__":
    unittest.main()
