// SPDX-License-Identifier: Apache-2.0
// What makes two runs the same work: every option is one that decides on the output, or one that does not.
import IngotCore
import IngotFormats
import IngotKit
import Testing

@Suite struct FingerprintTests {
  @Test func `every option decides, or is left aside`() {
    let options = ConvertOptions()
    let own = Mirror(reflecting: options).children.compactMap(\.label).filter { $0 != "reading" }
    let reading = Mirror(reflecting: options.reading).children.compactMap(\.label).map { "reading.\($0)" }
    let deciding = options.deciding.map(\.name)
    #expect(Set(deciding).count == deciding.count)
    #expect(Set(deciding).isDisjoint(with: ConvertOptions.aside))
    #expect(Set(deciding).union(ConvertOptions.aside) == Set(own + reading))
    #expect(
      Set(Mirror(reflecting: options.selection).children.compactMap(\.label)) == ["include", "exclude"])
  }

  @Test func `each option that decides shows`() throws {
    let changes: [String: (inout ConvertOptions) throws -> Void] = [
      "format": { $0.format = "npz" }, "dtype": { $0.dtype = .f16 },
      "dtypeRules": { $0.dtypeRules = [DTypeRule(Glob("a"), .f16)] },
      "onOverflow": { $0.onOverflow = .saturate },
      "selection": { $0.selection = TensorSelection(include: [Glob("a")]) },
      "dialect": { $0.dialect = "hf" }, "program": { $0.program = .numpy },
      "renames": { $0.renames = [try TensorRename("a=b")] }, "head": { $0.head = .untie },
      "config": { $0.config = "c.json" }, "shardByteLimit": { $0.shardByteLimit = 1 },
      "modelParallelCount": { $0.modelParallelCount = 2 }, "embeddingCut": { $0.embeddingCut = .rows },
      "compresses": { $0.compresses = true }, "keepsUnknownBits": { $0.keepsUnknownBits = true },
      "storesSHA256": { $0.storesSHA256 = true },
      "reading.rawDTypes": { $0.reading.rawDTypes = [(Glob("a"), .bf16)] },
      "reading.selection": { $0.reading.selection = TensorSelection(exclude: [Glob("a")]) },
      "reading.isRaw": { $0.reading.isRaw = true }, "reading.fileName": { $0.reading.fileName = "a" },
    ]
    let plain = ConvertOptions()
    #expect(Set(changes.keys) == Set(plain.deciding.map(\.name)))
    for (name, change) in changes {
      var changed = plain
      try change(&changed)
      let differing = zip(plain.deciding, changed.deciding).filter { $0.values != $1.values }.map {
        $0.0.name
      }
      #expect(differing == [name])
    }
    var excluding = plain
    excluding.selection = TensorSelection(exclude: [Glob("a")])
    var including = plain
    including.selection = TensorSelection(include: [Glob("a")])
    #expect(excluding.deciding.map(\.values) != including.deciding.map(\.values))
  }
}
