// SPDX-License-Identifier: Apache-2.0
// Both executors against outputs that transformers in double precision and a numpy forward pass agree on.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ReferenceOutputTests {
  @Test(arguments: ReferenceModel.all)
  func `float64 agrees with the references to 1e-10`(_ model: ReferenceModel) throws {
    let report = try model.verify(.reference)
    for output in report.outputs { #expect(output.maxRel <= 1e-10, "\(output.name)") }
    #expect(report.passed)
  }

  @Test(arguments: ReferenceModel.all)
  func `fp32 agrees with the references within its tolerance`(_ model: ReferenceModel) throws {
    let report = try model.verify(.fp32)
    #expect(report.passed, "\(report.firstFailure ?? "")")
  }

  @Test(arguments: ReferenceModel.all)
  func `bf16 agrees with the references within its tolerance`(_ model: ReferenceModel) throws {
    let report = try model.verify(.bf16)
    #expect(report.passed, "\(report.firstFailure ?? "")")
  }

  @Test func `int8 with quantized activations agrees with float64 within its tolerance`() throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: folder.file("int8.ingot"))
    var options = VerifyOptions()
    options.against = folder.file("int8.ingot")
    options.run.precision = .w8a8
    let report = try Ingot.verify(folder.file("int8.ingot"), options: options)
    #expect(report.passed, "\(report.firstFailure ?? "")")
    // It is another arithmetic: were activations not quantized, all would agree to fp32's rounding.
    #expect(report.outputs.contains { $0.maxRel > 1e-3 })
  }

  @Test(arguments: ReferenceModel.all)
  func `every output that a model can have is compared`(_ model: ReferenceModel) throws {
    let expected = try FixtureSet(path: model.expected, vocabularySize: 1).expected.map(\.name)
    #expect(try Set(model.verify(.fp32).outputs.map(\.name)) == Set(expected))
  }

  /// The share by which fp32's largest error may exceed PyTorch's.
  ///
  /// The largest of a few thousand values varies that much between two orders of the same sum. The root mean square, which does not, may not exceed it at all.
  private static let largestErrorAllowance = 1.25

  @Test func `over all models, fp32's error is no larger than PyTorch's`() throws {
    var ours = Pool()
    var theirs = Pool()
    for model in ReferenceModel.all {
      let errors = try model.pytorchErrors()
      for output in try model.verify(.fp32).outputs where output.name != "loss" {
        let error = try #require(errors[output.name])
        ours.add(output.maxRel, output.rmsRel, to: output.name)
        theirs.add(error.maxRel, error.rmsRel, to: output.name)
      }
    }
    #expect(ours.count > 100)
    for kind in ours.kinds {
      #expect(ours.rms(kind) <= theirs.rms(kind), "\(kind)")
      #expect(ours.largest(kind) <= Self.largestErrorAllowance * theirs.largest(kind), "\(kind)")
    }
  }

  /// Relative errors of outputs of one kind, over all models.
  private struct Pool {
    private var errors: [String: (squares: Double, largest: Double, count: Int)] = [:]

    mutating func add(_ largest: Double, _ rms: Double, to name: String) {
      let kind = name.hasPrefix("hidden_states") ? "hidden_states" : name
      let known = errors[kind] ?? (0, 0, 0)
      errors[kind] = (known.squares + rms * rms, max(known.largest, largest), known.count + 1)
    }

    var kinds: [String] { errors.keys.sorted() }
    var count: Int { errors.values.reduce(0) { $0 + $1.count } }

    func rms(_ kind: String) -> Double {
      guard let known = errors[kind] else { return .nan }
      return (known.squares / Double(known.count)).squareRoot()
    }

    func largest(_ kind: String) -> Double { errors[kind]?.largest ?? .nan }
  }
}
