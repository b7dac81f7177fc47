// SPDX-License-Identifier: Apache-2.0
// A comparison as text, as JSON and on a page: the three say the same of tensors under other names, of bits alone, of what the
// tolerance takes, and of two sides of one name.
import Foundation
import IngotReport
import IngotTestSupport
import Testing

@Suite struct DiffTextTests {
  private static func write(_ path: String, _ tensors: [(String, [Int], [Float])]) throws {
    _ = try Ingot.write(
      tensors.map { name, shape, values in try Tensor(name, shape: shape, values: values) }, to: path)
  }

  private static func json(_ report: DiffReport) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(JSONText.diff(report).utf8))
    return try #require(object as? [String: Any])
  }

  @Test func `tensors under other names are in no list of what one side lacks, on the page neither`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    try Self.write(paths.0, [("h.0.w", [1], [1]), ("h.1.w", [1], [2]), ("old", [2], [3, 4])])
    try Self.write(paths.1, [("blk.0.w", [1], [1]), ("blk.1.w", [1], [2]), ("new", [1, 2], [3, 4])])
    let report = try Ingot.diff(paths.0, paths.1)
    let lines = DiffText.lines(report, style: TextStyle())
    #expect(
      lines.last == "0 equal, 2 equal under other names, 0 changed, 1 only in the first, 1 only in the second"
    )
    let object = try Self.json(report)
    #expect(object["only_a"] as? [String] == ["old"] && object["only_b"] as? [String] == ["new"])
    #expect(object["renamed"] as? [[String]] == [["h.0.w", "blk.0.w"], ["h.1.w", "blk.1.w"]])
    let page = ModelPage.html(try Ingot.report(paths.1, against: paths.0))
    #expect(
      page.contains(
        "0 tensors equal, 2 equal under other names, 0 changed, 1 in the original alone, 1 in this one alone."
      ))
    #expect(page.contains("<code>h.{0…1}.w → blk.{0…1}.w  × 2</code>"))
  }

  @Test func `a page has the place of a difference, and folds tensors that changed alike`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    try Self.write(paths.0, [("h.0.w", [1, 2], [1, 2]), ("h.1.w", [1, 2], [1, 2])])
    try Self.write(paths.1, [("h.0.w", [1, 2], [1, 3]), ("h.1.w", [1, 2], [9, 2])])
    let page = ModelPage.html(try Ingot.report(paths.1, against: paths.0))
    let row =
      "<th scope=row>h.<wbr><span class=nb>{0…1}.</span><wbr>w <span class=times>× 2</span><td>F32<td>1 × 2"
    #expect(page.contains(row + "<td class=n>8.0e+00<td>[0, 0] of 1<td class=n>"))
  }

  @Test func `bits alone are named, and what the tolerance takes among what it does not`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    try Self.write(paths.0, [("zero", [2], [1, 0]), ("near", [1], [1]), ("far", [1], [1])])
    try Self.write(paths.1, [("zero", [2], [1, -0.0]), ("near", [1], [1.5]), ("far", [1], [9])])
    let plain = try Ingot.diff(paths.0, paths.1)
    let row = try #require(DiffText.lines(plain, style: TextStyle()).first { $0.hasPrefix("zero") })
    #expect(row.contains("[1]") && row.hasSuffix("the same numbers in other bits"))
    let changes = try #require(try Self.json(plain)["changed"] as? [[String: Any]])
    let alone = changes.filter { $0["bits_only"] as? Bool == true }
    #expect(changes.count == 3 && alone.map { $0["name"] as? String } == ["zero"])
    #expect(alone.first?["first_at"] as? [Int] == [1])
    var options = DiffOptions()
    options.tolerance = 1
    let lines = DiffText.lines(try Ingot.diff(paths.0, paths.1, options: options), style: TextStyle())
    #expect(lines.first { $0.hasPrefix("near") }?.hasSuffix("within the tolerance") == true)
    #expect(lines.first { $0.hasPrefix("far") }?.contains("tolerance") == false)
    #expect(lines.last?.contains("3 changed (2 of them within the tolerance)") == true)
  }

  @Test func `two sides of one name are told apart by their files, or as the first and the second`() throws {
    let folder = try TemporaryFolder()
    try Self.write(folder.file("a.safetensors"), [("x", [1], [1])])
    try Self.write(folder.file("b.safetensors"), [("y", [1], [2])])
    var options = DiffOptions()
    options.reading.fileName = "a.safetensors"
    options.secondFileName = "b.safetensors"
    let report = try Ingot.diff(folder.path, folder.path + "/", options: options)
    let named = DiffText.lines(report, files: ("a.safetensors", "b.safetensors"), style: TextStyle())
    #expect(named[0] == "only in \(folder.path)/a.safetensors  x")
    #expect(named[1] == "only in \(folder.path)/b.safetensors  y")
    let one = DiffText.lines(report, files: (nil, "b.safetensors"), style: TextStyle())
    #expect(one[0] == "only in \(folder.path)  x" && one[1] == named[1])
    let alike = DiffText.lines(report, style: TextStyle())
    #expect(alike.prefix(2) == ["only in the first  x", "only in the second  y"])
  }

  @Test func `a narrow terminal keeps the shapes where they differ`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    let zeros = [Float](repeating: 0, count: 128 * 384)
    try Self.write(paths.0, [("transformer.h.0.attn.c_attn.weight", [128, 384], zeros)])
    try Self.write(paths.1, [("transformer.h.0.attn.c_attn.weight", [384, 128], zeros)])
    let lines = DiffText.lines(try Ingot.diff(paths.0, paths.1), style: TextStyle(columns: 60))
    #expect(lines.contains { $0.hasSuffix("128 × 384 → 384 × 128") })
  }
}
