// SPDX-License-Identifier: Apache-2.0
// SmolLM3's graph is Llama's, but for layers that do not turn queries and keys. Yang et al., "RoPE to NoPE and Back Again",
// 2025.
import IngotCore
import IngotGraph
import Testing

@Suite struct SmolLM3GraphTests {
  private static func config(_ change: (inout ModelConfig) -> Void = { _ in }) -> ModelConfig {
    var config = Architecture.smolLM3.defaults
    config[.blockCount] = 8
    change(&config)
    return config
  }

  /// Blocks whose queries are turned.
  private static func turned(_ config: ModelConfig) -> [Int] {
    let names = Set(Architecture.smolLM3.graph(config).nodes.map(\.name))
    return (0..<config.blockCount).filter { names.contains("layers.\($0).self_attn.q_rotary") }
  }

  /// Blocks that see a window.
  private static func windowed(_ config: ModelConfig) -> [Int] {
    (0..<config.blockCount).filter { config.window(ofBlock: $0) != nil }
  }

  /// The model card of HuggingFaceTB/SmolLM3-3B has 3.08 B.
  @Test func `the published model has as many parameters as was published`() throws {
    let preset = try #require(ModelPreset.named("smollm3-3b"))
    let graph = Architecture.smolLM3.graph(Architecture.smolLM3.config(of: preset))
    #expect(graph.parameterCount == 3_075_098_624)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `every fourth layer does not turn, unless the config says another period or lists the layers`() {
    #expect(Self.turned(Self.config()) == [0, 1, 2, 4, 5, 6])
    #expect(Self.turned(Self.config { $0[.turningPeriod] = 2 }) == [0, 2, 4, 6])
    let listed = [true, false, false, true, true, true, false, true]
    #expect(
      Self.turned(
        Self.config {
          $0[.turningPeriod] = 2
          $0[.turningBlocks] = listed
        }) == [0, 3, 4, 5, 7])
  }

  @Test func `keys that are not turned go into attention as they were projected`() throws {
    let graph = Architecture.smolLM3.graph(Self.config())
    let attention = try #require(graph.nodes.first { $0.name == "layers.3.self_attn" })
    let key = try #require(graph.nodes.first { $0.name == "layers.3.self_attn.k_proj" })
    #expect(attention.inputs[1] == key.output)
  }

  @Test func `a window is for the layers that do not turn, unless they are listed`() {
    #expect(Self.windowed(Self.config { $0[.window] = 16 }).isEmpty)
    let used = Self.config {
      $0[.usesWindow] = true
      $0[.window] = 16
    }
    #expect(Self.windowed(used) == [3, 7])
    var listed = used
    listed[.windowBlocks] = [true] + [Bool](repeating: false, count: 7)
    #expect(Self.windowed(listed) == [0])
    #expect(Self.turned(listed) == [0, 1, 2, 4, 5, 6])
  }
}
