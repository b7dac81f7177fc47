// SPDX-License-Identifier: Apache-2.0
// Shapes of numbers from files: what overflows is none, whatever type the numbers come in.
import IngotCore
import Testing

@Suite struct ShapeTests {
  @Test func `a product that overflows is no shape, and zeros before it are one`() {
    #expect(Shape([.max, 2] as [Int]) == nil)
    #expect(Shape([.max, .max, 0] as [Int]) == nil)
    #expect(Shape([0, .max, .max] as [Int])?.elementCount == 0)
    #expect(Shape([UInt64.max]) == nil)
    #expect(Shape([UInt64(Int.max) + 1, 0]) == nil)
    #expect(Shape([-1] as [Int]) == nil)
    #expect(Shape([Int32(-1)]) == nil)
  }

  @Test func `dimensions of every type make the same shape`() {
    let shapes = [
      Shape([2, 3, 4] as [Int]), Shape([2, 3, 4] as [UInt64]), Shape([2, 3, 4] as [UInt8]),
      Shape([2, 3, 4][...]),
    ]
    for shape in shapes {
      #expect(shape?.dimensions == [2, 3, 4])
      #expect(shape?.elementCount == 24)
      #expect(shape?.rowElementCount == 12)
      #expect(shape?.description == "2,3,4")
    }
    #expect(Shape.scalar == Shape([] as [Int]))
    #expect(Shape.scalar.elementCount == 1 && Shape.scalar.rowElementCount == 1)
  }

  @Test func `elements narrower than a byte fill whole ones, or have no size`() {
    #expect((Shape([3, 2] as [Int]) ?? .scalar).byteCount(of: .f4) == 3)
    #expect((Shape([3] as [Int]) ?? .scalar).byteCount(of: .f4) == nil)
    #expect((Shape([.max / 2] as [Int]) ?? .scalar).byteCount(of: .f64) == nil)
  }
}
