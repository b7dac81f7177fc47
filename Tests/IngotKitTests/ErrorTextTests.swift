// SPDX-License-Identifier: Apache-2.0
// What errors say to users of the library: as the program prints it, but that options are properties there.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ErrorTextTests {
  @Test func `an error prints as a sentence whose options are properties`() {
    let errors: [(error: IngotError, text: String)] = [
      (
        .outputRefused(path: "out.npz", why: "exists", hint: .remedy(.overwrite)),
        "out.npz: exists; `force` replaces it"
      ),
      (
        .unrepresentable(
          tensor: "wte", target: "npz", why: "NumPy has no \(DType.bf16)",
          hint: "\(remedy: .cast(to: [])), \(remedy: .keepBits)"),
        "wte: can't be written as npz: NumPy has no BF16; `dtype` casts, `keepsUnknownBits` keeps the bits"
      ),
      (
        .unsuitable(
          Location("model", tensor: "lm_head\u{1B}"), why: "differs from \("wte")",
          hint: .remedy(.chooseHead)),
        "model: \"lm_head\\u{1b}\": differs from \"wte\"; `head: .tie` takes the token embedding for the head, "
          + "`head: .untie` the head that is stored"
      ),
      (
        .unsupported("a bare pickle; \(verb: .convert, .exclude) leaves it out", at: Location("a.pt")),
        "a.pt: a bare pickle; `convert` with `exclude` leaves it out"
      ),
      (
        .malformed(Rule(id: "ST-01"), at: Location("a", offset: 8), found: "\(1, "byte")", expected: "0"),
        "a: byte 8: 1 byte, expected 0 (ST-01)"
      ),
    ]
    for (error, text) in errors { #expect("\(error)" == text) }
  }

  @Test(arguments: Limit.allCases) func `a limit says what it counts`(_ limit: Limit) {
    let error = IngotError.limitExceeded(limit, at: Location("a"), asked: limit.value + 1)
    #expect(
      "\(error)".hasPrefix("a: has more than \(limit.value) ") && "\(error)".hasSuffix(", which is the limit")
    )
    #expect(!"\(error)".contains(limit.rawValue))
  }

  @Test func `a program sees what helps as values`() throws {
    let folder = try TemporaryFolder()
    let array = Fixture.path("golden/npy/dtype-u8.npy")
    func remedies(of output: String) -> [Remedy]? {
      do throws(IngotError) {
        _ = try Ingot.convert(array, to: folder.file(output))
        return nil
      } catch { return error.remedies }
    }
    #expect(remedies(of: "out.npz") == nil)
    #expect(remedies(of: "out.npz") == [.overwrite])
    #expect(remedies(of: "out.gguf") == [.leaveOut])
  }
}
