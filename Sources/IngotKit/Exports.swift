// SPDX-License-Identifier: Apache-2.0
// What users of this library see of the targets below it: values, formats and their plans.
@_exported import IngotBytes
@_exported import IngotCore
@_exported import IngotDialects
@_exported import IngotEncodings
@_exported import IngotEvaluation
@_exported import IngotFormats
@_exported import IngotGraph
@_exported import IngotKernels
@_exported import IngotModels
@_exported import IngotOutput
@_exported import IngotQuantization
@_exported import IngotRuntime
@_exported import IngotText
