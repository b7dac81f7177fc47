// SPDX-License-Identifier: Apache-2.0
// What users of this library see of the targets below it: all values of IngotCore, and by name those that options and
// reports hold.

@_exported import IngotCore

@_exported import struct IngotBytes.OutputLeftovers
@_exported import protocol IngotBytes.ProgressObserver
@_exported import enum IngotBytes.ProgressUnit
@_exported import enum IngotBytes.TextHash
@_exported import struct IngotBytes.WorkOptions
@_exported import enum IngotCorpus.CorpusDecision
@_exported import struct IngotCorpus.CorpusRecipe
@_exported import enum IngotCorpus.DocumentForm
@_exported import struct IngotCorpus.NearDuplicates
@_exported import struct IngotCorpus.PassedOver
@_exported import struct IngotDialects.TargetProgram
@_exported import struct IngotEvaluation.LanguageModelLoss
@_exported import struct IngotEvaluation.ModelDivergence
@_exported import struct IngotEvaluation.PairedLosses
@_exported import struct IngotEvaluation.Proportion
@_exported import struct IngotEvaluation.SamplingOptions
@_exported import struct IngotEvaluation.TokenScore
@_exported import enum IngotFormats.CodeKind
@_exported import struct IngotFormats.ContentSurvey
@_exported import struct IngotFormats.Glob
@_exported import struct IngotFormats.MetadataChange
@_exported import struct IngotFormats.ReadOptions
@_exported import struct IngotFormats.SurveyedFile
@_exported import struct IngotFormats.TensorSelection
@_exported import struct IngotGraph.ModelPreset
@_exported import struct IngotKernels.ElementStatistics
@_exported import enum IngotKernels.ElementValue
@_exported import struct IngotKernels.OutlierChannels
@_exported import struct IngotKernels.OutputError
@_exported import enum IngotKernels.OverflowPolicy
@_exported import struct IngotKernels.QuantizationError
@_exported import protocol IngotKernels.TensorNumber
@_exported import struct IngotKernels.UniformHistogram
@_exported import struct IngotKernels.ValueHistogram
@_exported import struct IngotModels.BudgetChoice
@_exported import struct IngotModels.DTypeRule
@_exported import enum IngotModels.HeadTie
@_exported import enum IngotModels.Precision
@_exported import enum IngotModels.QuantizationBudget
@_exported import struct IngotModels.SensitivityTable
@_exported import struct IngotOutput.TensorRename
@_exported import enum IngotQuantization.QuantizationScheme
@_exported import enum IngotQuantization.WeightCoding
@_exported import enum IngotRuntime.CacheElement
@_exported import struct IngotTasks.TaskTemplate
