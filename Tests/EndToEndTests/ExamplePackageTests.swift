// SPDX-License-Identifier: Apache-2.0
// The package in Examples, built by `make build-examples`, run as its reader would.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ExamplePackageTests {
  @Test func `the example does what it shows`() throws {
    let program = Fixture.packagePath(".build/examples/debug/Example")
    #expect(
      FileManager.default.isExecutableFile(atPath: program), "build it first, by `make build-examples`")
    let folder = try TemporaryFolder()
    let process = ChildProcess(program, [Fixture.path("kjv-gpt2/model.safetensors"), folder.path])
    let result = try process.run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    let lines = result.standardOutput.split(separator: "\n")
    #expect(lines.first == "safetensors: 52 tensors")
    #expect(folder.entries().sorted() == ["half.npz", "scaled.safetensors"])
    let read = try PythonPeer.run(
      code: """
        import sys, numpy
        from safetensors.numpy import load_file
        source, folder = sys.argv[1:]
        weights = load_file(source)
        (name, scaled), = load_file(folder + "/scaled.safetensors").items()
        largest = numpy.abs(weights[name]).max()
        assert numpy.array_equal(scaled, weights[name] / largest)
        half = numpy.load(folder + "/half.npz")
        assert set(half.files) == set(weights)
        assert all(numpy.array_equal(half[name], weights[name].astype("float16")) for name in weights)
        print(name, numpy.float32(largest))
        """, [Fixture.path("kjv-gpt2/model.safetensors"), folder.path])
    let words = read.standardOutput.split(whereSeparator: \.isWhitespace)
    #expect(lines[1].hasPrefix("\(words[0]) ") && lines[1].hasSuffix(" \(words[1])"))
  }
}
