// SPDX-License-Identifier: Apache-2.0
// Converts a checkpoint: opens, plans, writes, and reads back when asked to. Needs no model graph.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput
import IngotTransforms

/// What a conversion is to do, beside its input and output.
public struct ConvertOptions: Sendable {
  /// The output's format id; `nil` takes it from the output's extension.
  public var format: String?
  /// What floating-point tensors become; `nil` keeps them.
  public var dtype: DType?
  /// What those of some names become, by names of the input or the output; the last that matches holds.
  public var dtypeRules: [DTypeRule] = []
  /// What becomes of values beyond the new dtype's range.
  public var onOverflow: OverflowPolicy = .refuse
  /// Which tensors are taken.
  public var selection = TensorSelection()
  /// The dialect that names and layouts become: an id, or `keep`; `nil` keeps them unless the target format belongs to
  /// one program.
  public var dialect: String?
  /// The program that the output is made for, which must be able to compute with what it holds.
  public var program: TargetProgram?
  /// New names, after a change of dialect.
  public var renames: [TensorRename] = []
  /// What becomes of a head that is tied to the token embedding.
  public var head = HeadTie.asIs
  /// The config's file; `nil` to look for it.
  public var config: String?
  /// The most bytes of tensors in one file.
  public var shardByteLimit: Int?
  /// For how many processors the model is cut, a file for each, where its program loads such; `nil` for whole tensors.
  public var modelParallelCount: Int?
  /// How the token embedding is cut for several processors; `nil` where the model tells.
  public var embeddingCut: EmbeddingCut?
  /// Whether an existing output is replaced.
  public var force = false
  /// Whether to go on with what a killed run of the same work has left.
  public var resumes = false
  /// Whether the output is read back and compared.
  public var check = false
  /// Whether to compress, in formats that can.
  public var compresses = false
  /// Whether dtypes that the format lacks are kept as bits, in formats that can.
  public var keepsUnknownBits = false
  /// Whether SHA-256 of each tensor is stored, in formats that can.
  public var storesSHA256 = false
  /// How the work is done.
  public var work = WorkOptions()
  /// What is known of the input beyond its bytes.
  public var reading = ReadOptions()

  /// The dtypes that floating-point tensors can be converted to.
  public static var dtypes: [DType] {
    DType.allCases.filter { $0.isFloating && ElementConversion(from: .f32, to: $0) != nil }
  }

  /// Makes options that convert everything as it is.
  public init() {}

  /// What they ask of names, layouts and values.
  fileprivate var change: ChangeRequest {
    var change = ChangeRequest()
    (change.dtype, change.onOverflow, change.selection) = (dtype, onOverflow, selection)
    change.dtypeRules = dtypeRules
    (change.dialect, change.program, change.head, change.config) = (dialect, program, head, config)
    change.work = work
    return change
  }
}

/// What a conversion did, or with a plan would do.
public struct ConversionReport: Sendable {
  /// The input's path.
  public var input: String
  /// The input's format id.
  public var inputFormat: String
  /// The output's path.
  public var output: String
  /// The output's format id.
  public var outputFormat: String
  /// Bytes of the output's files; for a plan without those that compression leaves open.
  public var byteCount: Int
  /// Whether a plan's bytes are the most that there can be.
  package var mayWriteLess = false
  /// Tensors written.
  public var tensorCount: Int
  /// The dialects of input and output, when names were changed from one to the other.
  public var dialects: (from: String, to: String)?
  /// Matrices whose rows and columns were exchanged.
  public var transposedCount: Int
  /// Names of the output's files, when they are several.
  public var fileNames: [String]
  /// The rules of renaming, each with the number of tensors that have another name by it.
  public var renames: [(rule: String, tensorCount: Int)] = []
  /// Everything that is not kept, or kept changed.
  public var losses: [Loss]
  /// Remarks on the input.
  public var findings: [Finding]
  /// Parts of tensors that a killed run had written, and this one kept.
  public var resumedPartCount = 0
  /// Whether it was asked to go on with what a killed run has left.
  public var wasToResume = false
  /// What killed runs had left of the output, and this one has removed.
  public var leftovers = OutputLeftovers()
  /// Whether the output was read back and found equal.
  public var wasChecked: Bool
  /// The most resident memory the work takes beyond the program's own, in bytes, by the bound it keeps.
  public var memoryBound: Int
}

/// A conversion that is ready to run: the input is open, the output is planned, nothing is written.
public struct Conversion: Sendable {
  /// The input, as opened.
  public let source: Checkpoint
  /// What the report says when all goes well.
  public private(set) var report: ConversionReport

  private let options: ConvertOptions
  private let planned: PlannedOutput
  private let destination: OutputDestination
  /// The input's tensors that are written as a model's, in another dialect, by their positions.
  private let rewritten: [Int]

  private var system: any SystemCalls { options.work.system }

  /// Opens the input and plans the output.
  ///
  /// - Parameters:
  ///   - input: path of the checkpoint.
  ///   - output: path of the output; `-` for standard output.
  ///   - options: what is to be done.
  /// - Throws: the reader's and the writer's errors; nothing has been written.
  public init(
    _ input: String, to output: String, options: ConvertOptions = ConvertOptions()
  ) throws(IngotError) {
    var options = options
    try options.requireParallelUse()
    if input == StandardInput.path, options.resumes {
      throw .invalidRequest(option: .resumes, why: "standard input comes once; name a file")
    }
    let output = try options.applyProgram(to: output)
    let system = options.work.system
    var reading = options.reading
    reading.selection = options.selection
    source = try CheckpointOpener(options: reading, work: options.work).open(input)
    options = try options.settled(for: source, at: input)
    self.options = options
    // Only a change of dialect gives the weight file another name.
    let keepsName =
      ["keep", nil].contains(options.dialect?.lowercased())
      && Companions.keepsName(of: source, at: input, system: system)
    destination = try OutputDestination(
      output, format: options.format, isSharded: options.shardByteLimit != nil,
      keepingNameOf: keepsName ? source : nil, named: options.program?.weightFileName, system)
    if destination.isStream, options.resumes {
      throw .invalidRequest(
        option: .resumes, why: "standard output keeps nothing to go on with; name a file")
    }
    try options.requireAbilities(of: destination)
    try options.reading.requireUse(at: [input], by: [source], work: options.work)

    let companions = try Companions(of: source, at: input, for: destination, system: system)
    var requested = options.change
    let isForCTranslate2 = options.laysOutForCTranslate2(source, as: destination.formatID)
    let scaled = try ScaledSource(source, companions: companions.files, options: requested)
    requested.selection = scaled.selection(options.selection)
    var notes: [Finding] = []
    let wanted =
      isForCTranslate2
      ? nil
      : try DialectChange(
        scaled.checkpoint, at: input, options: requested, format: destination.formatID, findings: &notes)
    if !isForCTranslate2 { try options.requireUse(wanted, of: source) }
    let otherNames = scaled.otherNames(wanted?.targetNames ?? [:])
    try options.selection.check(against: source, alsoKnownAs: otherNames)
    try source.requireTensors(at: input)
    try requested.requireUseOfRules(by: source, alsoKnownAs: otherNames, joined: scaled.joined)
    // Weights that their config calls quantized are copied where their names are the target's already.
    let isCopy = wanted?.changesNames == false && scaled.hasDeclaredScales(requested.selection)
    let change = isCopy ? nil : wanted
    var draft: OutputBuilder
    if isForCTranslate2 {
      draft = try options.layOutForCTranslate2(scaled, at: input)
    } else if let change {
      try scaled.requireWhole(for: change.dialects.to, requested.selection)
      draft = try change.output(requested, destination: destination, companions: scaled.companions)
    } else {
      draft = try PlainConversion(source: scaled, options: requested, destination: destination).output
    }
    let said = Set(draft.losses)
    draft.losses += (companions.losses + scaled.losses + scaled.losses(of: options.renames)).filter {
      !said.contains($0)
    }
    try options.cut(&draft, by: change)
    let isRewritten = change != nil || isForCTranslate2
    rewritten = isRewritten ? requested.selection.taken(of: source, alsoKnownAs: otherNames) : []
    let keepsLongNames = options.dialect?.lowercased() == "keep" || source.format == destination.formatID
    options.configure(&draft, keepsLongNames: keepsLongNames)
    let renameCounts = try draft.rename(options.renames, target: destination.formatID)
    draft.stateDType(options.dtype, isForeign: options.config != nil, for: destination)
    planned = try draft.planned(for: destination)
    let writer = PlanWriter(planned, files: SourceFiles([]), work: options.work)
    let byteCount = try writer.plannedByteCount()
    // A remark of the reader's that holds for the output too is made once.
    let known = Set(source.findings)
    let findings = source.findings + notes + planned.plan.findings.filter { !known.contains($0) }
    report = ConversionReport(
      input: input, inputFormat: source.format, output: output, outputFormat: destination.formatID,
      byteCount: byteCount, tensorCount: planned.wholeTensors.count, dialects: change?.dialects,
      transposedCount: change == nil ? 0 : planned.wholeTensors.count { $0.transforms.contains(.transposed) },
      fileNames: destination.isFolder ? planned.plan.files.map(\.name) : [], losses: planned.losses,
      findings: findings.filter { $0.kind != .leftOut }, wasChecked: false,
      memoryBound: source.writingBound(companions) + planned.pieceBound)
    report.mayWriteLess = try writer.mayWriteLess()
    report.renames = zip(options.renames, renameCounts).map { (rule: $0.rule, tensorCount: $1) }
  }

  /// Whether any values are cast.
  public var castsValues: Bool {
    planned.tensors.contains { tensor in
      tensor.transforms.contains { if case .cast = $0 { true } else { false } }
    }
  }

  /// Writes the output.
  ///
  /// - Parameter progress: hears of every byte.
  /// - Returns: what was done, with a finding for each tensor of a model in another dialect that is not finite.
  /// - Throws: any error of reading or writing; the destination then holds what it held before.
  public func run(progress: (any ProgressObserver)? = nil) throws(IngotError) -> ConversionReport {
    var report = report
    report.findings += try source.nonFiniteFindings(of: rewritten, work: options.work, progress: progress).map
    {
      Finding($0.kind, severity: .note, subject: $0.subject, detail: $0.detail)
    }
    let files = SourceFiles(source.files, system: system)
    let output = PlanWriter(
      planned, files: files, work: options.work, extraDigests: options.check ? [.xxh3] : [])
    let key = JournalKey(
      fingerprint: Self.fingerprint(
        planned.plan, digests: planned.plan.digests.union(output.extraDigests), options: options,
        sources: source.files, system: system), resumes: options.resumes)
    let result = try destination.write(
      output, force: options.force,
      sources: source.files
        + Companions.files(beside: report.input, of: source, output: destination, system: system),
      journal: key,
      system: system, progress: progress
    ) { (written, path) throws(IngotError) in
      guard options.check else { return }
      try ReadBack(
        names: planned.tensors.map(\.name), written: written.parts,
        parallelFiles: planned.pieces?.files ?? [], work: options.work
      ).run(path, for: report.output, progress: progress)
    }
    report.resumedPartCount = result.resumedPartCount
    report.wasToResume = options.resumes
    report.leftovers = result.leftovers
    report.byteCount = result.byteCount
    report.losses += planned.castLosses(result, onOverflow: options.onOverflow)
    report.wasChecked = options.check
    return report
  }
}

extension Ingot {
  /// Converts a checkpoint: plans the output, and writes it.
  ///
  /// - Parameters:
  ///   - input: path of the checkpoint.
  ///   - output: path of the output; `-` for standard output.
  ///   - options: what is to be done.
  ///   - progress: hears of every byte.
  /// - Returns: what was done, and all that is not kept.
  /// - Throws: the errors of ``Conversion``; the destination then holds what it held before.
  public static func convert(
    _ input: String, to output: String, options: ConvertOptions = ConvertOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> ConversionReport {
    try Conversion(input, to: output, options: options).run(progress: progress)
  }
}
