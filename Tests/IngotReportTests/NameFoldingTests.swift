// SPDX-License-Identifier: Apache-2.0
// Names folded into patterns: what they say is told from what the pattern matches, and nothing is lost or said twice.
import IngotFormats
import IngotReport
import Testing

@Suite struct NameFoldingTests {
  private static func fold(_ names: [String], _ kinds: [Int]? = nil) -> [NameFolding.Group] {
    NameFolding.fold(names.count, name: { names[$0] }, kind: { kinds?[$0] ?? 0 })
  }

  /// A mixture of 16 experts in each of 12 layers.
  private static let experts: [String] = (0..<12).flatMap { (layer: Int) -> [String] in
    (0..<16).flatMap { (expert: Int) -> [String] in
      let stem = "m.layers.\(layer).mlp.experts.\(expert)"
      return ["\(stem).down_proj.weight", "\(stem).up_proj.weight"]
    }
  }

  @Test(arguments: [
    (experts, ["m.layers.{0…11}.mlp.experts.{0…15}.{up,down}_proj.weight"]),
    (["h.10.w", "h.2.w", "h.1.w", "h.11.w"], ["h.{1…2,10…11}.w"]),
    (["h.0.ln.bias", "h.0.ln.weight", "h.1.ln.bias", "h.1.ln.weight"], ["h.{0…1}.ln.{weight,bias}"]),
    (["a.0.x.5.y", "a.1.x.5.y", "a.1.x.6.y"], ["a.0.x.5.y", "a.1.x.{5…6}.y"]),
    (["wte.weight", "wpe.weight", "lone"], ["wte.weight", "wpe.weight", "lone"]),
    (["bert/layer_0/k", "bert/layer_1/k", "bert/layer_3/k"], ["bert/layer_{0…1,3}/k"]),
    (["h.01.w", "h.1.w", "h.2.w"], ["h.01.w", "h.{1…2}.w"]),
    (["7", "8"], ["{7…8}"]), (["a..0", "a..1"], ["a..{0…1}"]), ([], []),
  ])
  func `names fold in every number, in their order`(_ names: [String], _ folded: [String]) {
    #expect(Self.fold(names).map(\.name) == folded)
  }

  @Test func `what a line says is what its pattern matches, and each name stands in one line`() {
    var names: [String] = []
    for l in 0..<5 {
      for e in 0..<(l < 2 ? 1 : 4) { names += ["q", "k", "v"].map { "L.\(l).e.\(e).\($0)_proj.weight" } }
      names += ["L.\(l).norm", "L.\(l * l).other.\(l)"]
    }
    names += ["x.1000000000.y", "x.2.y.3", "plain"]
    let groups = Self.fold(names)
    #expect(groups.flatMap(\.members).sorted() == (0..<Int32(names.count)).map { $0 })
    for group in groups {
      let matched = names.indices.filter { Glob(group.name).matches(names[$0]) }.map { Int32($0) }
      #expect(matched == group.members.sorted(), "\(group.name)")
    }
    #expect(groups.count < 15)
  }

  @Test func `names of another kind stand apart, and long lists are cut`() {
    #expect(Self.fold(["h.0.w", "h.1.w", "h.2.w"], [0, 1, 0]).map(\.name) == ["h.{0,2}.w", "h.1.w"])
    let scattered = Self.fold((0..<400).map { "h.\($0 * $0).w" })
    #expect(scattered.map(\.name) == ["h.{0…1,4,9,16,25,36,…,159201}.w"])
    #expect(scattered[0].members.count == 400)
    let words = Self.fold((0..<500).map { "t.word\($0)x" })
    #expect(words.count == 1 && words[0].name.count < 120)
  }

  @Test func `what a terminal obeys is escaped`() {
    #expect(Self.fold(["a\u{1b}[31m.0.b", "a\u{1b}[31m.1.b"]).map(\.name) == ["a\\u{1b}[31m.{0…1}.b"])
  }

  @Test func `pairs of names fold by the numbers that both have`() {
    #expect(
      NameFolding.pattern(of: "blk.3.e.1", like: "h.3.x.1.w")
        == NameFolding.pattern(of: "blk.4.e.0", like: "h.4.y.0"))
    #expect(NameFolding.pattern(of: "blk.4.w", like: "h.3.w") == "blk.4.w")
  }
}
