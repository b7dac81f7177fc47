// SPDX-License-Identifier: Apache-2.0
// What stands where weights were expected, and is none that is read here: how each is known, what it is called, and what
// helps. A format that is in wide use and not read is a line of this table; what looks at it is ForeignContent.

/// One kind of content that no reader of ours takes.
struct ForeignSignature: Sendable {
  /// How it is known.
  enum Mark: Sendable {
    /// Bytes of the file from an offset on; `nil` for any byte.
    case bytes([UInt8?], at: Int)
    /// Text that the file begins with, in any case, behind white space and a byte order mark.
    case text(String)
    /// An extension, where content has no mark.
    case extensions([String])
    /// Names that stand together in a folder or an archive, the folders before them left out; `*` stands for any
    /// beginning of a name, or any end.
    case names([String])
    /// Another file beside it with this extension.
    case beside(String)
    /// Another file beside it with this name.
    case besideName(String)
  }

  var mark: Mark
  /// What it is, as in "is …".
  var what: String
  /// What helps.
  var advice: String?
  /// Whether its first line tells more.
  var isQuoted = false
  /// Whether it is a picture, in which no program finds code.
  var isPicture = false
  /// The names of its files that are called as weight files are, as in ``Mark/names(_:)``.
  var parts: String?

  private init(_ mark: Mark, _ what: String, _ advice: String?) {
    (self.mark, self.what, self.advice) = (mark, what, advice)
  }

  /// Known by its first bytes, or by bytes at an offset.
  static func bytes(_ bytes: [UInt8?], at offset: Int = 0, _ what: String, _ advice: String? = nil) -> Self {
    Self(.bytes(bytes, at: offset), what, advice)
  }

  /// Known by letters at an offset, as they are.
  static func letters(
    _ letters: String, at offset: Int = 0, _ what: String, _ advice: String? = nil
  ) -> Self { Self(.bytes(letters.utf8.map(Optional.some), at: offset), what, advice) }

  /// A picture, known by its first bytes.
  static func picture(_ bytes: [UInt8?], _ what: String) -> Self {
    var signature = Self(.bytes(bytes, at: 0), what, nil)
    signature.isPicture = true
    return signature
  }

  /// Known by the text that it begins with.
  static func text(_ text: String, _ what: String, _ advice: String? = nil) -> Self {
    Self(.text(text), what, advice)
  }

  /// Known by the text that it begins with, the first line of which is shown.
  static func quoted(_ text: String, _ what: String, _ advice: String? = nil) -> Self {
    var signature = Self(.text(text), what, advice)
    signature.isQuoted = true
    return signature
  }

  /// Known by its extension alone.
  static func extensions(_ extensions: [String], _ what: String, _ advice: String? = nil) -> Self {
    Self(.extensions(extensions), what, advice)
  }

  /// Known by the names that are in it.
  static func names(_ names: [String], _ what: String, _ advice: String? = nil) -> Self {
    Self(.names(names), what, advice)
  }
}

extension ForeignSignature {
  private static let download = "fetch the file again"
  private static let unpack = "unpack it first"
  private static let saveAnew = "load it where it was made, and save it as safetensors"
  private static let ggmlAdvice = "convert_llama_ggml_to_gguf.py of llama.cpp makes a GGUF file of it"

  /// What a server, a version control system or a broken download puts in a file's place; text in any file's place.
  static let standIns: [ForeignSignature] = [
    .text("version https://git-lfs.github.com/", "a git-lfs pointer", "`git lfs pull` fetches the file"),
    .text("version https://hawser.github.com/", "a git-lfs pointer", "`git lfs pull` fetches the file"),
    .text("# xet version", "a pointer of git-xet", "`git xet checkout` fetches the file"),
    .text("/annex/objects/", "a pointer of git-annex", "`git annex get` fetches the file"),
    .text("../.git/annex/objects/", "a pointer of git-annex", "`git annex get` fetches the file"),
    .text(".git/annex/objects/", "a pointer of git-annex", "`git annex get` fetches the file"),
    .text("oid sha256:", "a cut git-lfs pointer", "`git lfs pull` fetches the file"),
    .text("<!doctype html", "a web page", download),
    .text("<html", "a web page", download),
    .text("<head", "a web page", download),
    .quoted("<?xml version=\"1.0\" encoding=\"utf-8\"?><error", "an error message of a server", download),
    .quoted("<error", "an error message of a server", download),
    .quoted("{\"error", "an error message of a server", download),
    .quoted("{\"message", "an error message of a server", download),
    .quoted("{\"detail", "an error message of a server", download),
    .quoted("http/1.", "a server's answer with its headers in front", download),
    .quoted("http/2", "a server's answer with its headers in front", download),
    .quoted("entry not found", "an error message of a server", download),
    .quoted("not found", "an error message of a server", download),
    .quoted("404: not found", "an error message of a server", download),
    .quoted("repository not found", "an error message of a server", download),
    .quoted(
      "invalid username or password", "an error message of a server", "log in, and fetch the file again"),
    .quoted("access to model", "an error message of a server", "log in, and fetch the file again"),
    .quoted("access denied", "an error message of a server", "log in, and fetch the file again"),
    .quoted("unauthorized", "an error message of a server", "log in, and fetch the file again"),
    .quoted("forbidden", "an error message of a server", "log in, and fetch the file again"),
  ]

  /// HDF5.
  static let hdf5 = bytes(
    [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "an HDF5 file, as Keras writes it", saveAnew)

  /// Files of other kinds, by their first bytes.
  static let files: [ForeignSignature] = [
    .quoted(
      "model_checkpoint_path:", "TensorFlow's list of checkpoints",
      "open the checkpoint that it names, by its prefix"),
    .text("<?xml version=\"1.0\"?><net ", "the graph of an OpenVINO model", saveAnew),
    .text("<net ", "the graph of an OpenVINO model", saveAnew),
    .text("7767517", "the graph of an ncnn model", saveAnew),
    hdf5,
    .letters("lmgg", "a file of ggml's format before GGUF", ggmlAdvice),
    .letters("fmgg", "a file of ggml's format before GGUF (GGMF)", ggmlAdvice),
    .letters("tjgg", "a file of ggml's format before GGUF (GGJT)", ggmlAdvice),
    .letters("algg", "a LoRA adapter of ggml's format before GGUF (GGLA)", ggmlAdvice),
    .letters("nsgg", "a saved session of llama.cpp, which holds no weights"),
    .letters("TFL3", at: 4, "a TensorFlow Lite model", saveAnew),
    .bytes([0x08, nil, 0x12, nil] + "pytorch".utf8.map(Optional.some), "an ONNX model", saveAnew),
    .bytes([0x08, nil, 0x12, nil] + "tf2onnx".utf8.map(Optional.some), "an ONNX model", saveAnew),
    .bytes([0x08, nil, 0x12, nil] + "skl2onnx".utf8.map(Optional.some), "an ONNX model", saveAnew),
    .bytes([0x08, nil, 0x12, nil] + "onnx".utf8.map(Optional.some), "an ONNX model", saveAnew),
    .bytes([0x12, 1, 0, 0, 0, 0, 0, 0], "parameters of MXNet", saveAnew),
    .letters("ptrt", "a TensorRT engine", "convert the checkpoint that it was made from"),
    .letters("ftrt", "a TensorRT engine", "convert the checkpoint that it was made from"),
    .letters("PAR1", "a Parquet file"),
    .letters("ARROW1", "an Arrow file"),
    .letters("SQLite format 3\0", "an SQLite database"),
    .letters("MATLAB 5.0 MAT-file", "a MATLAB file"),
    .bytes([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", "`unzstd` decompresses it"),
    .bytes([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz", "`unxz` decompresses it"),
    .letters("BZh", "compressed with bzip2", "`bunzip2` decompresses it"),
    .bytes(
      [0x5D, 0, 0, nil, nil, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "compressed with lzma",
      "`unlzma` decompresses it"),
    .bytes([0x4D, 0x5A, 0x90, 0, 3, 0, 0, 0], "a program for Windows"),
    .bytes([0x04, 0x22, 0x4D, 0x18], "compressed with lz4", "`unlz4` decompresses it"),
    .letters("LZIP", "compressed with lzip", "`lzip -d` decompresses it"),
    .bytes([0x1F, 0x9D], "compressed with compress", "`uncompress` decompresses it"),
    .letters("Rar!\u{1A}\u{7}", "a RAR archive", unpack),
    .letters("!<arch>\n", "an ar archive", unpack),
    .letters("070701", "a cpio archive", unpack),
    .letters("MSCF", "a cabinet archive", unpack),
    .letters("%PDF-", "a PDF document"),
    .picture([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "a PNG picture"),
    .picture([0xFF, 0xD8, 0xFF], "a JPEG picture"), .picture("GIF8".utf8.map(Optional.some), "a GIF picture"),
    .picture(
      "RIFF".utf8.map(Optional.some) + [nil, nil, nil, nil] + "WEBP".utf8.map(Optional.some),
      "a WebP picture"),
    .bytes([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "an office document"),
    .bytes([0xFF, 0xFE], "text in UTF-16, not weights"),
  ]

  /// Files without a mark in their bytes.
  static let extensions: [ForeignSignature] = [
    .extensions(["h5", "hdf5", "keras"], "called as Keras's files are, but neither HDF5 nor a zip archive"),
    .extensions(["onnx"], "an ONNX model by its name", saveAnew),
    .extensions(["tflite", "lite"], "a TensorFlow Lite model by its name", saveAnew),
    .extensions(["mlmodel", "mlpackage", "mlmodelc"], "a Core ML model by its name", saveAnew),
    .extensions(["ggml"], "a model of ggml's format before GGUF, by its name", ggmlAdvice),
    .extensions(["pte"], "an ExecuTorch program by its name", saveAnew),
    .extensions(["ort"], "a model for ONNX Runtime by its name", saveAnew),
    .extensions(["mat"], "a MATLAB file by its name", saveAnew),
    .extensions(["msgpack"], "a Flax checkpoint by its name", saveAnew),
    .extensions(
      ["pb", "pbtxt", "meta"], "a TensorFlow graph by its name",
      "weights of a SavedModel are in its folder variables/"),
    .extensions(["distcp"], "a part of a distributed PyTorch checkpoint by its name", dcpAdvice),
    .extensions(["pkl", "pickle", "joblib", "dill"], "a pickle by its name", saveAnew),
    .extensions(["pdparams", "pdiparams", "pdmodel", "pdopt"], "a PaddlePaddle file by its name", saveAnew),
    .extensions(["params"], "parameters of MXNet by its name", saveAnew),
    .extensions(["caffemodel", "prototxt"], "a Caffe model by its name", saveAnew),
    .extensions(["t7"], "a file of Lua's Torch by its name", saveAnew),
    .extensions(["weights", "cfg"], "a Darknet file by its name", saveAnew),
    .extensions(["engine", "plan", "trt"], "a TensorRT engine by its name"),
    .extensions(["param", "ncnn"], "an ncnn model by its name", saveAnew),
    .extensions(["mnn"], "an MNN model by its name", saveAnew),
    .extensions(["rknn", "dlc", "hef", "blob", "om"], "a model compiled for a device, by its name"),
    .extensions(["llamafile", "exe"], "a program by its name"),
    .extensions(["task", "litertlm"], "a MediaPipe bundle by its name", saveAnew),
    .extensions(["parquet", "arrow", "csv", "jsonl", "tsv"], "a data set by its name"),
    .extensions(
      ["part", "partial", "incomplete", "crdownload", "download", "aria2"],
      "an unfinished download by its name", "let it end, or fetch the file again"),
  ]

  private static let mlc = "weights of a model that MLC-LLM compiled"
  private static let mlcAdvice = "open the checkpoint that they were made of"
  /// What lists the files of an MLC model.
  private static let mlcLists = ["ndarray-cache.json", "tensor-cache.json"]
  private static let dcpAdvice =
    "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch` makes one file of it"

  /// Raw numbers that another file beside them describes.
  static let companions: [ForeignSignature] =
    [
      Self(.beside("xml"), "the weights of an OpenVINO model, whose graph stands beside it", saveAnew),
      Self(.beside("param"), "the weights of an ncnn model, whose graph stands beside it", saveAnew),
    ] + mlcLists.map { Self(.besideName($0), mlc, mlcAdvice) }

  /// What a zip, another archive or a folder without a weight file is, by the names in it.
  static let collections: [ForeignSignature] =
    mlcLists.map { list in
      var signature = names([list, "params_shard_*"], mlc, mlcAdvice)
      signature.parts = "params_shard_*"
      return signature
    } + otherCollections

  private static let otherCollections: [ForeignSignature] = [
    .names(["model.weights.h5", "config.json"], "a Keras model (.keras), whose weights are HDF5", saveAnew),
    .names(["model.weights.h5"], "a Keras model, whose weights are HDF5", saveAnew),
    .names(["*.h5"], "weights in HDF5, as Keras writes them", saveAnew),
    .names(["*.msgpack"], "a Flax checkpoint", saveAnew),
    .names(
      ["data.pkl", "version"],
      "a PyTorch checkpoint that was unpacked and packed again, without the folder that it was in",
      "pack its files within a folder, stored"),
    .names(["constants.pkl", "version"], "a TorchScript archive that was unpacked and packed again"),
    .names([".metadata", "*.distcp"], "a distributed PyTorch checkpoint (DCP)", dcpAdvice),
    .names(["*.distcp"], "a distributed PyTorch checkpoint (DCP) without its .metadata", dcpAdvice),
    .names(["latest", "global_step*"], "a DeepSpeed checkpoint", deepSpeedAdvice),
    .names(["zero_to_fp32.py"], "a DeepSpeed checkpoint", deepSpeedAdvice),
    .names(["latest_checkpointed_iteration.txt"], "a Megatron-LM checkpoint", megatronAdvice),
    .names(["mp_rank_*"], "one iteration of a Megatron-LM checkpoint", megatronAdvice),
    .names(["_CHECKPOINT_METADATA"], "an Orbax checkpoint", saveAnew),
    .names(["manifest.ocdbt"], "an Orbax checkpoint", saveAnew),
    .names(["_METADATA"], "an Orbax checkpoint", saveAnew),
    .names(["zarr.json"], "a Zarr store", saveAnew),
    .names([".zgroup"], "a Zarr store", saveAnew),
    .names([".zarray"], "a Zarr store", saveAnew),
    .names(["saved_model.pb"], "a SavedModel without its variables"),
    .names(["saved_model.pbtxt"], "a SavedModel without its variables"),
    .names(["*.onnx"], "an ONNX model", saveAnew),
    .names(["*.tflite"], "a TensorFlow Lite model", saveAnew),
    .names(["*.mlmodel"], "a Core ML model", saveAnew),
    .names(["Manifest.json"], "a Core ML package", saveAnew),
    .names(["*.xml", "*.bin"], "an OpenVINO model", saveAnew),
    .names(["*.pdparams"], "a PaddlePaddle checkpoint", saveAnew),
    .names(["*.pdiparams"], "a PaddlePaddle model", saveAnew),
    .names(["*.engine"], "a TensorRT engine"),
    .names(["[Content_Types].xml"], "an office document"),
    .names(["mimetype"], "an office document or a book"),
    .names(["META-INF/MANIFEST.MF"], "a Java archive"),
    .names(["AndroidManifest.xml"], "an Android package"),
    .names(["*.dist-info/METADATA"], "a Python package"),
    .names(["MAR-INF/MANIFEST.json"], "an archive for TorchServe", "the weight file in it can be read"),
    .names(["*.ggml"], "a model of ggml's format before GGUF", ggmlAdvice),
    .names(["*.pkl"], "pickles, which are no checkpoint of PyTorch's", saveAnew),
    .names(["*.pickle"], "pickles, which are no checkpoint of PyTorch's", saveAnew),
    .names(["*.zip"], "archives within an archive", unpack),
    .names(["*.tar"], "archives within an archive", unpack),
    .names(["*.gz"], "archives within an archive", unpack),
    .names(["*.tgz"], "archives within an archive", unpack),
    .names(["*.7z"], "archives within an archive", unpack),
    .names(["*.zst"], "archives within an archive", unpack),
    .names(["*.xz"], "archives within an archive", unpack),
    .names(["*.bz2"], "archives within an archive", unpack),
    .names(["*.rar"], "archives within an archive", unpack),
  ]

  private static let deepSpeedAdvice =
    "`python zero_to_fp32.py . OUT`, which DeepSpeed leaves in it, makes a checkpoint that is read"
  private static let megatronAdvice =
    "tools/checkpoint/convert.py of Megatron-LM converts it; what one rank saved is a file below it, iter_…/mp_rank_…/model_optim_rng.pt"
}
