// swift-tools-version: 6.2
// A package that uses Ingot as a library: `make test` builds and runs it.
import PackageDescription

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "ingot", path: "..")],
  targets: [
    .executableTarget(
      name: "Example", dependencies: [.product(name: "IngotKit", package: "ingot")],
      // What is imported is all that is seen: IngotKit alone is enough.
      swiftSettings: [.enableUpcomingFeature("MemberImportVisibility")])
  ],
  swiftLanguageModes: [.v6]
)
