// SPDX-License-Identifier: Apache-2.0
// Half-precision numbers one at a time, for the scales of blocks. Included where INLINE is defined.
#include <stdint.h>
#include <string.h>

/// The bits of a half-precision number's value in single precision.
INLINE float half_at(const uint8_t *p) {
    const uint32_t h = (uint32_t)p[0] | (uint32_t)p[1] << 8;
    const uint32_t sign = (h & 0x8000) << 16, magnitude = h & 0x7fff;
    uint32_t bits;
    if (magnitude >= 0x7c00) {
        bits = 0x7f800000 | (magnitude & 0x3ff) << 13;
    } else if (magnitude >= 0x0400) {
        bits = (magnitude << 13) + (112u << 23);
    } else {
        // Denormals are multiples of 2^-24, which single precision holds.
        const float value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, 4);
    }
    bits |= sign;
    float result;
    memcpy(&result, &bits, 4);
    return result;
}

/// The bits of the half nearest to a value of at least 0, ties to even; infinity's beyond the range.
INLINE uint16_t half_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (bits >= 0x477ff000) return 0x7c00;
    if (bits < 0x38800000) {
        // Below the normal range: adding 0.5 leaves the multiple of 2^-24 in the low bits, rounded.
        const float shifted = value + 0.5f;
        memcpy(&bits, &shifted, 4);
        return (uint16_t)(bits - 0x3f000000);
    }
    return (uint16_t)((bits + 0xfff + (bits >> 13 & 1) - (112u << 23)) >> 13);
}
