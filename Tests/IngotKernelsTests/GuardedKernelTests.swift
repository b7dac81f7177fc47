// SPDX-License-Identifier: Apache-2.0
// Every C function that takes a pointer and a count, at every CPU level of this machine, on buffers at whose ends a page
// without access begins.
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct GuardedKernelTests {
  @Test(arguments: GuardedKernel.all, CPUFeatures.current.available)
  func `touches no byte outside its buffers`(_ kernel: GuardedKernel, level: CPULevel) {
    for side in GuardedMemory.Side.allCases {
      let buffers = GuardedBuffers(side)
      withExtendedLifetime(buffers) { kernel.run(level, buffers) }
    }
  }

  /// Functions without a buffer of the caller's: they give memory, or ask and tell the system.
  private static let withoutBuffers: Set<String> = [
    "ingot_memory_free", "ingot_cpu_level", "ingot_cpu_has_narrow_dots", "ingot_cpu_request", "ingot_log10",
    "ingot_log", "ingot_exp", "ingot_pool_create", "ingot_pool_destroy", "ingot_pool_run",
    "ingot_processor_count",
    "ingot_crc32_level", "ingot_copy_file_range", "ingot_allocate", "ingot_memory_free_space",
    "ingot_rename_no_replace", "ingot_rename_exchange", "ingot_install_mapping_fault_handler",
    "ingot_register_mapping", "ingot_unregister_mapping", "ingot_install_interrupt_handler",
    "ingot_interrupted", "ingot_hold_interrupts", "ingot_release_interrupts", "ingot_take_over_attributes",
    "ingot_terminal_columns", "ingot_chunk_function", "ingot_return_freed_memory",
    "ingot_cancellation_create", "ingot_cancellation_free", "ingot_cancel", "ingot_watch", "ingot_watched",
    "ingot_is_cancelled", "ingot_is_mount_point", "ingot_tell_mapping_faults",
  ]

  @Test func `no function of the headers is left out`() throws {
    var names = Set<String>()
    for folder in ["Sources/CIngotKernels/include", "Sources/CIngotBytes/include"] {
      for path in Fixture.files(under: folder, suffix: ".h") {
        let code = try Fixture.packageText(path).replacing(/\/\*(?s:.*?)\*\/|\/\/[^\n]*/, with: "")
        for match in code.matches(of: /\b(ingot_\w+)\(/) { names.insert(String(match.1)) }
        guard let structure = code.firstMatch(of: /\} (ingot_\w+_kernels);/) else { continue }
        for match in code.matches(of: /INGOT_KERNEL\((\w+)\)/) { names.insert("\(structure.1).\(match.1)") }
      }
    }
    #expect(names == Self.withoutBuffers.union(GuardedKernel.all.map(\.name)))
  }

  @Test func `a planted byte too far ends the process`() async {
    await #expect(processExitsWith: .failure) { plantByte(beside: .behind, at: 5) }
    await #expect(processExitsWith: .failure) { plantByte(beside: .front, at: -1) }
  }

  @Test func `bytes up to the guard can be used`() {
    for side in GuardedMemory.Side.allCases {
      for count in [0, 1, 4095, 4096, 4097] {
        #expect(
          GuardedMemory([UInt8](repeating: 9, count: count), side: side).freeze().bytes.allSatisfy { $0 == 9 }
        )
      }
    }
  }
}

/// Writes one byte outside of five.
private func plantByte(beside side: GuardedMemory.Side, at offset: Int) {
  let memory = GuardedMemory(byteCount: 5, side: side)
  withExtendedLifetime(memory) { memory.start.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self) }
}
