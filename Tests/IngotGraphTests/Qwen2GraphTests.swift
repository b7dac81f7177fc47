// SPDX-License-Identifier: Apache-2.0
// Qwen2's graph is the report's: Llama's with biases of queries, keys and values, and a window of some blocks.
import IngotCore
import IngotGraph
import Testing

@Suite struct Qwen2GraphTests {
  /// As the model cards of Qwen/Qwen2.5-0.5B and Qwen2.5-7B say, in millions and more exactly by their files.
  @Test(arguments: [("qwen2.5-0.5b", 494_032_768), ("qwen2.5-7b", 7_615_616_512)])
  func `published models have as many parameters as was published`(_ name: String, _ count: Int) throws {
    let preset = try #require(ModelPreset.named(name))
    #expect(Architecture.qwen2.graph(Architecture.qwen2.config(of: preset)).parameterCount == count)
  }

  @Test func `queries, keys and values have biases, and what comes out has none`() {
    let kinds = Architecture.qwen2.graph(Architecture.qwen2.defaults.with(.blockCount, 1)).parameters.map(
      \.role.kind)
    #expect(kinds.filter { $0.name.hasSuffix("bias") } == [.queryBias, .keyBias, .valueBias])
  }

  @Test func `a window is seen by the blocks from one on, where it is used, or by those that are listed`() {
    var config = Architecture.qwen2.defaults
    func windows() -> [Int?] { (0..<4).map { config.window(ofBlock: $0) } }
    config[.firstWindowBlock] = 2
    #expect(windows() == [nil, nil, nil, nil])
    config[.usesWindow] = true
    #expect(windows() == [nil, nil, 4096, 4096])
    config[.windowBlocks] = [true, false, true, false]
    #expect(windows() == [4096, nil, 4096, nil])
  }
}
