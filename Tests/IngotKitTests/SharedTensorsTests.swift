// SPDX-License-Identifier: Apache-2.0
// Tensors that share stored bytes and are each written in full: said of every way from one form to another, and not of
// ties that the output keeps.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct SharedTensorsTests {
  /// The model of `fixtures/models/base` as torch would save it, by Python's own pickler: a norm's bias that overlaps its
  /// weight, a norm that is another's, a head that is the embedding.
  private static let make = """
    import pickle, sys, types, zipfile, io, numpy as np
    from safetensors.numpy import load_file
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    class FloatStorage: pass
    def _rebuild_tensor_v2(*arguments): pass
    FloatStorage.__module__, _rebuild_tensor_v2.__module__ = "torch", "torch._utils"
    torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
    sys.modules.update({"torch": torch, "torch._utils": utils})
    class Storage:
        def __init__(self, values): self.values = np.ascontiguousarray(values, np.float32).ravel()
    class Tensor:
        def __init__(self, storage, shape, offset=0): self.storage, self.shape, self.offset = storage, shape, offset
        def __reduce__(self):
            strides = tuple(int(np.prod(self.shape[i + 1:])) for i in range(len(self.shape)))
            return _rebuild_tensor_v2, (self.storage, self.offset, self.shape, strides, False, {})
    def save(tensors, path):
        storages, file = [], io.BytesIO()
        class Pickler(pickle.Pickler):
            def persistent_id(self, thing):
                if not isinstance(thing, Storage): return None
                if thing not in storages: storages.append(thing)
                return "storage", FloatStorage, str(storages.index(thing)), "cpu", thing.values.size
        Pickler(file, 2).dump(tensors)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("m/data.pkl", file.getvalue())
            archive.writestr("m/version", "3")
            for i, storage in enumerate(storages): archive.writestr(f"m/data/{i}", storage.values.tobytes())
    values = load_file(sys.argv[1] + "/model.safetensors")
    apart = {name: Tensor(Storage(value), value.shape) for name, value in values.items()}
    save(apart, sys.argv[2] + "/apart/pytorch_model.bin")
    first = "transformer.h.0.ln_1."
    width = values[first + "weight"].size
    both = Storage(np.concatenate([values[first + "weight"], values[first + "bias"]]))
    shared = {**apart, first + "weight": Tensor(both, (width,)), first + "bias": Tensor(both, (width,), width // 2)}
    shared["transformer.h.0.ln_2.weight"] = shared["transformer.ln_f.weight"]
    shared["lm_head.weight"] = shared["transformer.wte.weight"]
    save(shared, sys.argv[2] + "/shared/pytorch_model.bin")
    """

  /// Folders `apart` and `shared`, each with the config.
  private static func models() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let base = Fixture.path("models/base")
    for name in ["apart", "shared"] {
      try folder.write(
        String(contentsOfFile: base + "/config.json", encoding: .utf8), to: name + "/config.json")
    }
    try PythonPeer.run(code: make, [base, folder.path])
    return folder
  }

  /// What the loss of each tensor that shares bytes names, but the tie of head and embedding.
  private static func shared(_ losses: [Loss]) -> [String] {
    losses.filter { $0.kind == .alias && $0.tensor?.contains("lm_head") == false }.map { loss in
      let values = loss.detail.pieces.compactMap { if case .value(let value) = $0 { value } else { nil } }
      let isView = loss.detail.description.contains("another view")
      return "\(loss.tensor ?? "") \(isView ? "overlaps" : "is") \(values.joined(separator: " "))"
    }.sorted()
  }

  /// Expects what there is to say of bytes that are shared, and nothing of those that are not, when both models are written.
  private static func expectSaid(
    of output: String, _ losses: (_ model: String, _ output: String) throws -> [Loss]
  ) throws {
    let folder = try models()
    for (name, said) in [("apart", []), ("shared", said)] {
      let found = shared(try losses(folder.file(name), folder.file("out-" + output)))
      #expect(found.map(inOrder) == said.map(inOrder), "\(output)")
    }
  }

  /// In the file's order the first of two is the one that has the bytes.
  private static let said = [
    "transformer.h.0.ln_1.weight overlaps transformer.h.0.ln_1.bias",
    "transformer.ln_f.weight is transformer.h.0.ln_2.weight",
  ]

  @Test(
    arguments: [
      ("m.npz", nil), ("hf/", "hf"), ("o.safetensors", "openai"), ("g.gguf", nil), ("c/", nil),
      ("l.bin", nil),
    ] as [(String, String?)])
  func `shared bytes are said of every way to convert`(_ output: String, _ dialect: String?) throws {
    var options = ConvertOptions()
    options.dialect = dialect
    options.force = true
    if output == "c/" { options.program = .ctranslate2 }
    if output == "l.bin" { options.format = "llmc" }
    try Self.expectSaid(of: output) { try Conversion($0, to: $1, options: options).run().losses }
  }

  @Test(arguments: [
    ("q.ingot", QuantizationScheme.int8), ("q.safetensors", .int8Group16), ("c/", .int8),
  ])
  func `shared bytes are said of every way to quantize`(_ output: String, _ scheme: QuantizationScheme) throws
  {
    var options = QuantizeOptions()
    options.scheme = scheme
    options.force = true
    if output == "c/" { options.program = .ctranslate2 }
    try Self.expectSaid(of: output) { try Ingot.quantize($0, to: $1, options: options).losses }
  }

  @Test func `shared bytes are said where no model is known`() throws {
    let folder = try Self.models()
    try FileManager.default.removeItem(atPath: folder.file("shared/config.json"))
    var options = QuantizeOptions()
    // They are too small to be quantized unasked.
    options.rules = [(Glob("*.c_fc.weight"), .int8)]
    let report = try Ingot.quantize(folder.file("shared"), to: folder.file("q.safetensors"), options: options)
    #expect(Self.shared(report.losses).map(Self.inOrder) == Self.said.map(Self.inOrder))
  }

  /// The same with the two names sorted: which of them comes first is the file's matter.
  private static func inOrder(_ said: String) -> String {
    let words = said.split(separator: " ").map(String.init)
    return ([words[1]] + [words[0], words[2]].sorted()).joined(separator: " ")
  }
}
