// SPDX-License-Identifier: Apache-2.0
// What can't be had, whatever a model computes, is refused before it runs: measuring and calibrating may take hours.
import Foundation
import IngotBytes
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct EarlyRefusalTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// Remembers what is begun.
  private final class Listener: ProgressObserver, @unchecked Sendable {
    private(set) var activities: [String] = []
    func begin(_ activity: String, count: Int, unit: ProgressUnit) { activities.append(activity) }
    func advance(_ count: Int) {}
    func end() {}

    /// Whether the model has run.
    var hasRun: Bool {
      activities.contains { ["running the model", "calibrating"].contains($0) || $0.hasPrefix("weight ") }
    }
  }

  /// A disk that has no room for any file of a size.
  private final class FullSystem: ForwardingSystem {
    func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
      throw CallFailure(call: "fallocate", errorNumber: 28)
    }
  }

  private static func options(_ budget: QuantizationBudget? = nil) -> QuantizeOptions {
    var options = QuantizeOptions()
    options.budget = budget
    options.calibration = CalibrationOptions(model + "/heldout.npy")
    options.calibration?.tokenLimit = 512
    return options
  }

  private static func quantize(_ output: String, _ options: QuantizeOptions) -> (IngotError?, Listener) {
    let listener = Listener()
    do throws(IngotError) {
      _ = try Ingot.quantize(model, to: output, options: options, progress: listener)
      return (nil, listener)
    } catch {
      return (error, listener)
    }
  }

  @Test func `a bound under the smallest schemes is told before weights are measured`() throws {
    let folder = try TemporaryFolder()
    for (bound, option) in [
      (.bits(7), .bitLimit), (.bytes(1000), .byteLimit),
    ] as [(QuantizationBudget, RequestOption)] {
      for output in ["o.ingot", "o.gguf"] {
        let (error, listener) = Self.quantize(folder.file(output), Self.options(bound))
        guard case .unmet(let named, _)? = error else {
          Issue.record("\(bound): \(String(describing: error))")
          continue
        }
        #expect(named == option && !listener.hasRun, "\(listener.activities)")
      }
    }
    // One that can be kept is.
    let (error, listener) = Self.quantize(folder.file("o.ingot"), Self.options(.bits(8.5)))
    #expect(error == nil && listener.hasRun)
    #expect(folder.entries() == ["o.ingot"])
  }

  @Test(arguments: [nil, .bits(8.5), .bytes(1 << 30), .divergence(1)] as [QuantizationBudget?])
  func `what stands at the output's place is told before the model runs`(_ bound: QuantizationBudget?) throws
  {
    let folder = try TemporaryFolder()
    try folder.write("mine", to: "o.ingot")
    try folder.write("mine", to: "full/notes.mine")
    for (output, force) in [("o.ingot", false), ("full", true), ("gone/o.ingot", false)] {
      var options = Self.options(bound)
      options.force = force
      let (error, listener) = Self.quantize(folder.file(output), options)
      switch error {
      case .outputRefused?: #expect(output != "gone/o.ingot")
      case .environment?: #expect(output == "gone/o.ingot")
      default: Issue.record("\(output): \(String(describing: error))")
      }
      #expect(!listener.hasRun, "\(listener.activities)")
    }
    #expect(folder.entries().sorted() == ["full", "full/notes.mine", "o.ingot"])
  }

  @Test(arguments: [.bits(8.5), .bytes(1 << 30), .divergence(1)] as [QuantizationBudget])
  func `a full disk and a program of one scheme are told before weights are measured`(
    _ bound: QuantizationBudget
  ) throws {
    let folder = try TemporaryFolder()
    var options = Self.options(bound)
    options.work.system = FullSystem()
    let (full, listener) = Self.quantize(folder.file("o.ingot"), options)
    guard case .environment? = full else {
      Issue.record("\(String(describing: full))")
      return
    }
    #expect(!listener.hasRun, "\(listener.activities)")
    options = Self.options(bound)
    options.program = .ctranslate2
    let (fixed, other) = Self.quantize(folder.file("c/"), options)
    guard case .invalidRequest? = fixed else {
      Issue.record("\(String(describing: fixed))")
      return
    }
    #expect(!other.hasRun, "\(other.activities)")
    #expect(folder.entries().isEmpty)
  }

  @Test func `a model that predicts no tokens is refused before its text is read`() throws {
    let folder = try TemporaryFolder()
    // It has no tokenizer, and the text is none.
    let text = try folder.write([0xFF], to: "text")
    let error = #expect(throws: IngotError.self) {
      _ = try Ingot.sensitivity(Fixture.path("bert/bare"), text: text, to: folder.file("t.jsonl"))
    }
    #expect("\(try #require(error))".contains("does not predict the next token"))
    var options = QuantizeOptions()
    (options.budget, options.calibration) = (.bits(8.5), CalibrationOptions(text))
    let other = #expect(throws: IngotError.self) {
      _ = try Ingot.quantize(Fixture.path("bert/bare"), to: folder.file("o.ingot"), options: options)
    }
    #expect("\(try #require(other))".contains("does not predict the next token"))
    #expect(folder.entries() == ["text"])
  }

  @Test func `what stands in a recording's place is told before the model runs`() throws {
    let folder = try TemporaryFolder()
    let there = try folder.write("mine", to: "f.npz")
    // Ids that no model has would be told once it ran.
    for (output, isRefused) in [(there, true), (folder.file("new.npz"), false)] {
      let error = #expect(throws: IngotError.self) {
        _ = try Ingot.record(Self.model, tokens: "1,99999999", to: output)
      }
      guard case .outputRefused? = error else {
        #expect(!isRefused, "\(String(describing: error))")
        continue
      }
      #expect(isRefused)
    }
    #expect(folder.entries() == ["f.npz"])
  }
}
