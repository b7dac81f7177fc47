// SPDX-License-Identifier: Apache-2.0
// llama.cpp as commands, with nothing around it: the scripts build this against the libraries in llama-cpp-python.
//   llama-peer quantize IN.gguf OUT.gguf THREADS        to Q8_0, as llama-quantize does
//   llama-peer logits MODEL.gguf TOKENS THREADS         the likeliest token behind a prompt of so many tokens
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void quiet(enum ggml_log_level level, const char *text, void *data) {
  (void)data;
  if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static int quantize(const char *source, const char *target, int threads) {
  struct llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = LLAMA_FTYPE_MOSTLY_Q8_0;
  params.nthread = threads;
  return (int)llama_model_quantize(source, target, &params);
}

static int logits(const char *path, int count, int threads) {
  struct llama_model *model = llama_model_load_from_file(path, llama_model_default_params());
  if (!model) return 1;
  struct llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = (uint32_t)count;
  params.n_threads = params.n_threads_batch = threads;
  struct llama_context *context = llama_init_from_model(model, params);
  llama_token *tokens = malloc(sizeof(llama_token) * (size_t)count);
  if (!context || !tokens) return 1;
  int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  for (int i = 0; i < count; i++) tokens[i] = (llama_token)(((long)i * 7919 + 13) % vocabulary);
  if (llama_decode(context, llama_batch_get_one(tokens, count)) != 0) return 1;
  const float *values = llama_get_logits_ith(context, -1);
  int best = 0;
  for (int i = 1; i < vocabulary; i++) best = values[i] > values[best] ? i : best;
  printf("%d\n", best);
  return 0;
}

int main(int count, char **words) {
  llama_log_set(quiet, NULL);
  llama_backend_init();
  if (count == 5 && strcmp(words[1], "quantize") == 0) return quantize(words[2], words[3], atoi(words[4]));
  if (count == 5 && strcmp(words[1], "logits") == 0) return logits(words[2], atoi(words[3]), atoi(words[4]));
  fputs("usage: llama-peer quantize IN OUT THREADS | logits MODEL TOKENS THREADS\n", stderr);
  return 64;
}
