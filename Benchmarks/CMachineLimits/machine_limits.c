// SPDX-License-Identifier: Apache-2.0
// Each thread does the same fixed work; the rate is all the work over the time from the common start to the last end.
#include "machine_limits.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { max_threads = 64, arithmetic_rounds = 300 * 1000 * 1000, passes = 6, chains = 16 };
// Well beyond any cache.
static const size_t buffer_bytes = (size_t)128 << 20;

typedef struct {
  machine_work work;
  int slot;
  pthread_barrier_t *start;
  double amount;
} task;

static void *buffers[max_threads][2];
// Keeps results alive.
static volatile float sink;

#if defined(__x86_64__)
#include <immintrin.h>

// Sixteen independent chains hide the latency of one; `step` is what each does in a round.
#define CHAINS(type, zero, step, finish)                                   \
  type sums[chains];                                                       \
  _Pragma("unroll") for (int i = 0; i < chains; i++) sums[i] = zero;       \
  for (int round = 0; round < arithmetic_rounds / chains; round++) {       \
    _Pragma("unroll") for (int i = 0; i < chains; i++) sums[i] = step;     \
    __asm__ volatile("" ::: "memory");                                     \
  }                                                                        \
  _Pragma("unroll") for (int i = 0; i < chains; i++) sink = finish;

__attribute__((target("avx512f"))) static double fma_avx512(void) {
  __m512 x = _mm512_set1_ps(0.5f);
  CHAINS(__m512, x, _mm512_fmadd_ps(x, sums[i], x), _mm512_reduce_add_ps(sums[i]))
  return 32.0 * arithmetic_rounds;
}

__attribute__((target("avx2,fma"))) static double fma_avx2(void) {
  __m256 x = _mm256_set1_ps(0.5f);
  CHAINS(__m256, x, _mm256_fmadd_ps(x, sums[i], x), _mm256_cvtss_f32(sums[i]))
  return 16.0 * arithmetic_rounds;
}

__attribute__((target("avx512f,avx512bf16"))) static double dot_bf16(void) {
  __m512bh x = (__m512bh)_mm512_set1_epi16(0x3e80);
  CHAINS(__m512, _mm512_setzero_ps(), _mm512_dpbf16_ps(sums[i], x, x), _mm512_reduce_add_ps(sums[i]))
  return 64.0 * arithmetic_rounds;
}

__attribute__((target("avx512f,avx512vnni"))) static double dot_i8(void) {
  __m512i x = _mm512_set1_epi8(1);
  CHAINS(__m512i, x, _mm512_dpbusd_epi32(sums[i], x, x), (float)_mm512_reduce_add_epi32(sums[i]))
  return 128.0 * arithmetic_rounds;
}

static double arithmetic(machine_work work) {
  int wide = __builtin_cpu_supports("avx512f");
  switch (work) {
    case machine_fma_f32:
      if (wide) return fma_avx512();
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? fma_avx2() : 0;
    case machine_dot_bf16:
      return wide && __builtin_cpu_supports("avx512bf16") ? dot_bf16() : 0;
    case machine_dot_i8:
      return wide && __builtin_cpu_supports("avx512vnni") ? dot_i8() : 0;
    default:
      return 0;
  }
}
#else
static double arithmetic(machine_work work) {
  (void)work;
  return 0;
}
#endif

typedef uint64_t wide __attribute__((vector_size(64)));

static double read_all(const wide *data) {
  wide a = {0}, b = {0}, c = {0}, d = {0};
  for (int pass = 0; pass < passes; pass++) {
    for (size_t i = 0; i < buffer_bytes / sizeof(wide); i += 4) {
      a += data[i], b += data[i + 1], c += data[i + 2], d += data[i + 3];
    }
    __asm__ volatile("" ::: "memory");
  }
  wide sum = a + b + c + d;
  sink = (float)sum[0];
  return (double)buffer_bytes * passes;
}

static double copy_all(void *target, const void *source) {
  for (int pass = 0; pass < passes; pass++) {
    memcpy(target, source, buffer_bytes);
    __asm__ volatile("" ::: "memory");
  }
  return (double)buffer_bytes * passes;
}

static void *run(void *context) {
  task *mine = context;
  void **own = buffers[mine->slot];
  pthread_barrier_wait(mine->start);
  switch (mine->work) {
    case machine_read:
      mine->amount = read_all(own[0]);
      break;
    case machine_copy:
      mine->amount = copy_all(own[1], own[0]);
      break;
    default:
      mine->amount = arithmetic(mine->work);
  }
  return NULL;
}

// Buffers are kept and have been written to, so that no page is made while the clock runs.
static int prepare(int thread_count) {
  for (int slot = 0; slot < thread_count; slot++) {
    for (int which = 0; which < 2; which++) {
      if (buffers[slot][which]) continue;
      void *start = mmap(NULL, buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (start == MAP_FAILED) return 0;
      madvise(start, buffer_bytes, MADV_HUGEPAGE);
      memset(start, 1, buffer_bytes);
      buffers[slot][which] = start;
    }
  }
  return 1;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double machine_rate(machine_work work, int thread_count) {
  if (thread_count < 1 || thread_count > max_threads) return 0;
  int moves = work == machine_read || work == machine_copy;
  if (moves && !prepare(thread_count)) return 0;
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, (unsigned)thread_count);
  pthread_t threads[max_threads];
  task tasks[max_threads];
  for (int slot = 0; slot < thread_count; slot++) tasks[slot] = (task){work, slot, &start, 0};
  double began = seconds();
  // The barrier counts on all of them: where one cannot be made, those before it would wait for ever.
  for (int slot = 1; slot < thread_count; slot++) {
    if (pthread_create(&threads[slot], NULL, run, &tasks[slot]) != 0) return 0;
  }
  run(&tasks[0]);
  double amount = tasks[0].amount;
  for (int slot = 1; slot < thread_count; slot++) {
    pthread_join(threads[slot], NULL);
    amount += tasks[slot].amount;
  }
  double took = seconds() - began;
  pthread_barrier_destroy(&start);
  return amount / took;
}
