// SPDX-License-Identifier: Apache-2.0
// What a page says of a checkpoint: what `inspect` says of it first, and as many rows as a page has room for.
import Foundation
import IngotReport
import IngotTestSupport
import Testing

@Suite struct ModelPageTests {
  private static func page(_ files: [String: String], _ names: [String]) throws -> String {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("m"), withIntermediateDirectories: true)
    for (name, text) in files { try folder.write(text, to: "m/" + name) }
    let tensors = try names.map { try Tensor($0, shape: [2, 2], values: [1, 2, 3, 4] as [Float]) }
    _ = try Ingot.write(tensors, to: folder.file("m/model.safetensors"))
    return ModelPage.html(try Ingot.report(folder.file("m")))
  }

  @Test func `a model that is not understood is called what its config calls it`() throws {
    let config = """
      {"architectures": ["FalconForCausalLM"], "model_type": "falcon", "num_hidden_layers": 32, "hidden_size": 4544,
       "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
      """
    let page = try Self.page(["config.json": config], ["a.w"])
    #expect(
      page.contains("FalconForCausalLM: 32 layers, width 4544, quantized by gptq, 4 bits, groups of 128"))
    #expect(!page.contains("No model is known of it"))
  }

  @Test func `an adapter and an optimizer's state are named`() throws {
    let config = #"{"peft_type": "LORA", "r": 4, "base_model_name_or_path": "org/base"}"#
    let page = try Self.page(
      ["adapter_config.json": config],
      ["base_model.model.q.lora_A.weight", "base_model.model.q.lora_B.weight", "state.0.exp_avg"])
    #expect(page.contains("<p>Holds an adapter, LORA, rank 4, for org/base: 2 tensors</p>"))
    #expect(page.contains("<p>Holds an optimizer&#39;s state: 1 tensor</p>"))
    #expect(page.contains("No model is known of it"))
  }

  @Test func `of many tensors a page lists as many as fit into 2 MB`() throws {
    let folder = try TemporaryFolder()
    // Names without numbers, so that none fold.
    let letters = Array("abcdefghijklmno")
    let tensors = try (0..<3000).map { index in
      let name = String([letters[index / 225], letters[index / 15 % 15], letters[index % 15]])
      return try Tensor(
        name, shape: [8, 8], values: (0..<64).map { Float(($0 * 37 + index) % 101) - 50 })
    }
    _ = try Ingot.write(tensors, to: folder.file("m.safetensors"))
    let page = ModelPage.html(try Ingot.report(folder.file("m.safetensors")))
    let count = page.utf8.count
    #expect(count > 1_900_000 && count < 2_000_000, "\(count)")
    let rows = page.components(separatedBy: "<tbody id=f").count - 1
    #expect(rows > 1000 && page.contains("Left out: \(3000 - rows) smaller families"), "\(rows)")
  }
}
