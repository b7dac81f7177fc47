// SPDX-License-Identifier: Apache-2.0
// `ByteFallback`: a token such as `<0x61>` is that byte. Bytes that make no character stay as they are, where
// huggingface/tokenizers puts U+FFFD for each.

/// Turns tokens of bytes into those bytes.
package struct ByteFallbackDecoder: TokenDecoder {
  /// Makes the decoder.
  package init() {}

  package func makeStage() -> any DecoderStage { Stage() }

  private struct Stage: DecoderStage {
    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      guard fragment.isWhole, let byte = ByteToken.byte(of: fragment.bytes) else {
        output.append(fragment)
        return
      }
      output.append(TextFragment([byte]))
    }
  }
}

/// Tokens of single bytes, as SentencePiece spells them.
enum ByteToken {
  /// The byte that a token such as `<0x0A>` is.
  static func byte(of token: some Collection<UInt8>) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token.dropFirst(5).first == UInt8(ascii: ">")
    else {
      return nil
    }
    var value: UInt8 = 0
    for digit in token.dropFirst(3).prefix(2) {
      guard let number = Unicode.Scalar(digit).properties.isASCIIHexDigit ? hexValue(digit) : nil else {
        return nil
      }
      value = value << 4 | number
    }
    return value
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  /// The token of a byte.
  static func text(of byte: UInt8) -> String {
    let digits = Array("0123456789ABCDEF")
    return "<0x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])>"
  }
}
