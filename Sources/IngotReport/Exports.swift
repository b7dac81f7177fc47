// SPDX-License-Identifier: Apache-2.0
// Rendering hands on the values that it renders.
@_exported import IngotKit
