// SPDX-License-Identifier: Apache-2.0
// How a sequence is cut into windows: one behind the other, and as transformers' page on perplexity has it.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct EvaluationWindowTests {
  /// The windows of transformers' page "Perplexity of fixed-length models": those tokens of each that are scored, as labels are
  /// shifted by one.
  private static let script = """
    import json, sys
    count, context, stride = json.load(sys.stdin)
    done, scored = 0, []
    for start in range(0, count, stride):
        end = min(start + context, count)
        labels = [token if token >= done else -100 for token in range(start, end)]
        scored += [label for label in labels[1:] if label != -100]
        done = end
        if end == count:
            break
    print(json.dumps(scored))
    """

  @Test(arguments: [(10, 4, 4), (10, 4, 2), (10, 4, 1), (3, 4, 2), (9, 4, 4), (2, 2, 1), (257, 256, 64)])
  func `strided windows are transformers'`(_ count: Int, _ context: Int, _ stride: Int) throws {
    let input = Array("[\(count), \(context), \(stride)]".utf8)
    let output = try PythonPeer.run(code: Self.script, input: input).outputBytes
    let windows = EvaluationWindows(tokenCount: count, context: context, stride: stride).all
    let scored = windows.flatMap { Array($0.scored) }
    #expect(String(decoding: output, as: UTF8.self) == "\(scored)\n")
    for window in windows {
      // What goes in reaches from its start to the token before the last that is scored.
      #expect(window.inputs.count < context && window.inputs.upperBound == window.scored.upperBound - 1)
      #expect(window.inputs.lowerBound < window.scored.lowerBound)
    }
  }

  @Test(arguments: [(10, 4), (9, 4), (2, 4), (5, 4), (4, 1)])
  func
    `without a stride each token but the first is predicted once, and no window is longer than the context`(
      _ count: Int, _ context: Int
    )
  {
    let windows = EvaluationWindows(tokenCount: count, context: context, stride: nil).all
    #expect(windows.flatMap { Array($0.scored) } == Array(1..<count))
    for window in windows {
      #expect(window.inputs.count <= context)
      #expect(window.scored == (window.inputs.lowerBound + 1)..<(window.inputs.upperBound + 1))
    }
  }

  /// Every token is scored by the row that stands before it, whatever is run at once.
  @Test(
    arguments: [(70, 8, nil), (70, 8, 3), (70, 8, 1), (300, 128, 40), (9, 8, 8), (2, 8, nil)], [1, 5, 1024])
  func `runs score each token once, by the row of the token before it`(
    _ cut: (count: Int, context: Int, stride: Int?), _ logitRowCount: Int
  ) {
    let ids = Array(1000..<(1000 + cut.count))
    let windows = EvaluationWindows(tokenCount: cut.count, context: cut.context, stride: cut.stride).all
    var bounds = BatchBounds(vocabularySize: 10, bytesPerLogit: 4)
    bounds.logitRowCount = logitRowCount
    let plan = NextTokenPlan(ids: ids, windows: windows, bounds: bounds)
    var scored: [Int] = []
    for number in 0..<plan.batchCount {
      let batch = plan.batch(number)
      var places: [Int] = []
      var tokenCount = 0
      for run in batch.runs {
        let request = run.request
        tokenCount += request.tokenCount
        #expect(
          request.batchCount == batch.rowCount && request.ids.count == batch.rowCount * request.tokenCount)
        #expect(request.lastLogitsOnly || run.request.ids.count <= max(logitRowCount, batch.rowCount))
        for (row, index) in run.scored {
          let place = request.lastLogitsOnly ? (row + 1) * request.tokenCount - 1 : row
          #expect(request.ids[place] == ids[index - 1])
          places.append(index)
        }
      }
      #expect(tokenCount == batch.tokenCount)
      scored += places.sorted()
    }
    #expect(scored == windows.flatMap { Array($0.scored) })
  }
}
