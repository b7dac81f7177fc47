# SPDX-License-Identifier: Apache-2.0
"""Every model to every program and back; writes docs/interoperability.md. Run by `make test-peers`."""
import pathlib
import unittest

from interoperability import MODELS, PROGRAMS, Model, back, pairs, temporary, there, write_page


class Interoperability(unittest.TestCase):
    rows: list = []
    found: dict = {}

    @classmethod
    def tearDownClass(cls):
        if cls.found and len({row.program for row in cls.rows}) == len(PROGRAMS):
            write_page(cls.rows, cls.found)

    def go(self, program):
        """All models to one program and back."""
        models = [Model(name) for name in MODELS]
        with temporary() as name:
            rows = there(program, models, pathlib.Path(name))
        with temporary() as name:
            back(program, [model for model, row in zip(models, rows, strict=True) if not row.refused], pathlib.Path(name))
        self.rows.extend(rows)

    def test_pairs(self):
        """Every model over every pair of forms and back."""
        with temporary() as name:
            self.found.update(pairs([Model(model) for model in MODELS], pathlib.Path(name)))


def _test(program):
    return lambda self: self.go(program)


for _program in PROGRAMS:
    setattr(Interoperability, f"test_{_program.module}", _test(_program))

if __name__ == "__main__":
    unittest.main()
