// swift-tools-version: 6.2
// The fuzzer: its own package, so that nobody who builds Ingot builds it. Scripts/fuzz builds and runs it.
import PackageDescription

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "ingot", path: "..")],
  targets: [
    .executableTarget(name: "Fuzzer", dependencies: [.product(name: "FuzzDoors", package: "ingot")])
  ],
  swiftLanguageModes: [.v6]
)
