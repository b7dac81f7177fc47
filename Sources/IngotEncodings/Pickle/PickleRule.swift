// SPDX-License-Identifier: Apache-2.0
// The rules of formats/containers/pickle.md, and which globals a pickle may name.
import IngotCore

/// The rules of pickles; their meaning stands on `formats/containers/pickle.md`.
package enum PickleRule: String, FormatRule {
  case opcode = "PK-01"
  case whole = "PK-02"
  case stack = "PK-03"
  case text = "PK-04"
  case number = "PK-05"
  case memo = "PK-06"
  case target = "PK-07"
  case call = "PK-08"
  case globalName = "PK-09"
  case selfContained = "PK-10"
  case density = "PK-11"
}

/// The globals that a format's reader knows, each with what may be done with it, and those that no checkpoint has a use for.
///
/// A pickle is a program for a machine whose instructions include "import this" and "call that". Here a global is never
/// more than its name: what is called makes a note of the call, for the format's reader to interpret or to leave out. A
/// global of the second kind, such as `os.system`, is refused by name: nothing would come of reading on but a file that
/// harms whoever loads it.
package struct PickleAllowList: Sendable {
  /// What may be done with a global.
  package enum Role: Hashable, Sendable {
    /// It may stand in a value: a dtype, a class of storages.
    case constant
    /// It may be called.
    case function
    /// It may be called, and what it makes may be given state.
    case type
    /// It may be called without arguments or with pairs: that makes a dictionary, which may be given attributes.
    case mapping
  }

  /// The rule that naming a refused global breaks.
  package let rule: Rule
  private let roles: [String: Role]
  private let refused: Set<String>

  /// Makes a list.
  ///
  /// - Parameters:
  ///   - roles: what may be done with each global, by its module and name with a dot between.
  ///   - refused: modules and globals that are refused with all that is in them, unless they have a role.
  ///   - rule: the rule that naming one of these breaks.
  package init(_ roles: [String: Role], refused: Set<String>, rule: Rule) {
    self.roles = roles
    self.refused = refused
    self.rule = rule
  }

  /// Whether a global is refused: it, or a module that it is in.
  package func isRefused(_ global: PickleGlobal) -> Bool {
    guard roles[global.name] == nil else { return false }
    return global.name.indices.contains {
      global.name[$0] == "." && refused.contains(String(global.name[..<$0]))
    }
      || refused.contains(global.name)
  }

  /// What may be done with a global; `nil` for one that is not listed.
  package func role(of global: PickleGlobal) -> Role? { roles[global.name] }

  /// What may be done with a global of that name, its module in front.
  package func role(of name: String) -> Role? { roles[name] }
}

/// A global that a pickle names.
package struct PickleGlobal: Hashable, Sendable {
  /// Its module and name as Python 3 calls them, with a dot between: `collections.OrderedDict`.
  package let name: String

  /// Makes a reference to a global; modules that Python 2 called otherwise get their later names.
  package init(module: String, name: String) {
    let module = Self.laterNames[module] ?? module
    self.name = "\(module).\(name)"
  }

  /// Modules of Python 2 that harmless globals are in, as `_compat_pickle` maps them.
  private static let laterNames = [
    "__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins", "UserDict": "collections",
    "UserList": "collections", "UserString": "collections", "cPickle": "pickle", "commands": "subprocess",
  ]
}
