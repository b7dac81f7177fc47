// SPDX-License-Identifier: Apache-2.0
// Numbers for people: bytes and counts in powers of ten with one decimal, small reals in short form.

/// Numbers as people read them.
///
/// Exact ones are in the JSON.
package enum Quantity {
  /// Bytes: `154.4 MB`.
  package static func bytes(_ count: Int) -> String {
    scaled(Double(count), units: ["B", "kB", "MB", "GB", "TB", "PB"], exact: String(count))
  }

  /// A count: `124.4 M`.
  package static func count(_ count: Int) -> String {
    scaled(Double(count), units: ["", "k", "M", "G", "T"], exact: String(count))
  }

  private static func scaled(_ value: Double, units: [String], exact: String) -> String {
    var value = value
    var unit = 0
    // 999.95 and more would be written 1000.0.
    while value >= 999.95, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let digits = unit == 0 ? exact : fixed(value, decimals: 1)
    return units[unit].isEmpty ? digits : "\(digits) \(units[unit])"
  }

  /// A number with so many decimals: `fixed(3.14159, decimals: 2)` is `3.14`.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return nonFinite(value) }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let whole = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - whole.count)) + whole
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + padded }
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  /// A small real: `2.4e-07`, `0.0121`, `0`.
  package static func real(_ value: Double) -> String {
    guard value.isFinite else { return nonFinite(value) }
    guard value != 0 else { return "0" }
    if value.magnitude >= 0.001, value.magnitude < 100_000 {
      let decimals = value.magnitude >= 100 ? 1 : value.magnitude >= 1 ? 3 : 4
      return fixed(value, decimals: decimals)
    }
    return scientific(value)
  }

  /// A real with an exponent and one decimal: `2.4e-07`.
  package static func scientific(_ value: Double) -> String {
    guard value.isFinite else { return nonFinite(value) }
    guard value != 0 else { return "0" }
    var mantissa = value.magnitude
    var exponent = 0
    while mantissa >= 10 {
      mantissa /= 10
      exponent += 1
    }
    while mantissa < 1 {
      mantissa *= 10
      exponent -= 1
    }
    if mantissa >= 9.95 {
      mantissa /= 10
      exponent += 1
    }
    let digits = String(exponent.magnitude)
    let sign = value < 0 ? "-" : ""
    return sign + fixed(mantissa, decimals: 1) + "e" + (exponent < 0 ? "-" : "+")
      + String(repeating: "0", count: max(0, 2 - digits.count)) + digits
  }

  /// A share: `99.8 %`.
  package static func percent(_ share: Double) -> String {
    guard share.isFinite else { return nonFinite(share) }
    return share == 1 ? "100 %" : fixed(share * 100, decimals: 1) + " %"
  }

  /// A real with all its digits, and what is none as everywhere: `0.00012345`, `NaN`, `Infinity`.
  package static func exact(_ value: Double) -> String {
    value.isFinite ? "\(value)" : nonFinite(value)
  }

  private static func nonFinite(_ value: Double) -> String {
    value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
  }
}
