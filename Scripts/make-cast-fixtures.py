# SPDX-License-Identifier: Apache-2.0
"""Writes fixtures/kernels/casts/SOURCE-TARGET.bin: n source elements, then the n target elements they round to.

Expected values come from numpy and ml_dtypes where those convert in one rounding, and in every case from a search in
the table of all values of the target with exact midpoints; the script stops when the two disagree.
Needs numpy and ml_dtypes. Usage: python3 Scripts/make-cast-fixtures.py fixtures/kernels/casts
"""
import pathlib
import sys

import ml_dtypes
import numpy as np

TARGETS = {
    "F16": (np.dtype(np.float16), np.uint16),
    "BF16": (np.dtype(ml_dtypes.bfloat16), np.uint16),
    "F8_E4M3": (np.dtype(ml_dtypes.float8_e4m3fn), np.uint8),
    "F8_E5M2": (np.dtype(ml_dtypes.float8_e5m2), np.uint8),
}
SOURCES = {"F64": np.dtype(np.float64), "F32": np.dtype(np.float32), **{k: v[0] for k, v in TARGETS.items()}}
# ml_dtypes rounds F64 by way of F32: twice. It is asked only for what F32 holds exactly.


def table(dtype, bits):
    """All finite non-negative values of a type, ascending; their index is their code."""
    codes = np.arange(1 << (8 * dtype.itemsize - 1), dtype=bits)
    values = codes.view(dtype).astype(np.float64)
    return values[np.isfinite(values)]


def nearest(x, dtype, bits):
    """Codes nearest to the doubles x, ties to the even code, by search among exact midpoints."""
    values = table(dtype, bits)
    step = values[-1] - values[-2]
    bounds = (np.append(values, values[-1] + step)[1:] + values) / 2
    magnitude = np.abs(x)
    low = np.searchsorted(bounds, magnitude, side="left")
    high = np.searchsorted(bounds, magnitude, side="right")
    code = np.where(low % 2 == 0, low, high)
    largest = len(values) - 1
    code = np.where(np.isnan(x), 0, np.minimum(code, largest + 1))
    sign = np.signbit(x).astype(np.int64) << (8 * dtype.itemsize - 1)
    return (code | sign).astype(bits)


def inputs(source, target, bits, rng):
    """Values around which rounding turns, special values and random bits, as the source type."""
    if source.itemsize == 1:
        return np.arange(256, dtype=np.uint8).view(source)
    if source.itemsize == 2:
        return rng.choice(np.arange(1 << 16, dtype=np.uint16), 3000, replace=False).view(source)
    values = table(target, bits)
    picks = np.unique(np.concatenate([np.arange(20), np.arange(len(values) - 20, len(values) - 1),
                                      rng.integers(0, len(values) - 1, 300)]))
    picks = picks[(picks >= 0) & (picks < len(values) - 1)]
    middles = (values[picks] + values[picks + 1]) / 2
    edge = values[-1] + (values[-1] - values[-2]) / 2
    exact = np.concatenate([values[picks], middles, [edge, values[-1]]]).astype(source)
    around = np.concatenate([exact, np.nextafter(exact, source.type(np.inf)), np.nextafter(exact, source.type(0))])
    if source == np.float64:
        # Beside a midpoint by less than a float's step: rounding by way of F32 gets these wrong.
        around = np.concatenate([around, middles * (1 + 2.0**-40), middles * (1 - 2.0**-40)])
    random = rng.integers(0, 1 << 63, 600, dtype=np.uint64).view(np.uint32 if source.itemsize == 4 else np.uint64)
    info = np.finfo(source)
    special = np.array([0, np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal], dtype=source)
    unsigned = np.concatenate([around, random.view(source), special])
    return np.concatenate([unsigned, -unsigned])


def check(name, x, got, expected, target):
    a, b = got.view(target).astype(np.float64), expected.view(target).astype(np.float64)
    special = np.isnan(x) | np.isinf(x)
    same = (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b)) | special
    assert same.all(), (name, x[~same][:5], a[~same][:5], b[~same][:5])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    np.seterr(all="ignore")
    for source_name, source in SOURCES.items():
        for target_name, (target, bits) in TARGETS.items():
            if source_name == target_name:
                continue
            x = inputs(source, target, bits, rng)
            wide = x.astype(np.float64)
            expected = nearest(wide, target, bits)
            once = wide if target == np.float16 else wide.astype(np.float32)
            got = once.astype(target).view(bits)
            asked = (once == wide) | (target == np.float16)
            check(f"{source_name}-{target_name}", wide[asked], got[asked], expected[asked], target)
            infinite = np.isinf(wide) | np.isnan(wide)
            special = x.astype(np.float32).astype(target).view(bits)
            expected = np.where(infinite, special, expected).astype(bits)
            (folder / f"{source_name}-{target_name}.bin").write_bytes(x.tobytes() + expected.tobytes())
    x = doubles_near_floats(rng)
    (folder / "F64-F32.bin").write_bytes(x.tobytes() + x.astype(np.float32).tobytes())


def doubles_near_floats(rng):
    """Doubles at, between and beside random floats, denormal ones and the largest included."""
    codes = np.concatenate([rng.integers(0, 0x7F7FFFFF, 800), np.arange(20), np.arange(0x7F7FFFF0, 0x7F7FFFFF)])
    low = codes.astype(np.uint32).view(np.float32).astype(np.float64)
    high = (codes + 1).astype(np.uint32).view(np.float32).astype(np.float64)
    middle = (low + high) / 2
    edge = np.array([2.0**128 - 2.0**103, np.nextafter(2.0**128 - 2.0**103, 0), 1e300, np.inf, np.nan, 5e-324])
    unsigned = np.concatenate([low, middle, np.nextafter(middle, np.inf), np.nextafter(middle, 0), edge])
    return np.concatenate([unsigned, -unsigned])


if __name__ == "__main__":
    main()
