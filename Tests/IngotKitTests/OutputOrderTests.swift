// SPDX-License-Identifier: Apache-2.0
// What the system is asked for when an output gets its name, and in which order: flushed before, the folder flushed behind,
// and never over what another run has made.
import Foundation
import IngotBytes
import IngotKit
import IngotTestSupport
import Testing

@Suite struct OutputOrderTests {
  /// The steps that make an output appear; what is written before, and what is removed behind, is left out.
  private func steps(_ system: RecordingSystem) -> [String] {
    system.lines.filter { line in
      ["flush", "rename", "rename-new", "exchange"].contains(line.prefix { $0 != " " })
    }
  }

  /// Four tensors with metadata.
  private static func source(in folder: TemporaryFolder) throws -> String {
    let path = folder.file("in.safetensors")
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        save_file({n: np.arange(6, dtype=np.float32) for n in "abcd"}, sys.argv[1], {"made": "here"})
        """, [path])
    return path
  }

  private func convert(
    _ folder: TemporaryFolder, to name: String, _ change: (inout ConvertOptions) -> Void = { _ in }
  ) throws -> RecordingSystem {
    let system = RecordingSystem(in: folder.path)
    var options = ConvertOptions()
    options.work.system = system
    change(&options)
    _ = try Conversion(folder.file("in.safetensors"), to: folder.file(name), options: options).run()
    return system
  }

  @Test(arguments: ["out.safetensors", "out.npz", "out.ingot", "out.pt"], [false, true])
  func `a file is flushed, renamed, and its folder flushed`(name: String, force: Bool) throws {
    let folder = try TemporaryFolder()
    _ = try Self.source(in: folder)
    if force { try folder.write("old", to: name) }
    let system = try convert(folder, to: name) { options in
      options.force = force
      options.keepsUnknownBits = name == "out.npz"
    }
    let rename = force ? "rename" : "rename-new"
    #expect(steps(system) == ["flush PARTIAL/\(name)", "\(rename) PARTIAL/\(name) \(name)", "flush ."])
    // Locked before anything is in it; written only before it is flushed.
    let lines = system.lines
    #expect(lines.first == "lock PARTIAL")
    #expect(
      lines.lastIndex(of: "write PARTIAL/\(name)").map {
        $0 < lines.firstIndex(of: "flush PARTIAL/\(name)") ?? 0
      } == true)
    #expect(folder.entries() == ["in.safetensors", name])
  }

  @Test func `a set's files and folder are flushed, then it gets its name`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.source(in: folder)
    let fresh = try convert(folder, to: "out/") { $0.shardByteLimit = 16 }
    let files = folder.entries().filter { $0.hasPrefix("out/") }.map { "flush PARTIAL/\($0)" }
    #expect(files.count > 2)
    let steps = steps(fresh)
    #expect(Set(steps.prefix(files.count)) == Set(files))
    #expect(steps.dropFirst(files.count) == ["flush PARTIAL/out", "rename-new PARTIAL/out out", "flush ."])

    let again = try convert(folder, to: "out/") {
      $0.shardByteLimit = 16
      $0.force = true
    }
    #expect(
      self.steps(again).dropFirst(files.count)
        == ["flush PARTIAL/out", "exchange PARTIAL/out out", "rename PARTIAL OLD", "flush ."])

    // An empty folder is no set: it gives way without --force, and nothing that has come into it meanwhile does.
    try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: false)
    let empty = try convert(folder, to: "empty") { $0.shardByteLimit = 16 }
    #expect(
      self.steps(empty).dropFirst(files.count)
        == ["flush PARTIAL/empty", "rename PARTIAL/empty empty", "flush ."])
    #expect(folder.entries().filter { $0.hasPrefix(".") } == [])
  }

  @Test(arguments: [0, 2])
  func `a mount point stays, and files go into it one by one or not at all`(failing: Int) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    try FileManager.default.createDirectory(atPath: folder.file("out"), withIntermediateDirectories: false)
    if failing > 0 {
      // What a killed run has left in it does not make it one that is not empty.
      try folder.write("left", to: "out/.out.ingot-partial-1/out/model.safetensors")
    }
    let place =
      try FileManager.default.attributesOfItem(atPath: folder.file("out"))[.systemFileNumber] as? Int
    var options = ConvertOptions()
    options.shardByteLimit = 16
    options.work.system = MountedSystem(folder.file("out"), failingAt: failing)
    let result = Result { try Conversion(source, to: folder.file("out"), options: options).run() }
    let names =
      (1...4).map { "out/model-0000\($0)-of-00004.safetensors" } + ["out/model.safetensors.index.json"]
    #expect(((try? result.get()) != nil) == (failing == 0))
    #expect(folder.entries() == ["in.safetensors"] + (failing == 0 ? ["out"] + names : ["out"]))
    let after =
      try FileManager.default.attributesOfItem(atPath: folder.file("out"))[.systemFileNumber] as? Int
    #expect(place == after && place != nil)

    // What it holds then is not replaced: there is no step that does it as a whole.
    guard failing == 0 else { return }
    options.force = true
    let error = #expect(throws: IngotError.self) {
      _ = try Conversion(source, to: folder.file("out"), options: options).run()
    }
    guard case .outputRefused? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(folder.entries() == ["in.safetensors", "out"] + names)
  }

  /// Converts, with an interrupt at the first step that begins so; gives the steps.
  @discardableResult
  private static func interrupt(
    _ source: String, to name: String, at instant: String, _ options: ConvertOptions,
    in folder: borrowing TemporaryFolder
  ) -> RecordingSystem {
    let cancellation = Cancellation()
    let system = RecordingSystem(in: folder.path) { if $0.hasPrefix(instant) { cancellation.cancel() } }
    var options = options
    options.work.system = system
    let (target, wanted) = (folder.file(name), options)
    let ended = cancellation.watching {
      Result { try Conversion(source, to: target, options: wanted).run() }
    }
    #expect(throws: IngotError.interrupted) { try ended.get() }
    return system
  }

  @Test(arguments: ["out.safetensors", "out/"], ["flush PARTIAL/out", "create PARTIAL/out"])
  func `an interrupt while files are flushed ends before the output gets its name, and nothing is left`(
    _ name: String, _ instant: String
  ) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var options = ConvertOptions()
    if name == "out/" { options.shardByteLimit = 16 }
    let system = Self.interrupt(source, to: name, at: instant, options, in: folder)
    // What had begun when it came is the last.
    let flushed = steps(system)
    #expect(flushed.count == (instant.hasPrefix("flush") ? 1 : 0), "\(flushed)")
    #expect(folder.entries() == ["in.safetensors"])
  }

  @Test(arguments: [false, true])
  func `an interrupt while files are flushed leaves finished parts to a run that was to go on`(
    _ resumes: Bool
  ) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var options = ConvertOptions()
    options.resumes = resumes
    options.shardByteLimit = 16
    Self.interrupt(source, to: "out/", at: "flush PARTIAL/out/", options, in: folder)
    #expect(folder.entries().contains { $0.hasSuffix("/journal") } == resumes)
    let report = try Conversion(source, to: folder.file("out/"), options: options).run()
    #expect(report.resumedPartCount == (resumes ? 4 : 0))
    #expect(folder.entries().filter { $0.hasPrefix(".") } == [])
  }

  @Test func `an interrupt keeps nothing that can't be gone on with`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var options = ConvertOptions()
    (options.resumes, options.compresses, options.keepsUnknownBits) = (true, true, true)
    Self.interrupt(source, to: "out.npz", at: "flush PARTIAL/", options, in: folder)
    #expect(folder.entries() == ["in.safetensors"])
  }

  @Test func `a stream is written and nothing else`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var options = ConvertOptions()
    options.format = "safetensors"
    let system = RecordingSystem(in: folder.path)
    options.work.system = system
    _ = try Conversion(source, to: "-", options: options).run()
    #expect(system.lines == ["write stream"])
  }

  @Test(arguments: [false, true])
  func `an edit is flushed before the old file is gone`(inPlace: Bool) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var options = EditOptions()
    options.change.removals = [Glob("*")]
    options.isInPlace = inPlace
    let system = RecordingSystem(in: folder.path)
    options.work.system = system
    _ = try Ingot.edit(source, options: options)
    let name = "in.safetensors"
    // In place, the old head stands beside, whole and on the disk, until the new one is.
    let backup = ".in.safetensors.ingot-head"
    #expect(
      steps(system)
        == (inPlace
          ? ["flush PARTIAL/\(backup)", "rename PARTIAL/\(backup) \(backup)", "flush .", "flush \(name)"]
          : ["flush PARTIAL/\(name)", "rename PARTIAL/\(name) \(name)", "flush ."]))
    if inPlace { #expect(system.lines.last == "remove \(backup)") }
    #expect(folder.entries() == [name])
  }

  @Test func `an edit that meets another of its file is refused, and the other's change stays`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var (first, second) = (EditOptions(), EditOptions())
    first.change.values = [("first", "1")]
    second.change.values = [("second", "2")]
    let (refused, other) = (Flag(), second)
    first.work.system = RecordingSystem(in: folder.path) { line in
      guard line.hasPrefix("rename ") else { return }
      do throws(IngotError) {
        _ = try Ingot.edit(source, options: other)
      } catch {
        if case .sourceChanged = error { refused.isSet = true }
      }
    }
    _ = try Ingot.edit(source, options: first)
    #expect(refused.isSet)
    _ = try Ingot.edit(source, options: second)
    let metadata = try Ingot.open(source).metadata
    #expect(metadata.string("first") == "1" && metadata.string("second") == "2")
  }

  @Test(arguments: ["init", "quantize", "record"])
  func `every command that writes does it so`(_ command: String) throws {
    let folder = try TemporaryFolder()
    for force in [false, true] {
      let system = RecordingSystem(in: folder.path)
      let (model, output) = (Fixture.path("kjv-gpt2"), folder.file("out.npz"))
      switch command {
      case "init":
        var options = InitializeOptions()
        options.config = Fixture.path("kjv-gpt2/config.json")
        options.force = force
        options.work.system = system
        _ = try Ingot.initialize("gpt2", to: output, options: options)
      case "quantize":
        var options = QuantizeOptions()
        options.force = force
        options.work.system = system
        _ = try Ingot.quantize(model, to: output, options: options)
      default:
        var options = RecordOptions()
        options.force = force
        options.run.work.system = system
        _ = try Ingot.record(model, tokens: "1,2,3", to: output, options: options)
      }
      let rename = force ? "rename" : "rename-new"
      #expect(steps(system) == ["flush PARTIAL/out.npz", "\(rename) PARTIAL/out.npz out.npz", "flush ."])
    }
  }

  @Test(arguments: ["out.npz", "out/"], [false, true])
  func `what another run has made meanwhile is replaced with --force only`(name: String, force: Bool) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    // The other run ends just before this one gives its output its name.
    let system = RecordingSystem(in: folder.path) { line in
      guard line.hasPrefix("flush PARTIAL/out"), !folder.entries().contains(where: { $0.hasPrefix("out") })
      else { return }
      _ = try? folder.write("other", to: name == "out/" ? "out/model.safetensors" : name)
    }
    var options = ConvertOptions()
    options.force = force
    options.keepsUnknownBits = name == "out.npz"
    options.work.system = system
    let conversion = try Conversion(source, to: folder.file(name), options: options)
    let file = name == "out/" ? "out/model.safetensors" : name
    if force {
      _ = try conversion.run()
      #expect(try folder.bytes(file) != Array("other".utf8))
    } else {
      do {
        _ = try conversion.run()
        Issue.record("the other run's output is replaced")
      } catch {
        guard case .outputRefused = error else { throw error }
      }
      #expect(try folder.bytes(file) == Array("other".utf8))
    }
    #expect(folder.entries().filter { $0.hasPrefix(".") } == [])
  }

  @Test(arguments: ["file", "folder", "parent"])
  func `a flush that fails is a failure`(_ what: String) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    let isFile = what == "file"
    let system = UnflushedSystem { path in
      switch what {
      case "file": path.hasSuffix("out.npz")
      case "folder": path.hasSuffix("/out")
      default: path == folder.path
      }
    }
    var options = ConvertOptions()
    options.work.system = system
    do {
      _ = try Conversion(source, to: folder.file(isFile ? "out.npz" : "out/"), options: options).run()
      Issue.record("nobody hears of it")
    } catch {
      guard case .environment(let failure) = error else { throw error }
      #expect(failure.call == "fsync")
    }
    // Once it has its name it stays: what stood there is gone.
    #expect(folder.entries().filter { !$0.hasPrefix("out") } == ["in.safetensors"])
    #expect(folder.entries().contains { $0.hasPrefix("out") } == (what == "parent"))
  }

  @Test func `what is read back is what is not yet named`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.source(in: folder)
    try folder.write("old", to: "out.npz")
    let found = Flag()
    let system = RecordingSystem(in: folder.path) { line in
      guard line.hasPrefix("rename") else { return }
      found.isSet = true
    }
    // A disk that gives back other bytes: the old file stays.
    let lying = LyingSystem(partial: ".ingot-partial-")
    var options = ConvertOptions()
    options.force = true
    options.check = true
    options.keepsUnknownBits = true
    do {
      options.work.system = lying
      _ = try Conversion(folder.file("in.safetensors"), to: folder.file("out.npz"), options: options).run()
      Issue.record("other bytes are not missed")
    } catch {}
    #expect(try folder.bytes("out.npz") == Array("old".utf8))
    #expect(folder.entries() == ["in.safetensors", "out.npz"])
    options.work.system = system
    _ = try Conversion(folder.file("in.safetensors"), to: folder.file("out.npz"), options: options).run()
    #expect(found.isSet)
  }
}

/// Something that a closure sets.
private final class Flag: @unchecked Sendable {
  // SAFETY: set and read by one thread after the other.
  var isSet = false
}

/// The operating system with a folder that is a mount point: nothing takes its place.
private final class MountedSystem: ForwardingSystem {
  private let mount: String
  private let failing: Int
  private let moved = Locked(0)

  /// Makes one where the file of a number can't be moved into the folder, from 1 on.
  init(_ mount: String, failingAt failing: Int) { (self.mount, self.failing) = (mount, failing) }

  func isMountPoint(_ path: String) -> Bool { path == mount }

  func rename(_ path: String, to target: String) throws(CallFailure) {
    try refuse(path, target)
    try live.rename(path, to: target)
  }

  func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure) {
    try refuse(path, target)
    let number = moved.withLock { number in
      number += 1
      return number
    }
    // EIO
    if number == failing { throw CallFailure(call: "renameat2", errorNumber: 5) }
    try live.renameWithoutReplacing(path, to: target)
  }

  func exchange(_ path: String, with other: String) throws(CallFailure) {
    try refuse(path, other)
    try live.exchange(path, with: other)
  }

  private func refuse(_ paths: String...) throws(CallFailure) {
    // EBUSY
    if paths.contains(mount) { throw CallFailure(call: "rename", errorNumber: 16) }
  }
}

/// A disk that does not take what it is to keep.
private final class UnflushedSystem: ForwardingSystem {
  private let fails: @Sendable (String) -> Bool

  init(_ fails: @escaping @Sendable (String) -> Bool) { self.fails = fails }

  func synchronize(_ descriptor: Int32) throws(CallFailure) {
    let path =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) ?? ""
    // EIO
    if fails(path) { throw CallFailure(call: "fsync", errorNumber: 5) }
    try live.synchronize(descriptor)
  }
}

/// A disk that turns a bit of what is read of unfinished outputs.
private final class LyingSystem: ForwardingSystem {
  private let partial: String
  private let descriptors = Descriptors()

  init(partial: String) { self.partial = partial }

  func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32 {
    let descriptor = try live.open(path, mode)
    descriptors.set(descriptor, mode == .read && path.contains(partial))
    return descriptor
  }

  func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    let count = try live.read(descriptor, into: buffer, at: offset)
    if count > 0, descriptors.contains(descriptor) { buffer[count / 2] ^= 1 }
    return count
  }

  private final class Descriptors: @unchecked Sendable {
    private let lock = NSLock()
    private var open = Set<Int32>()
    func set(_ descriptor: Int32, _ isIn: Bool) {
      lock.withLock { if isIn { open.insert(descriptor) } else { open.remove(descriptor) } }
    }
    func contains(_ descriptor: Int32) -> Bool { lock.withLock { open.contains(descriptor) } }
  }
}
