// SPDX-License-Identifier: Apache-2.0
// A GPT-2 of one block that numpy makes, with something changed: what checks are tried on.
import IngotTestSupport

/// A small model of random weights.
enum TinyModel {
  private static let script = """
    import json, os, sys
    import numpy as np
    from safetensors.numpy import save_file
    folder, change, config, width = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
    r = np.random.default_rng(0)
    n = lambda *shape: (r.standard_normal(shape) * .1).astype(np.float32)
    p, D, V, T = "transformer.h.0.", width, 64, 16
    w = {"transformer.wte.weight": n(V, D), "transformer.wpe.weight": n(T, D)}
    for name, shape in {"attn.c_attn": (D, 3 * D), "attn.c_proj": (D, D), "mlp.c_fc": (D, 4 * D), "mlp.c_proj": (4 * D, D)}.items():
        w[p + name + ".weight"], w[p + name + ".bias"] = n(*shape), n(shape[1])
    for name in (p + "ln_1", p + "ln_2", "transformer.ln_f"):
        w[name + ".weight"], w[name + ".bias"] = 1 + n(D), n(D)
    exec(change)
    os.makedirs(folder, exist_ok=True)
    save_file(w, folder + "/model.safetensors", metadata={"format": "pt"})
    with open(folder + "/config.json", "w") as f:
        json.dump({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": 1, "n_embd": D, "n_head": 4,
                   "n_positions": T, "vocab_size": V, **config}, f)
    """

  /// Makes a model's folder.
  ///
  /// - Parameters:
  ///   - folder: where the folder is made.
  ///   - name: its name.
  ///   - width: D.
  ///   - change: Python that changes `w`, the tensors by name; `np` is numpy, `p` the start of the block's names, `r` a
  ///     generator of random numbers, `n` makes a tensor of a shape.
  ///   - config: keys of the config beside the usual ones, as JSON.
  /// - Returns: its path.
  /// - Throws: ``PythonPeer/Failure``.
  static func make(
    in folder: TemporaryFolder, _ name: String, width: Int = 32, change: String = "", config: String = "{}"
  ) throws -> String {
    let path = folder.file(name)
    try PythonPeer.run(code: script, [path, change, config, String(width)])
    return path
  }
}
