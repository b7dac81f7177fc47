// SPDX-License-Identifier: Apache-2.0
#include "planted_faults.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int planted_overread(int count) {
    volatile unsigned char *block = malloc((size_t)count);
    if (!block) return -1;
    for (int i = 0; i < count; i++) block[i] = 1;
    const int behind = block[count];
    free((void *)block);
    return behind;
}

int planted_overflow(int number) {
    volatile int sum = number;
    sum = sum + 1;
    return sum;
}

static int shared;

static void *write_shared(void *unused) {
    (void)unused;
    for (int i = 0; i < 1000; i++) shared++;
    return NULL;
}

int planted_race(void) {
    pthread_t other;
    if (pthread_create(&other, NULL, write_shared, NULL)) return -1;
    write_shared(NULL);
    pthread_join(other, NULL);
    return shared;
}
