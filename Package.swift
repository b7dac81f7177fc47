// swift-tools-version: 6.2
// The targets stand in the order in which data meets them; HouseTests fails on an arrow that is not here.
import PackageDescription

/// The commit that is built, as make says it: some hexadecimal digits.
let commit = Context.environment["INGOT_COMMIT"].flatMap { text in
  !text.isEmpty && text.allSatisfy(\.isHexDigit) ? text : nil
}

let package = Package(
  name: "ingot",
  products: [
    .executable(name: "ingot", targets: ["IngotCommand"]),
    .library(name: "IngotKit", targets: ["IngotKit"]),
  ],
  dependencies: [
    // The command line: options, help and completions.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // System libraries, each with the Debian package that carries it.
    // CRC-32 and deflate, for zip archives.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // SHA-256 at the hardware's speed without a long build.
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    // XXH3, the checksum of `.ingot` files.
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    // Archives that hold checkpoints: tar, gzip, 7z.
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),

    // Values that all others share: no input, no output.
    .target(name: "IngotCore"),

    // Bytes: system calls, files, checksums.
    .target(name: "CIngotBytes"),
    .target(name: "IngotBytes", dependencies: ["IngotCore", "CIngotBytes", "CZlib", "CCrypto", "CXXHash"]),
    // The languages formats are written in: JSON, zip, sorted tables, protobuf.
    .target(name: "IngotEncodings", dependencies: ["IngotBytes"]),
    // One folder a format: readers and writers.
    .target(name: "IngotFormats", dependencies: ["IngotEncodings", "CArchive"]),

    // Loops over numbers.
    .target(name: "CIngotKernels"),
    .target(name: "IngotKernels", dependencies: ["IngotCore", "CIngotKernels"]),
    // Lazy views over tensors and the one loop that streams them.
    .target(name: "IngotTransforms", dependencies: ["IngotBytes", "IngotKernels"]),

    // Models.
    .target(name: "IngotGraph", dependencies: ["IngotCore"]),
    .target(name: "IngotDialects", dependencies: ["IngotGraph", "IngotEncodings"]),
    // Tokenizers' files.
    .target(name: "IngotText", dependencies: ["IngotEncodings"]),
    .target(name: "IngotRuntime", dependencies: ["IngotGraph", "IngotKernels"]),
    .target(name: "IngotQuantization", dependencies: ["IngotGraph", "IngotTransforms"]),
    .target(name: "IngotEvaluation", dependencies: ["IngotCore", "CIngotKernels"]),

    // Documents that models are calibrated and evaluated on.
    .target(name: "IngotCorpus", dependencies: ["IngotEncodings", "IngotTransforms"]),
    // Tasks that language models do from prompts.
    .target(name: "IngotTasks", dependencies: ["IngotEncodings"]),

    // Plans carried out: destinations, companions, journals, and what was written read back.
    .target(name: "IngotOutput", dependencies: ["IngotFormats", "IngotTransforms"]),

    // Models between dialects, and as the runtime takes them.
    .target(
      name: "IngotModels",
      dependencies: ["IngotOutput", "IngotDialects", "IngotText", "IngotRuntime", "IngotQuantization"]),

    // The verbs, their words, and the program.
    .target(
      name: "IngotKit",
      dependencies: [
        "IngotModels", "IngotOutput", "IngotFormats", "IngotTransforms", "IngotDialects",
        "IngotText", "IngotRuntime",
        "IngotQuantization",
        "IngotEvaluation", "IngotCorpus", "IngotTasks",
      ]),
    .target(name: "IngotReport", dependencies: ["IngotKit"]),
    // The commit that `--version` names, in a target of its own: nothing else is built anew for it.
    .target(
      name: "CIngotVersion", cSettings: commit.map { [.define("INGOT_COMMIT", to: "\"\($0)\"")] } ?? []),
    .executableTarget(
      name: "IngotCommand",
      dependencies: [
        "IngotReport", "CIngotVersion", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Times kernels, and what the machine can do at the most, for the scripts in Benchmarks.
    .target(name: "CMachineLimits", path: "Benchmarks/CMachineLimits"),
    .executableTarget(
      name: "KernelBenchmark", dependencies: ["IngotKernels", "CMachineLimits"],
      path: "Benchmarks/KernelBenchmark"),
    // Times forward passes for Benchmarks/forward.py.
    .executableTarget(
      name: "RuntimeBenchmark", dependencies: ["IngotKit"], path: "Benchmarks/RuntimeBenchmark"),

    // Helpers for tests: files, processes, Python peers, doubles of the system.
    .target(name: "IngotTestSupport", dependencies: ["IngotBytes"], path: "Tests/_IngotTestSupport"),
    .testTarget(name: "IngotCoreTests", dependencies: ["IngotCore", "IngotTestSupport"]),
    .testTarget(name: "IngotBytesTests", dependencies: ["IngotBytes", "IngotTestSupport"]),
    .testTarget(name: "IngotEncodingsTests", dependencies: ["IngotEncodings", "IngotTestSupport"]),
    .testTarget(
      name: "IngotKernelsTests",
      dependencies: ["CIngotBytes", "CIngotKernels", "IngotKernels", "IngotTestSupport"]),
    .testTarget(name: "IngotTransformsTests", dependencies: ["IngotTransforms", "IngotTestSupport"]),
    .testTarget(name: "IngotFormatsTests", dependencies: ["IngotFormats", "IngotTestSupport"]),
    // Broken files: every reader, another process, the reference implementation.
    .executableTarget(name: "MutationReader", dependencies: ["IngotKit"], path: "Tests/_MutationReader"),
    // The ways in for bytes from outside, for the fuzzer in Fuzz/ and the tests that replay what it kept.
    .target(name: "FuzzDoors", dependencies: ["IngotReport"], path: "Tests/_FuzzDoors"),
    // Faults that sanitizers have to report.
    .target(name: "CPlantedFaults", path: "Tests/_PlantedFaults"),
    .testTarget(
      name: "FuzzTests",
      dependencies: ["CPlantedFaults", "FuzzDoors", "IngotKit", "IngotTestSupport", "MutationReader"]),
    // The built program as a process.
    .testTarget(name: "EndToEndTests", dependencies: ["IngotTestSupport"]),
    .testTarget(name: "IngotGraphTests", dependencies: ["IngotGraph"]),
    .testTarget(name: "IngotDialectsTests", dependencies: ["IngotDialects"]),
    .testTarget(name: "IngotEvaluationTests", dependencies: ["IngotEvaluation", "IngotTestSupport"]),
    .testTarget(name: "IngotQuantizationTests", dependencies: ["IngotQuantization", "IngotTestSupport"]),
    .testTarget(name: "IngotCorpusTests", dependencies: ["IngotCorpus", "IngotTestSupport"]),
    .testTarget(name: "IngotTasksTests", dependencies: ["IngotTasks", "IngotTestSupport"]),
    .testTarget(name: "IngotOutputTests", dependencies: ["IngotOutput", "IngotTestSupport"]),
    .testTarget(name: "IngotTextTests", dependencies: ["IngotText", "IngotTestSupport"]),
    .testTarget(name: "IngotKitTests", dependencies: ["IngotKit", "IngotTestSupport"]),
    .testTarget(name: "IngotReportTests", dependencies: ["IngotReport", "IngotTestSupport"]),
    .testTarget(name: "IngotRuntimeTests", dependencies: ["IngotKit", "IngotTestSupport"]),
    // What crosses targets: arrows between them, pages against code.
    .testTarget(name: "HouseTests", dependencies: ["IngotTestSupport"]),
    .testTarget(name: "FormatPagesTests", dependencies: ["IngotKit", "IngotDialects", "IngotTestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

// A member is seen where its own target is imported, and not by way of another: so imports are all that code uses.
for target in package.targets where target.type != .system {
  target.swiftSettings = [.enableUpcomingFeature("MemberImportVisibility")]
}

// Tests that call the library or the program, and compute little themselves, compile in a third of the time when they are not
// optimized; what they call is, all the same.
let unoptimizedTests = [
  "EndToEndTests", "FormatPagesTests", "IngotEncodingsTests", "IngotFormatsTests", "IngotKitTests",
  "IngotOutputTests", "IngotReportTests",
]
for target in package.targets where unoptimizedTests.contains(target.name) {
  target.swiftSettings?.append(.unsafeFlags(["-Onone"]))
}

// `make` sets this in CI. Elsewhere a newer compiler's new warning must not stop a build.
if Context.environment["INGOT_WARNINGS_AS_ERRORS"] != nil {
  for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
    target.cSettings = (target.cSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
}

// Only the fuzzer's package asks for the doors as a product.
if Context.environment["INGOT_FUZZ"] != nil {
  package.products.append(.library(name: "FuzzDoors", targets: ["FuzzDoors"]))
}

// SwiftPM rebuilds a target when a module that it names has changed, but not for one behind that, although its layouts
// and inlined code are used: objects of before and after would be linked together. So each target names all it can see.
for target in package.targets where target.type != .system {
  let names = Set(target.dependencies.compactMap(localName))
  for name in closure(of: names, among: package.targets).subtracting(names).sorted() {
    target.dependencies.append(.target(name: name))
  }
}

/// The name of a dependency within this package; `nil` for one of another package.
func localName(_ dependency: Target.Dependency) -> String? {
  switch dependency {
  case .targetItem(let name, _), .byNameItem(let name, _): name
  default: nil
  }
}

/// Targets with all that they depend on.
func closure(of names: Set<String>, among targets: [Target]) -> Set<String> {
  let next = targets.filter { names.contains($0.name) }.flatMap(\.dependencies).compactMap(localName)
  return names.isSuperset(of: next) ? names : closure(of: names.union(next), among: targets)
}
