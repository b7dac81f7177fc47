// SPDX-License-Identifier: Apache-2.0
// Other people's implementations in Python, which say whether ours are right. A test that needs them fails without.
import Foundation

/// The Python that has numpy and safetensors.
package enum PythonPeer {
  /// Why a peer gave no answer.
  package enum Failure: Error, CustomStringConvertible {
    case notSetUp
    case failed(command: String, exitCode: Int32?, standardError: String)

    package var description: String {
      switch self {
      case .notSetUp:
        """
        INGOT_PEERS_PYTHON is not set: run the tests by `make test`, or first \
        `export INGOT_PEERS_PYTHON=$(Scripts/make-peers light)`
        """
      case .failed(let command, let exitCode, let standardError):
        "\(command) ended with \(exitCode.map(String.init) ?? "a signal"): \(standardError)"
      }
    }
  }

  /// The interpreter's path.
  package static func interpreter() throws -> String {
    guard let path = ProcessInfo.processInfo.environment["INGOT_PEERS_PYTHON"], !path.isEmpty else {
      throw Failure.notSetUp
    }
    return path
  }

  /// Runs a script of the package.
  ///
  /// - Parameters:
  ///   - script: its path below the package's root, such as `Scripts/peers/read_back.py`.
  ///   - arguments: what follows it.
  ///   - input: what it reads on standard input.
  /// - Returns: what it printed.
  /// - Throws: ``Failure`` when there is no interpreter, or when the script ends with anything but 0.
  @discardableResult
  package static func run(
    _ script: String, _ arguments: [String] = [], input: [UInt8] = []
  ) throws -> ProcessResult {
    try execute([Fixture.packagePath(script)] + arguments, input)
  }

  /// Runs a few lines of Python; `arguments` are `sys.argv[1:]`.
  ///
  /// - Throws: as ``run(_:_:input:)``.
  @discardableResult
  package static func run(
    code: String, _ arguments: [String] = [], input: [UInt8] = []
  ) throws -> ProcessResult {
    try execute(["-c", code] + arguments, input)
  }

  /// Python that defines `save(path, tensors)`, for lines that follow it: a safetensors file of numpy's and ml_dtypes' arrays,
  /// as they are.
  package static let safetensorsWriter = """
    import json
    import numpy as np, ml_dtypes
    CODES = {np.dtype(t): code for t, code in (
        (np.float32, "F32"), (np.float16, "F16"), (np.int8, "I8"), (np.uint8, "U8"), (np.int32, "I32"),
        (np.uint32, "U32"), (ml_dtypes.bfloat16, "BF16"), (ml_dtypes.float8_e4m3fn, "F8_E4M3"),
        (ml_dtypes.float8_e5m2, "F8_E5M2"), (ml_dtypes.float8_e8m0fnu, "F8_E8M0"))}

    def save(path, tensors):
        head, data = {}, b""
        for name, array in tensors.items():
            raw = np.ascontiguousarray(array).tobytes()
            head[name] = {"dtype": CODES[array.dtype], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        head = json.dumps(head).encode()
        head += b" " * (-len(head) % 8)
        open(path, "wb").write(len(head).to_bytes(8, "little") + head + data)

    """

  private static func execute(_ arguments: [String], _ input: [UInt8]) throws -> ProcessResult {
    var process = ChildProcess(try interpreter(), arguments)
    process.input = input
    process.timeoutSeconds = 600
    process.environment = ["PYTHONDONTWRITEBYTECODE": "1"]
    let result = try process.run()
    guard result.exitCode == 0 else {
      throw Failure.failed(
        command: result.command, exitCode: result.exitCode, standardError: result.standardError)
    }
    return result
  }
}
