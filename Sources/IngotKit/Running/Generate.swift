// SPDX-License-Identifier: Apache-2.0
// `generate`: continues a prompt.
import IngotCore
import IngotEvaluation
import IngotFormats
import IngotModels
import IngotRuntime

/// Options of ``Ingot/generate(_:tokens:options:)``.
public struct GenerateOptions: Sendable {
  /// Tokens to add at the most; the context may end it earlier.
  public var maximumCount = 16
  /// How many of the likeliest next tokens behind the prompt to tell.
  public var top = 0
  /// How keys and values of earlier tokens are kept; float64 runs keep theirs in float64.
  public var cache = CacheElement.f32
  /// How the model is opened and run.
  public var run = RunOptions()

  /// Makes the default options.
  public init() {}
}

/// What was generated, and what was likeliest first.
public struct GenerationReport: Sendable {
  /// The prompt's ids.
  public var prompt: [Int]
  /// The ids added.
  public var added: [Int]
  /// The likeliest next tokens behind the prompt, as many as were asked for.
  public var likeliest: [(token: Int, probability: Double)]
}

extension Ingot {
  /// Continues a prompt greedily: the likeliest token each time, the first of several.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - tokens: the prompt's ids: `1,2,3`, or the path of a `.npy` file of integers; one sequence.
  ///   - options: how long, and in which arithmetic.
  /// - Returns: the ids added.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not continue text or does not
  ///   validate; the errors of reading and running.
  public static func generate(
    _ path: String, tokens: String, options: GenerateOptions = GenerateOptions()
  ) throws(IngotError) -> GenerationReport {
    let prompt = try TokenInput.read(tokens, work: options.run.work)
    guard prompt.shape.dimensions.first == 1 else {
      throw .invalidRequest(option: .tokens, why: "a prompt is one sequence")
    }
    let (model, _) = try options.run.open(path)
    try Model.requireUse(of: options.run.precision, in: [model])
    let runner = try options.run.runner(model)
    var report = GenerationReport(prompt: prompt.values, added: [], likeliest: [])
    let visit = { (expected: LogProbabilities) in
      report.likeliest = expected.likeliest(options.top).map {
        ($0.token, expected.probability(of: $0.token))
      }
    }
    report.added = try runner.generate(
      prompt.values, count: options.maximumCount, cacheElement: options.cache,
      visit: options.top > 0 ? visit : nil)
    return report
  }
}
