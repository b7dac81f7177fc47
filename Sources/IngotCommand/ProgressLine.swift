// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that tells how far long work is, at which rate, and how long it will take.
import IngotReport

/// Progress on a terminal's last line; nothing is shown of work that is done in a moment.
final class ProgressLine: ProgressObserver {
  private static let delaySeconds = 0.3
  private static let intervalSeconds = 0.1

  private var total = 0
  private var done = 0
  private var start = 0.0
  private var lastShown = 0.0
  private var isShown = false
  private var activity = ""

  func begin(_ activity: String, byteCount: Int) {
    self.activity = activity
    total = byteCount
    done = 0
    start = Process.monotonicSeconds
    lastShown = start + Self.delaySeconds - Self.intervalSeconds
  }

  func advance(_ byteCount: Int) {
    done += byteCount
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
    let left = Double(max(0, total - done)) / max(rate, 1)
    let width = 26
    let filled = Int(share * Double(width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let numbers = "\(Quantity.bytes(done)) of \(Quantity.bytes(total))  \(Quantity.bytes(Int(rate)))/s"
    return
      "\(bar)  \(Int(share * 100)) %  \(activity) \(numbers)  \(Quantity.fixed(left, decimals: 1)) s left"
  }
}
