// SPDX-License-Identifier: Apache-2.0
// Conversions against numpy's and ml_dtypes' results (fixtures/kernels/casts), against the plain twins, and by contract.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct ElementConversionTests {
  static let levels = CPUFeatures.current.available.map(KernelTable.init)
  static let floats: [DType] = [.f64, .f32, .f16, .bf16, .f8E4M3, .f8E5M2]
  static let narrow: [DType] = [.f16, .bf16, .f8E4M3, .f8E5M2]

  static let castFixtures: [(source: DType, target: DType)] =
    floats.flatMap { source in
      narrow.filter { $0 != source }.map { (source, $0) }
    } + [(.f64, .f32)]

  @Test(arguments: castFixtures, levels)
  func `rounds as numpy and ml_dtypes do`(pair: (source: DType, target: DType), kernels: KernelTable) throws {
    let bytes = try Fixture.bytes("kernels/casts/\(pair.source.rawValue)-\(pair.target.rawValue).bin")
    let sourceWidth = pair.source.bitWidth / 8
    let count = bytes.count / (sourceWidth + pair.target.bitWidth / 8)
    let input = Array(bytes[..<(count * sourceWidth)])
    let expected = Array(bytes[(count * sourceWidth)...])
    let conversion = try #require(
      ElementConversion(from: pair.source, to: pair.target, onOverflow: .infinity, kernels: kernels))
    let (output, _) = convert(input, count: count, by: conversion)
    for index in 0..<count {
      let got = decode(output, index, pair.target)
      let wanted = decode(expected, index, pair.target)
      let same = got.isNaN ? wanted.isNaN : got == wanted && got.sign == wanted.sign
      #expect(
        same, "element \(index): \(decode(input, index, pair.source)) became \(got), expected \(wanted)")
    }
  }

  @Test(arguments: narrow, levels)
  func `rounds a million random floats as the plain twin does`(target: DType, kernels: KernelTable) throws {
    var random = SeededRandom(seed: 7)
    let values = (0..<1_000_003).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
    let input = values.withUnsafeBytes { Array($0) }
    let conversion = try #require(
      ElementConversion(from: .f32, to: target, onOverflow: .infinity, kernels: kernels))
    let (output, report) = convert(input, count: values.count, by: conversion)
    let format = SmallFloatFormat.format(of: target)
    var differing = 0
    var expected = CastReport()
    for (index, value) in values.enumerated() where !value.isNaN {
      let code = ReferenceKernels.encode(Double(value), format: format)
      let got = target.bitWidth == 16 ? UInt32(load(output, index, UInt16.self)) : UInt32(output[index])
      if code != got { differing += 1 }
      expected.note(value: Double(value), code: code, format: format)
    }
    #expect(differing == 0)
    #expect(report == expected)
  }

  @Test(arguments: narrow, levels)
  func `widens every code exactly`(source: DType, kernels: KernelTable) throws {
    let count = 1 << source.bitWidth
    let input: [UInt8] =
      source.bitWidth == 8
      ? (0..<count).map { UInt8($0) } : (0..<count).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    for target in [DType.f32, .f64] {
      let conversion = try #require(ElementConversion(from: source, to: target, kernels: kernels))
      let (output, report) = convert(input, count: count, by: conversion)
      let format = SmallFloatFormat.format(of: source)
      let differing = (0..<count).filter { code in
        let got = decode(output, code, target)
        let expected = ReferenceKernels.decode(bits: UInt32(code), format: format)
        return expected.isNaN ? !got.isNaN : got != expected || got.sign != expected.sign
      }
      #expect(differing.isEmpty)
      #expect(report == CastReport())
    }
  }

  @Test(arguments: levels) func `F8_E8M0 is powers of two`(kernels: KernelTable) throws {
    let conversion = try #require(ElementConversion(from: .f8E8M0, to: .f32, kernels: kernels))
    let (output, _) = convert((0...255).map { UInt8($0) }, count: 256, by: conversion)
    let peer = try PythonPeer.run(
      code: """
        import sys, numpy as np, ml_dtypes
        codes = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu)
        sys.stdout.buffer.write(codes.astype("<f4").tobytes())
        """
    ).outputBytes
    for code in 0..<255 { #expect(decode(output, code, .f32) == decode(peer, code, .f32)) }
    #expect(decode(output, 255, .f32).isNaN && decode(peer, 255, .f32).isNaN)
  }

  @Test(arguments: narrow, levels)
  func `narrowing gives back every code that was widened`(dtype: DType, kernels: KernelTable) throws {
    let count = 1 << dtype.bitWidth
    let input: [UInt8] =
      dtype.bitWidth == 8
      ? (0..<count).map { UInt8($0) } : (0..<count).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    for middle in [DType.f32, .f64] {
      let up = try #require(ElementConversion(from: dtype, to: middle, kernels: kernels))
      let down = try #require(ElementConversion(from: middle, to: dtype, kernels: kernels))
      let (wide, _) = convert(input, count: count, by: up)
      let (back, report) = convert(wide, count: count, by: down)
      let format = SmallFloatFormat.format(of: dtype)
      let differing = (0..<count).filter { code in
        let isNaN = ReferenceKernels.decode(bits: UInt32(code), format: format).isNaN
        return isNaN
          ? !decode(back, code, dtype).isNaN
          : (0..<dtype.bitWidth / 8).contains {
            back[code * dtype.bitWidth / 8 + $0] != input[code * dtype.bitWidth / 8 + $0]
          }
      }
      #expect(differing.isEmpty)
      #expect(report == CastReport())
    }
  }

  @Test(arguments: levels) func `counts overflows and names the largest`(kernels: KernelTable) throws {
    let values: [Double] = [1, 65519.99, 65520, -70000, .infinity, -.infinity, .nan, 1e300, 65504]
    let input = values.withUnsafeBytes { Array($0) }
    for (policy, largest) in [
      (OverflowPolicy.saturate, 65504.0), (.infinity, .infinity), (.refuse, .infinity),
    ] {
      let conversion = try #require(
        ElementConversion(from: .f64, to: .f16, onOverflow: policy, kernels: kernels))
      let (output, report) = convert(input, count: values.count, by: conversion)
      let decoded = (0..<values.count).map { decode(output, $0, .f16) }
      #expect(Array(decoded[..<6]) == [1, 65504, largest, -largest, .infinity, -.infinity])
      #expect(decoded[6].isNaN)
      #expect(Array(decoded[7...]) == [largest, 65504])
      #expect(report.overflowCount == 3)
      #expect(report.largestOverflow == 1e300)
      #expect(report.inexactCount == 4)
    }
  }

  @Test(arguments: levels) func `counts what single precision cannot hold of double`(kernels: KernelTable)
    throws
  {
    let most = Double(Float.greatestFiniteMagnitude)
    // Half a unit beyond the largest is rounded to what is even, which is infinite.
    let values: [Double] = [1, 1e39, -1e300, .infinity, .nan, most, 0x1.ffffffp127, 0x1.fffffefp127]
    let input = values.withUnsafeBytes { Array($0) }
    for (policy, largest) in [(OverflowPolicy.saturate, most), (.infinity, .infinity)] {
      let conversion = try #require(
        ElementConversion(from: .f64, to: .f32, onOverflow: policy, kernels: kernels))
      let (output, report) = convert(input, count: values.count, by: conversion)
      let decoded = (0..<values.count).map { decode(output, $0, .f32) }
      #expect(Array(decoded[..<4]) == [1, largest, -largest, .infinity])
      #expect(decoded[4].isNaN && Array(decoded[5...]) == [most, largest, most])
      #expect(report.overflowCount == 3)
      #expect(report.largestOverflow == 1e300)
      #expect(report.inexactCount == 4)
    }
  }

  @Test(arguments: levels) func `counts infinities that F8_E4M3 cannot hold`(kernels: KernelTable) throws {
    let values: [Float] = [.infinity, 448, 464, 464.0001, -.infinity, -500]
    let input = values.withUnsafeBytes { Array($0) }
    let conversion = try #require(
      ElementConversion(from: .f32, to: .f8E4M3, onOverflow: .saturate, kernels: kernels))
    let (output, report) = convert(input, count: values.count, by: conversion)
    #expect(output == [0x7f, 0x7e, 0x7e, 0x7e, 0xff, 0xfe])
    #expect(report.overflowCount == 2)
    #expect(report.largestOverflow == 500)
    #expect(report.lostInfinityCount == 2)
    #expect(report.inexactCount == 5)
  }

  @Test(arguments: [0, 1, 2, 7, 15, 16, 17, 31, 33, 2047, 2048, 2049, 4099], levels)
  func `converts any count at any alignment, and not one element more`(count: Int, kernels: KernelTable)
    throws
  {
    for source in Self.floats {
      for target in Self.floats {
        let conversion = try #require(ElementConversion(from: source, to: target, kernels: kernels))
        let sourceWidth = source.bitWidth / 8
        let targetWidth = target.bitWidth / 8
        // Bytes below 0x38 make small finite values in every format; one byte of offset breaks alignment.
        let input = (0..<(count * sourceWidth + 1)).map { UInt8($0 % 0x37) }
        var output = [UInt8](repeating: 0xa5, count: count * targetWidth + 2)
        input.withUnsafeBytes { from in
          output.withUnsafeMutableBytes { to in
            if let from = from.baseAddress, let to = to.baseAddress {
              _ = conversion.convert(count: count, from: from + 1, to: to + 1)
            }
          }
        }
        #expect(output.first == 0xa5 && output.last == 0xa5)
        let (aligned, _) = convert(Array(input[1...]), count: count, by: conversion)
        #expect(Array(output[1..<(1 + count * targetWidth)]) == aligned)
      }
    }
  }

  @Test(arguments: DType.allCases)
  func `what a hint says of a floating-point type is so`(_ dtype: DType) {
    let isConverted = [.f32, .f16, .f8E5M2].allSatisfy { ElementConversion(from: dtype, to: $0) != nil }
    #expect(dtype.isCast == (dtype.isFloating && isConverted))
  }

  @Test func `there is no conversion from or to types that need a scale`() {
    #expect(ElementConversion(from: .f32, to: .i8) == nil)
    #expect(ElementConversion(from: .f32, to: .f8E8M0) == nil)
    #expect(ElementConversion(from: .c64, to: .f32) == nil)
    #expect(ElementConversion(from: .i8, to: .f16) == nil)
    #expect(ElementConversion(from: .i64, to: .i64) == nil)
  }
}

private func convert(_ input: [UInt8], count: Int, by conversion: ElementConversion) -> ([UInt8], CastReport)
{
  var output = [UInt8](repeating: 0, count: count * conversion.target.bitWidth / 8)
  var report = CastReport()
  input.withUnsafeBytes { from in
    output.withUnsafeMutableBytes { to in
      if let from = from.baseAddress, let to = to.baseAddress {
        report = conversion.convert(count: count, from: from, to: to)
      }
    }
  }
  return (output, report)
}

private func load<T: BitwiseCopyable>(_ bytes: [UInt8], _ index: Int, _ type: T.Type) -> T {
  bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: type) }
}

private func decode(_ bytes: [UInt8], _ index: Int, _ dtype: DType) -> Double {
  bytes.withUnsafeBytes { buffer in
    buffer.baseAddress.map { ReferenceKernels.decode($0, at: index, as: dtype) } ?? .nan
  }
}

extension SmallFloatFormat {
  fileprivate static func format(of dtype: DType) -> SmallFloatFormat {
    switch dtype {
    case .f16: .f16
    case .bf16: .bf16
    case .f8E4M3: .f8E4M3
    default: .f8E5M2
    }
  }
}

extension CastReport {
  /// Adds what one element's conversion to `code` loses.
  fileprivate mutating func note(value: Double, code: UInt32, format: SmallFloatFormat) {
    let result = ReferenceKernels.decode(bits: code, format: format)
    if result == value { return }
    inexactCount += 1
    if value.isInfinite {
      lostInfinityCount += 1
    } else if !result.isFinite {
      overflowCount += 1
      largestOverflow = max(largestOverflow, value.magnitude)
    }
  }
}
