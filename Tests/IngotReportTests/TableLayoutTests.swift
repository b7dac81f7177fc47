// SPDX-License-Identifier: Apache-2.0
// Tables on terminals of every width: what is asked for stays, and colour does not move columns.
import IngotReport
import Testing

@Suite struct TableLayoutTests {
  private static func table(dispensable: [Int]? = nil) -> TableLayout {
    var table = TableLayout(
      [("name", .left), ("dtype", .left), ("shape", .left), ("mean", .right)], dispensable: dispensable)
    table.add(["wte", "F32", "8 × 4", "0.5"])
    table.add(["h.0.bias", "BF16", "", "-1.25"], marks: [3: .error])
    return table
  }

  @Test func `columns are aligned, and no line ends in spaces`() {
    #expect(
      Self.table().lines(TextStyle()) == [
        "name      dtype  shape   mean", "wte       F32    8 × 4    0.5", "h.0.bias  BF16          -1.25",
      ])
  }

  @Test func `two spaces are between columns, whichever way they are aligned`() {
    var table = TableLayout([("n", .right), ("bytes", .right), ("name", .left)])
    table.add(["1", "12345", "wte"])
    table.add(["10", "8", "wpe"])
    #expect(table.lines(TextStyle()) == [" n  bytes  name", " 1  12345  wte", "10      8  wpe"])
  }

  @Test func `a narrow terminal loses the last columns, but never the first two, and says which`() {
    let lines = Self.table().lines(TextStyle(columns: 24))
    #expect(lines[0] == "name      dtype  shape")
    #expect(lines.last == "(1 column hidden: mean)")
    let narrow = Self.table().lines(TextStyle(columns: 3))
    #expect(narrow[0] == "name      dtype")
    #expect(narrow.last == "(2 columns hidden: shape, mean)")
  }

  @Test func `only columns that can be spared go, in the order given`() {
    let table = Self.table(dispensable: [2, 1])
    #expect(table.lines(TextStyle(columns: 24))[1] == "wte       F32      0.5")
    #expect(table.lines(TextStyle(columns: 3))[1] == "wte         0.5")
  }

  @Test(arguments: [20, 30, 40, 60, 80])
  func `names are shortened before columns go, and no line is wider than the terminal`(_ columns: Int) {
    let name = "model.layers.{0…11}.mlp.experts.{0…15}.up_proj.weight"
    var table = TableLayout([("name", .left), ("dtype", .left), ("shape", .left), ("bytes", .right)])
    table.add([name, "F32", "768 × 2304", "7.1 MB"])
    table.add(["wte", "BF16", "4", "8 B"])
    let lines = table.lines(TextStyle(columns: columns))
    #expect(lines.allSatisfy { $0.count <= max(columns, 36) }, "\(lines)")
    #expect(lines[1].hasPrefix("model.") || columns < 40)
    #expect(lines[1].contains("weight  F32") || columns < 30, "\(lines)")
    #expect(lines.joined().contains("hidden") == (columns < 60), "\(lines)")
  }

  @Test func `a marked cell stands out and keeps its place`() {
    let plain = Self.table().lines(TextStyle())[2]
    let marked = Self.table().lines(TextStyle(usesColor: true))[2]
    #expect(marked == plain.replacing("-1.25", with: "\u{1B}[31m-1.25\u{1B}[0m"))
  }
}
