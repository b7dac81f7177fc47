// SPDX-License-Identifier: Apache-2.0
// README.md's example of the library, compiled and run.
import Foundation
import IngotGraph
import IngotKit
import IngotTestSupport
import Testing

@Suite struct LibraryExampleTests {
  /// The example's lines, with the paths of a test.
  @Test func `the example does what it says`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("kjv-gpt2/model.safetensors")
    let target = folder.file("model.npz")
    let one = folder.file("weight.safetensors")
    let report = try Ingot.inspect(source)
    let names = report.checkpoint.tensors.map(\.name)

    var options = ConvertOptions()
    options.dtype = .f16
    let losses = try Ingot.convert(source, to: target, options: options).losses

    let checkpoint = try Ingot.open(source)
    let weight = try checkpoint.values(of: names[0], as: Float.self)
    let tensor = try Tensor("weight", shape: [weight.count], values: weight)
    _ = try Ingot.write([tensor], to: one)

    #expect(try Ingot.open(one).values(of: "weight", as: Float.self) == weight)
    #expect(try Ingot.inspect(target).checkpoint.tensors.map(\.name) == names)
    #expect(losses.contains { $0.kind == .cast })
  }

  @Test func `README.md shows the lines of that test, and the models that there are`() throws {
    let readme = try Fixture.packageText("README.md")
    let test = try Fixture.packageText("Tests/IngotKitTests/LibraryExampleTests.swift")
    let example = try #require(readme.split(separator: "```swift").last?.split(separator: "```").first)
    for line in example.split(separator: "\n") where line != "import IngotKit" {
      let plain = line.replacing("\"model.safetensors\"", with: "source").replacing(
        "\"model.npz\"", with: "target"
      ).replacing("\"weight.safetensors\"", with: "one")
      #expect(test.contains("    \(plain)\n"), "\(line)")
    }
    let models = Architecture.all.map(\.title).joined(separator: ", ")
    #expect(readme.contains("`hash --as` | \(models) |"))
  }
}
