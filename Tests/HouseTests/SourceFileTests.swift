// SPDX-License-Identifier: Apache-2.0
// What every source file has, and what none has. Format and public documentation are swift-format's to check.
import IngotTestSupport
import Testing

/// Patterns that have no place in shipped sources: each is a crash or a promise instead of an error or a deed.
private let forbidden = [
  #"\btry!"#: "ends the program instead of reporting",
  #"\bas!"#: "ends the program instead of reporting",
  #"\bfatalError\("#: "ends the program instead of reporting",
  #"\bTODO\b"#: "work left undone",
  #"\bFIXME\b"#: "work left undone",
  #"\bimport Foundation\b"#: "Foundation is large and slow to start",
  #"\\\([A-Za-z.]*[cC]ount\) (bytes|values|tensors|files|entries|dimensions|names|items|blocks)\b"#:
    "one of them is called otherwise: write \\(count, \"byte\")",
]

private let longestFile = 500
private let longestHeader = 8

@Suite struct SourceFileTests {
  static let swift =
    ["Package.swift"]
    + ["Sources", "Tests", "Examples/Sources", "Fuzz/Sources"].flatMap {
      Fixture.files(under: $0, suffix: ".swift")
    }
  static let c = Fixture.files(under: "Sources", suffix: ".c") + Fixture.files(under: "Sources", suffix: ".h")
  static let scripts =
    Fixture.files(under: "Scripts") + Fixture.files(under: "Benchmarks", suffix: ".py")
    + Fixture.files(under: "fixtures", suffix: ".py") + Fixture.files(under: "Tests", suffix: ".py")

  @Test(arguments: Fixture.files(under: "Sources", suffix: ".swift") + c)
  func `a source file holds nothing that crashes or is left undone`(_ path: String) throws {
    let text = try Fixture.packageText(path)
    for (pattern, reason) in forbidden {
      #expect(try text.firstMatch(of: Regex(pattern)) == nil, "\(path): \(reason)")
    }
  }

  /// Targets that compute with streamed values: they are handed `Elements`, whose type kernels ask for.
  private static let typedTargets = [
    "IngotTransforms", "IngotOutput", "IngotModels", "IngotKit", "IngotRuntime", "IngotQuantization",
    "IngotEvaluation",
  ]

  @Test(arguments: typedTargets.flatMap { Fixture.files(under: "Sources/" + $0, suffix: ".swift") })
  func `bytes are taken for numbers where their type is known only`(_ path: String) throws {
    let text = try Fixture.packageText(path)
    for name in ["assumingMemoryBound", "loadUnaligned", "withMemoryRebound", "unsafeBitCast"] {
      #expect(!text.contains(name), "\(path): Elements says what bytes are")
    }
  }

  @Test(arguments: swift.dropFirst() + c)
  func `a source file begins with its licence and says in a few lines what it is for`(_ path: String) throws {
    let lines = try Fixture.packageText(path).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "// SPDX-License-Identifier: Apache-2.0")
    let header = lines.dropFirst().prefix { $0.hasPrefix("//") && !$0.hasPrefix("///") }
    #expect((1...longestHeader).contains(header.count), "a header has 1 to \(longestHeader) lines")
  }

  /// Names of Swift files in comments are those of files that are there, and no comment leads to papers that are not.
  @Test func `what comments refer to is there`() throws {
    let files = Set(Self.swift.compactMap { $0.split(separator: "/").last.map(String.init) })
    for path in Self.swift {
      let comments = try Fixture.packageText(path).split(separator: "\n").compactMap { line in
        line.firstRange(of: "//").map { String(line[$0.lowerBound...]) }
      }
      for comment in comments {
        for name in comment.matches(of: /\b(\w+\.swift)\b/).map({ String($0.1) }) {
          #expect(files.contains(name), "\(path) refers to \(name)")
        }
        #expect(!comment.contains(/\b(DESIGN|MEASURED|HOUSE|FAULTS)\b/), "\(path): \(comment)")
      }
    }
  }

  @Test(arguments: swift + c)
  func `a source file is short enough to read`(_ path: String) throws {
    let lines = try Fixture.packageText(path).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= longestFile)
  }

  @Test(arguments: scripts.filter { !$0.hasSuffix(".txt") && !$0.hasPrefix("fixtures/kjv-gpt2/") })
  func `a script begins with its licence`(_ path: String) throws {
    let lines = try Fixture.packageText(path).split(separator: "\n", maxSplits: 2).prefix(2)
    #expect(lines.contains("# SPDX-License-Identifier: Apache-2.0"))
  }
}
