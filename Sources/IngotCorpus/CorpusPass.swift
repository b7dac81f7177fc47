// SPDX-License-Identifier: Apache-2.0
// The one pass over all documents: while some are measured by all threads, those before them are decided on in their order
// by one, and the next ones are read by another. So the result is the same for any number of threads.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// What a pass reads.
package struct CorpusInput: Sendable {
  /// Files, folders, and `-` for standard input.
  package var paths: [String]
  /// How they hold documents; `nil` to go by names, and for standard input by its first byte.
  package var form: DocumentForm?
  /// The field of records that has the text.
  package var field: String
  /// What stands between the documents of a text; empty where a file is one.
  package var separator: String
  /// What stands where outputs go, which is no input.
  package var outputs: [FileStatus]

  /// Describes an input.
  package init(
    _ paths: [String], form: DocumentForm? = nil, field: String = "text", separator: String = "",
    outputs: [FileStatus] = []
  ) {
    (self.paths, self.form, self.field) = (paths, form, field)
    (self.separator, self.outputs) = (separator, outputs)
  }
}

/// What a pass comes to.
package struct CorpusCounts: Sendable {
  /// Documents by decision.
  package var decisions: [CorpusDecision: Int] = [:]
  /// Bytes of all documents, as they were read.
  package var byteCount = 0
  /// Bytes of the output.
  package var writtenByteCount = 0
  /// What folders hold and was not taken.
  package var passedOver = PassedOver()
  /// Documents that near ones are not found of, since too many share their bands.
  package var crowdedCount = 0

  /// All documents.
  package var documentCount: Int { decisions.values.reduce(0, +) }
}

/// A pass over documents.
package struct CorpusPass {
  private let input: CorpusInput
  private let recipe: CorpusRecipe
  private let work: WorkOptions
  private let limit: Int?
  private var index: DuplicateIndex
  private var writer: CorpusWriter?
  private let list: DecisionList?
  private let relay: ProgressRelay
  private var counts = CorpusCounts()

  /// Prepares a pass.
  ///
  /// - Parameters:
  ///   - input: what is read.
  ///   - recipe: what is kept.
  ///   - output: where documents go, and how; `nil` to count only.
  ///   - list: where the list of decisions goes.
  ///   - limit: documents that are kept at most; the pass ends with the last.
  ///   - work: how the work is done.
  ///   - relay: hears of every byte.
  /// - Throws: ``IngotError/environment(_:)`` when scratch files can't be made.
  package init(
    _ input: CorpusInput, recipe: CorpusRecipe, output: (form: CorpusForm, target: any OutputTarget)?,
    list: (any OutputTarget)?, limit: Int?, work: WorkOptions, relay: ProgressRelay
  ) throws(IngotError) {
    (self.input, self.recipe, self.limit, self.work) = (input, recipe, limit, work)
    self.relay = relay
    writer = output.map { CorpusWriter($0.form, to: $0.target) }
    self.list = list.map { DecisionList(to: $0) }
    index = try DuplicateIndex(recipe.nearDuplicates, work: work)
  }

  /// A batch whose documents are being measured, or are.
  private struct MeasuredBatch {
    var bytes: [UInt8] = []
    var documents: [MeasuredDocument] = []

    init() {}

    init(_ batch: DocumentBatch) {
      bytes = batch.bytes
      documents = batch.documents.map { MeasuredDocument($0) }
    }
  }

  /// Reads, decides and writes.
  ///
  /// - Returns: what it came to.
  /// - Throws: read and write errors, and those of the first document that is none.
  package mutating func run() throws(IngotError) -> CorpusCounts {
    var stream = DocumentStream(input, system: work.system)
    let crew = WorkCrew(jobs: work.jobs)
    let measurers = makeMeasurers(crew.jobCount)
    var settling = MeasuredBatch()
    var measuring = MeasuredBatch()
    var isAtEnd = false
    var failure: IngotError?
    while true {
      let pieces = Self.pieces(of: measuring.documents)
      var next = DocumentBatch()
      try crew.run(taskCount: pieces.count + 2) { (slot, task) throws(IngotError) in
        switch task {
        case 0: try settle(settling)
        case 1:
          guard !isAtEnd else { return }
          // What was read before is decided on first.
          do throws(IngotError) { next = try stream.next() } catch { failure = error }
          isAtEnd = failure != nil || next.documents.isEmpty
        default:
          for place in pieces[task - 2] {
            try measurers[slot].measure(measuring.documents[place], in: measuring.bytes)
          }
        }
      }
      if isFull || isAtEnd && measuring.documents.isEmpty && next.documents.isEmpty { break }
      (settling, measuring) = (measuring, MeasuredBatch(next))
    }
    if let failure, !isFull { throw failure }
    try writer?.output.flush()
    try list?.output.flush()
    counts.passedOver = stream.passedOver
    counts.crowdedCount = index.crowdedCount
    counts.writtenByteCount = writer?.output.byteCount ?? 0
    return counts
  }

  /// A measurer for each thread.
  private func makeMeasurers(_ count: Int) -> [DocumentMeasurer] {
    let minHash = recipe.nearDuplicates.map { MinHash(count: $0.permutations) }
    return (0..<count).map { _ in
      DocumentMeasurer(recipe, field: ExactName(input.field), minHash: minHash)
    }
  }

  /// Whether as many documents are kept as are wanted.
  private var isFull: Bool { limit.map { counts.decisions[.kept, default: 0] >= $0 } ?? false }

  /// Documents that are measured by one thread: enough bytes to be worth its while.
  private static func pieces(of documents: [MeasuredDocument]) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var (start, byteCount) = (0, 0)
    for (place, document) in documents.enumerated() {
      byteCount += document.raw.range.count
      guard byteCount >= 1 << 16 || place + 1 == documents.count else { continue }
      pieces.append(start..<place + 1)
      (start, byteCount) = (place + 1, 0)
    }
    return pieces
  }

  /// Decides on documents in their order, and writes those that are kept.
  private mutating func settle(_ batch: MeasuredBatch) throws(IngotError) {
    for document in batch.documents {
      guard !isFull else { return }
      let asked = UInt64(counts.documentCount + 1)
      guard asked <= Limit.corpusDocuments.value, let number = UInt32(exactly: asked) else {
        throw .limitExceeded(
          .corpusDocuments, at: document.raw.source.location(document.raw.number), asked: asked)
      }
      let ruling: Ruling
      if let own = document.ruling {
        ruling = own
      } else {
        ruling = try index.rule(on: number, digest: document.digest, signature: document.signature)
      }
      counts.decisions[ruling.decision, default: 0] += 1
      counts.byteCount += document.raw.range.count
      relay.advance(document.raw.range.count)
      try list?.write(document.raw, number: number, ruling)
      if ruling.decision == .kept { try writer?.write(document, in: batch.bytes) }
    }
  }
}
