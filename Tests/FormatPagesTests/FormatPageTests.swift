// SPDX-License-Identifier: Apache-2.0
import IngotFormats
import Testing

@Test func `formats have different ids`() {
  #expect(Set(FormatRegistry.formats.map(\.id)).count == FormatRegistry.formats.count)
}
