// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that tells how far long work is, at which rate, and how long it will take.
import IngotBytes
import IngotReport

/// Progress on a terminal's last line; nothing is shown of work that is done in a moment.
///
/// SAFETY: verbs tell it one thing at a time.
final class ProgressLine: ProgressObserver, @unchecked Sendable {
  private static let delaySeconds = 0.3
  private static let intervalSeconds = 0.1

  private var total = 0
  private var done = 0
  private var start = 0.0
  private var lastShown = 0.0
  private var isShown = false
  private var activity = ""
  private var unit = ProgressUnit.bytes

  func begin(_ activity: String, count: Int, unit: ProgressUnit) {
    self.activity = activity
    self.unit = unit
    total = count
    done = 0
    start = Process.monotonicSeconds
    lastShown = start + Self.delaySeconds - Self.intervalSeconds
  }

  func advance(_ count: Int) {
    done += count
    let now = Process.monotonicSeconds
    guard now - lastShown >= Self.intervalSeconds, total > 0 else { return }
    lastShown = now
    isShown = true
    Terminal.printError("\r" + line(at: now) + "\u{1B}[K")
  }

  func end() {
    if isShown { Terminal.printError("\r\u{1B}[K") }
    isShown = false
  }

  private func line(at now: Double) -> String {
    let share = min(1, Double(done) / Double(total))
    let rate = Double(done) / max(now - start, 1e-9)
    let numbers = numbers(rate: rate)
    let text = "  \(Int(share * 100)) %  \(activity) \(numbers)" + timeLeft(share: share, rate: rate)
    // A line that wraps can't be written over: a narrow terminal gets a shorter bar, or none.
    let room = (Terminal.standardError.columns ?? 80) - 1 - text.count
    let width = min(26, room)
    guard width >= 4 else { return String(text.dropFirst(2).prefix(max(0, room + text.count))) }
    let filled = Int(share * Double(width))
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled) + text
  }

  private func numbers(rate: Double) -> String {
    switch unit {
    case .bytes: "\(Quantity.bytes(done)) of \(Quantity.bytes(total))  \(Quantity.bytes(Int(rate)))/s"
    case .tokens: "\(done) of \(total) tokens  \(Int(rate))/s"
    }
  }

  /// The time left at the rate so far.
  private func timeLeft(share: Double, rate: Double) -> String {
    guard rate > 0 else { return "" }
    let seconds = Double(max(0, total - done)) / rate
    return switch seconds {
    case ..<100: "  \(Quantity.fixed(seconds, decimals: 1)) s left"
    case ..<6000: "  \(Quantity.fixed(seconds / 60, decimals: 0)) min left"
    default: "  \(Quantity.fixed(seconds / 3600, decimals: 1)) h left"
    }
  }
}
