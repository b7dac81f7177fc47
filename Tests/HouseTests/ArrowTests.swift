// SPDX-License-Identifier: Apache-2.0
// Who imports whom. An arrow that is not in the table is a decision: it belongs in ARCHITECTURE.md, with its reason,
// before it belongs here.
import IngotTestSupport
import Testing

/// Every module that a target's files may import, besides IngotCore, which all may.
private let allowedImports: [String: Set<String>] = [
  "IngotCore": [],
  "IngotBytes": ["CIngotBytes", "CZlib", "CCrypto", "CXXHash", "Glibc"],
  "IngotEncodings": ["IngotBytes"],
  "IngotFormats": ["IngotEncodings", "IngotBytes", "CArchive", "Glibc"],
  "IngotKernels": ["CIngotKernels", "Glibc"],
  "IngotTransforms": ["IngotKernels", "IngotBytes", "Synchronization"],
  "IngotGraph": ["Glibc"],
  "IngotDialects": ["IngotGraph", "IngotEncodings"],
  "IngotText": ["IngotEncodings"],
  "IngotRuntime": ["IngotGraph", "IngotKernels"],
  "IngotQuantization": ["IngotGraph", "IngotTransforms", "IngotKernels", "IngotBytes"],
  "IngotEvaluation": ["CIngotKernels"],
  "IngotCorpus": ["IngotEncodings", "IngotTransforms", "IngotKernels", "IngotBytes"],
  "IngotOutput": ["IngotFormats", "IngotTransforms", "IngotKernels", "IngotBytes"],
  "IngotModels": [
    "IngotOutput", "IngotFormats", "IngotTransforms", "IngotKernels", "IngotEncodings", "IngotBytes",
    "IngotDialects", "IngotGraph", "IngotText", "IngotRuntime", "IngotQuantization",
  ],
  "IngotTasks": ["IngotEncodings"],
  "IngotKit": [
    "IngotModels", "IngotOutput", "IngotFormats", "IngotTransforms", "IngotKernels", "IngotBytes",
    "IngotDialects", "IngotGraph", "IngotText", "IngotRuntime", "IngotQuantization",
    "IngotEvaluation", "IngotCorpus", "IngotTasks",
  ],
  "IngotReport": [
    "IngotKit", "IngotModels", "IngotFormats", "IngotEncodings", "IngotBytes", "IngotGraph", "IngotCorpus",
    "IngotEvaluation",
  ],
  "IngotCommand": ["IngotReport", "IngotEncodings", "IngotBytes", "CIngotVersion", "ArgumentParser"],
]

/// Within IngotBytes, the one folder that calls the system, and the files that have checksums from C and POSIX's mutex;
/// IngotKernels, IngotGraph and IngotFormats have Glibc for the functions of <math.h>.
private let systemCallsFolder = "Sources/IngotBytes/System/"
private let checksumFile = "Sources/IngotBytes/Checksum.swift"
private let lockFile = "Sources/IngotBytes/Locked.swift"

@Suite struct ArrowTests {
  static let sources = Fixture.files(under: "Sources", suffix: ".swift")

  @Test(arguments: sources)
  func `a source file imports only what its target may know`(_ path: String) throws {
    let target = String(path.split(separator: "/")[1])
    let allowed = try #require(
      allowedImports[target], "the target \(target) has no row in the table of arrows")
    for module in try importedModules(of: path) where module != "IngotCore" {
      #expect(allowed.contains(module), "\(target) must not know \(module)")
      if target == "IngotBytes",
        module == "Glibc" && path != lockFile || module == "CIngotBytes" && path != checksumFile
      {
        #expect(path.hasPrefix(systemCallsFolder), "only \(systemCallsFolder) calls the system")
      }
    }
  }

  /// Members are seen only where their own target is imported (Package.swift asks the compiler for that), so that imports
  /// are what code uses.
  @Test(arguments: allowedImports.keys.sorted())
  func `every arrow of the table is one that code uses`(_ target: String) throws {
    let files = Self.sources.filter { $0.hasPrefix("Sources/\(target)/") }
    let used = try Set(files.flatMap(importedModules)).subtracting(["IngotCore", target])
    #expect(used == allowedImports[target])
  }

  @Test func `Package.swift declares no arrow that the table lacks, and no other targets`() throws {
    let package = try Fixture.packageText("Package.swift")
    let declarations = package.matches(
      of: /\.(?:target|executableTarget)\(\s*name: "(\w+)"(?:,\s*dependencies: \[([^\]]*)\])?/)
    let targets = declarations.filter { $0.1.hasPrefix("Ingot") && $0.1 != "IngotTestSupport" }
    #expect(Set(targets.map { String($0.1) }) == Set(allowedImports.keys))
    for target in targets {
      let names = (target.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) }
      let allowed = allowedImports[String(target.1)] ?? []
      for name in names where name != "IngotCore" {
        #expect(allowed.contains(name), "\(target.1) depends on \(name), which the table does not allow")
      }
    }
  }

  @Test func `ARCHITECTURE.md shows the same arrows`() throws {
    let page = try Fixture.packageText("ARCHITECTURE.md")
    for (target, modules) in allowedImports {
      let row = page.split(separator: "\n").first { $0.hasPrefix("| `\(target)` |") }
      let cell = try #require(row, "ARCHITECTURE.md has no row for \(target)").split(separator: "|")[1]
      let shown = Set(cell.matches(of: /`(\w+)`/).map { String($0.1) })
      #expect(shown == modules, "ARCHITECTURE.md's row for \(target)")
    }
  }

  private func importedModules(of path: String) throws -> [String] {
    let text = try Fixture.packageText(path)
    return text.matches(of: /(?m)^(?:@\w+ |public |package |internal |private )*import (?:\w+ )?(\w+)/)
      .map { String($0.1) }
  }
}
