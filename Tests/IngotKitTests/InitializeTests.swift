// SPDX-License-Identifier: Apache-2.0
// Untrained models: complete, by the paper's deviations, the same bytes each time.
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct InitializeTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(seed: UInt64) -> InitializeOptions {
    var options = InitializeOptions()
    options.config = Fixture.path("kjv-gpt2/config.json")
    options.seed = seed
    return options
  }

  @Test func `makes a model that validates, with its config beside it`() throws {
    let path = folder.file("random/")
    let report = try Ingot.initialize("gpt2", to: path, options: options(seed: 1))
    let model = try Model(path)
    #expect(try Ingot.validate(path).findings.isEmpty)
    #expect(model.recognised.graph.config == report.config)
    #expect(report.tensorCount == model.checkpoint.tensors.count)
  }

  @Test func `gives the same bytes for the same seed in every format, and others for another`() throws {
    let names = ["a.safetensors", "b.ingot", "c.npz"]
    for name in names { _ = try Ingot.initialize("gpt2", to: folder.file(name), options: options(seed: 5)) }
    let digests = try names.map { try Ingot.hash(folder.file($0), options: HashOptions()).model }
    #expect(Set(digests).count == 1)
    _ = try Ingot.initialize("gpt2", to: folder.file("d.npz"), options: options(seed: 6))
    #expect(try Ingot.hash(folder.file("d.npz"), options: HashOptions()).model != digests[0])
  }

  /// The digest that all machines agree on; it changes only with the generator.
  @Test func `a model whose experts share tensors is refused by name`() throws {
    var options = InitializeOptions()
    options.config = Fixture.path("gpt_oss/bare/config.json")
    do throws(IngotError) {
      _ = try Ingot.initialize("gpt_oss", to: folder.file("m/"), options: options)
      Issue.record("written")
    } catch {
      guard case .unsupported(let what, _) = error else { throw error }
      #expect(what.description.contains("several parameters in one tensor"))
    }
    #expect(folder.entries().isEmpty)
  }

  @Test func `the seed 5 is these bytes`() throws {
    _ = try Ingot.initialize("gpt2", to: folder.file("a.npz"), options: options(seed: 5))
    let digest = try Ingot.hash(folder.file("a.npz"), options: HashOptions()).model
    #expect(digest == "055afb842554d5c02b0a689698f4d39efe97c20194c20f8cb6817167253f4088")
  }

  @Test func `has the paper's deviations`() throws {
    _ = try Ingot.initialize("gpt2", to: folder.file("m/"), options: options(seed: 3))
    let model = try Model(folder.file("m/"))
    let store = try loadWeights(model)
    for (role, weight) in store {
      let values = weight.floats.map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
        .squareRoot()
      switch role.kind {
      case .attentionOutputWeight, .feedForwardOutputWeight:
        // Four blocks add to the residual stream eight times.
        #expect((deviation / (0.02 / 8.0.squareRoot()) - 1).magnitude < 0.03)
      case .attentionNormGain, .feedForwardNormGain, .finalNormGain:
        #expect(values.allSatisfy { $0 == 1 })
      default:
        let isWeight = weight.shape.rank == 2
        #expect(isWeight ? (deviation / 0.02 - 1).magnitude < 0.03 : deviation == 0)
      }
    }
  }

  @Test func `refuses architectures that there are not, and two sizes at once`() throws {
    #expect(throws: IngotError.self) {
      try Ingot.initialize("gpt9", to: folder.file("x.npz"), options: options(seed: 1))
    }
    var both = options(seed: 1)
    both.preset = .named("gpt2")
    #expect(throws: IngotError.self) { try Ingot.initialize("gpt2", to: folder.file("x.npz"), options: both) }
  }
}
