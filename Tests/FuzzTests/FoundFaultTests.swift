// SPDX-License-Identifier: Apache-2.0
// What the fuzzer brought to light, each as the rule that it broke.
import Foundation
import IngotEncodings
import IngotKit
import IngotTestSupport
import Testing

@Suite struct FoundFaultTests {
  /// Python's json gives -0.0 for `-0.0`; of `-0` it makes an integer, in which the sign is lost: ours keeps it.
  @Test(arguments: ["-0", "-0.0", "-0e5", "0", "-1", "18446744073709551615", "-9223372036854775808"])
  func `a number of JSON is the same after it was written`(_ text: String) throws {
    let document = try JSONDocument.object(Array(#"{"n":\#(text)}"#.utf8))
    let again = try JSONDocument.object(Array(JSONWriter.text(document).utf8))
    #expect(again == document)
    guard case .float64(let real)? = document["n"] else { return }
    #expect(real.sign == .minus && real == 0)
  }

  /// An .npy file has no name for its tensor but its own.
  @Test(arguments: ["renamed.npy", "upper.NPY", "two.dots.npy"])
  func `an .npy file under another name is read back and equal`(_ name: String) throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.check = true
    let input = try folder.copy(Fixture.path("golden/npy/big-endian-scalar.npy"), as: "f.npy")
    let report = try Conversion(input, to: folder.file(name), options: options).run()
    #expect(report.wasChecked)
    try PythonPeer.run(
      code: "import sys, numpy; a, b = map(numpy.load, sys.argv[1:]); assert a == b and b.dtype == '<f8'",
      [Fixture.path("golden/npy/big-endian-scalar.npy"), folder.file(name)])
  }
}
