// SPDX-License-Identifier: Apache-2.0
// The globals of PyTorch checkpoints that are known: those of torch's own restricted reader, and those whose values are
// plain ones; which are refused; and what names of dtypes and storage classes mean.
// pytorch/pytorch: torch/_weights_only_unpickler.py, torch/storage.py.
import IngotCore
import IngotEncodings

/// The globals of PyTorch checkpoints.
enum PyTorchGlobals {
  /// What is known, and what is refused; any other object is left out.
  static let allowList: PickleAllowList = {
    var roles: [String: PickleAllowList.Role] = [
      "collections.OrderedDict": .mapping, "collections.Counter": .mapping,
      "torch.nn.parameter.Parameter": .type, "torch.Tensor": .type,
      "torch.storage.UntypedStorage": .constant, "torch.UntypedStorage": .constant,
      "torch.storage.TypedStorage": .constant,
      "torch._tensor._rebuild_from_type_v2": .function,
      "torch.Size": .function, "torch.device": .function, "torch.serialization._get_layout": .function,
      "_codecs.encode": .function,
    ]
    for name in ["bytes", "bytearray", "set", "frozenset", "complex"] {
      roles["builtins." + name] = .function
    }
    roles.merge(PickledValue.roles) { known, _ in known }
    for name in rebuilders { roles["torch._utils." + name] = .function }
    for name in dtypes.keys { roles["torch." + name] = .constant }
    for name in unreadDTypes + quantizationSchemes { roles["torch." + name] = .constant }
    for name in Array(storageClasses.keys) + unreadStorageClasses {
      roles["torch.\(name)Storage"] = .constant
      roles["torch.cuda.\(name)Storage"] = .constant
      roles["torch.\(name)Tensor"] = .type
      roles["torch.cuda.\(name)Tensor"] = .type
    }
    for name in sparseClasses {
      roles["torch.sparse.\(name)Tensor"] = .type
      roles["torch.cuda.sparse.\(name)Tensor"] = .type
    }
    return PickleAllowList(roles, refused: refused, rule: PyTorchRule.allowList.rule)
  }()

  /// What runs, opens, fetches or imports something: modules with all that is in them, and single functions.
  private static let refused = Set(
    [
      "os", "posix", "nt", "sys", "subprocess", "pty", "shutil", "socket", "socketserver", "runpy",
      "importlib",
      "imp", "pkgutil", "ctypes", "cffi", "code", "codeop", "pdb", "bdb", "timeit", "trace", "profile",
      "cProfile",
      "doctest", "webbrowser", "antigravity", "urllib", "urllib2", "http", "httplib", "ftplib", "smtplib",
      "telnetlib",
      "requests", "xmlrpc", "pickle", "_pickle", "dill", "joblib", "marshal", "asyncio", "multiprocessing",
      "pip", "setuptools", "distutils", "ensurepip", "venv", "site", "pydoc", "io", "_io",
      "types.CodeType", "types.FunctionType", "torch.load", "torch.hub", "torch.jit", "torch.package",
      "torch.serialization", "torch.utils.cpp_extension", "numpy.load", "numpy.f2py", "numpy.testing",
    ]
      + [
        "eval", "exec", "execfile", "compile", "open", "file", "__import__", "input", "raw_input",
        "breakpoint",
        "setattr", "delattr", "globals", "locals", "vars", "apply", "reload", "help", "exit", "quit",
      ].map { "builtins." + $0 })

  private static let sparseClasses = [
    "Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte",
  ]

  /// Functions of `torch._utils`, of which those that the reader does not interpret are refused when it meets them.
  private static let rebuilders = [
    "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
    "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor",
    "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor", "_rebuild_wrapper_subclass",
    "_rebuild_device_tensor_from_numpy", "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_xla_tensor",
  ]

  /// The dtype that `torch.NAME` is.
  private static let dtypes: [String: DType] = [
    "float64": .f64, "float32": .f32, "float16": .f16, "bfloat16": .bf16, "int64": .i64, "int32": .i32,
    "int16": .i16, "int8": .i8, "uint8": .u8, "uint16": .u16, "uint32": .u32, "uint64": .u64, "bool": .bool,
    "complex64": .c64, "complex128": .c128, "float8_e4m3fn": .f8E4M3, "float8_e5m2": .f8E5M2,
    "float8_e4m3fnuz": .f8E4M3FNUZ, "float8_e5m2fnuz": .f8E5M2FNUZ, "float8_e8m0fnu": .f8E8M0,
  ]

  /// Dtypes that torch's own reader lets through and that have no counterpart here.
  private static let unreadDTypes =
    ["complex32", "float4_e2m1fn_x2", "qint8", "quint8", "qint32", "quint4x2", "quint2x4"]
    + ["bits8", "bits16", "bits1x8", "bits2x4", "bits4x2"]
    + (1...7).flatMap { ["uint\($0)", "int\($0)"] }

  private static let quantizationSchemes = [
    "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
    "per_channel_affine_float_qparams",
  ]

  /// The element type of `torch.NAMEStorage`.
  private static let storageClasses: [String: DType] = [
    "Double": .f64, "Float": .f32, "Half": .f16, "BFloat16": .bf16, "Long": .i64, "Int": .i32, "Short": .i16,
    "Char": .i8, "Byte": .u8, "Bool": .bool, "ComplexFloat": .c64, "ComplexDouble": .c128,
  ]

  private static let unreadStorageClasses = ["QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4"]

  /// The dtype of a global such as `torch.float32`.
  static func dtype(named global: String) -> DType? {
    guard global.hasPrefix("torch.") else { return nil }
    return dtypes[String(global.dropFirst("torch.".count))]
  }

  /// What the elements of a class of storages are.
  enum StorageClass: Hashable {
    /// Elements of one dtype.
    case typed(DType)
    /// Bytes, whose dtype each tensor tells.
    case untyped
    /// Elements that are not read.
    case unread
  }

  /// What a class of storages holds; `nil` for other globals.
  static func storageClass(named global: String) -> StorageClass? {
    if global == "torch.storage.UntypedStorage" || global == "torch.UntypedStorage" { return .untyped }
    guard global.hasPrefix("torch."), global.hasSuffix("Storage") else { return nil }
    var name = global.dropFirst("torch.".count).dropLast("Storage".count)
    if name.hasPrefix("cuda.") { name = name.dropFirst("cuda.".count) }
    if let dtype = storageClasses[String(name)] { return .typed(dtype) }
    return unreadStorageClasses.contains(String(name)) ? .unread : nil
  }

  /// The class of storages that hold a dtype, without `Storage`; `nil` for those that only an untyped one holds.
  static func storageClass(of dtype: DType) -> String? {
    storageClasses.first { $0.value == dtype }?.key
  }

  /// The name of a dtype without `torch.`; `nil` for one that torch lacks.
  static func name(of dtype: DType) -> String? {
    dtypes.first { $0.value == dtype }?.key
  }
}
