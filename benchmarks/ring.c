/* The ring of shm/ring.py in C, for the ratio: the same layout, the same orderings, the same work. */
#include <stdint.h>
#include <time.h>

#define WORDS 15
#define BACKOFF 16
#define RELAXED __ATOMIC_RELAXED
#define ACQUIRE __ATOMIC_ACQUIRE
#define RELEASE __ATOMIC_RELEASE

typedef int64_t word;

static inline char *slot_at(char *ring, word mask, word sequence) { return ring + 4096 + ((sequence & mask) << 7); }
static inline word load(char *at, int order) { return __atomic_load_n((word *)at, order); }
static inline void store(char *at, word value, int order) { __atomic_store_n((word *)at, value, order); }

static inline void copy(char *target, char *source) {
#pragma GCC unroll 3
    for (int first = 0; first < WORDS; first += 5) { /* by fives: they fit the registers */
        char *from = source + 8 * first, *to = target + 8 * first;
        word a = load(from, RELAXED), b = load(from + 8, RELAXED), c = load(from + 16, RELAXED);
        word d = load(from + 24, RELAXED), e = load(from + 32, RELAXED);
        store(to, a, RELAXED), store(to + 8, b, RELAXED), store(to + 16, c, RELAXED);
        store(to + 24, d, RELAXED), store(to + 32, e, RELAXED);
    }
}

static inline word send(char *ring, word mask, word sequence, char *record) {
    char *slot = slot_at(ring, mask, sequence);
    store(slot, 2 * sequence + 1, RELAXED);
    __atomic_thread_fence(RELEASE);
    copy(slot + 8, record);
    store(slot, 2 * sequence + 2, RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return load(ring, RELAXED); /* armed doorbells: nobody sleeps here */
}

static inline int receive(char *ring, word mask, word sequence, char *out) {
    char *slot = slot_at(ring, mask, sequence);
    word whole = 2 * sequence + 2, found = load(slot, ACQUIRE);
    if (found != whole) return found < whole ? 0 : -1;
    copy(out, slot + 8);
    __atomic_thread_fence(ACQUIRE);
    return load(slot, RELAXED) == whole ? 1 : -1;
}

static inline void relax(void) {
#if defined(__x86_64__)
    for (int turn = 0; turn < BACKOFF; turn++) __builtin_ia32_pause();
#elif defined(__aarch64__)
    for (int turn = 0; turn < BACKOFF; turn++) __asm__ volatile("yield");
#endif
}

static inline word now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* Publish records first .. end - 1, never more than a ring ahead of the word at `done`. */
word produce(char *ring, word mask, word first, word end, char *record, char *done) {
    word armed = 0, behind = first;
    for (word sequence = first; sequence < end; sequence++) {
        while (sequence - behind > mask) behind = load(done, ACQUIRE);
        store(record, sequence, RELAXED);
        armed |= send(ring, mask, sequence, record);
    }
    return armed;
}

/* Read them; the sum of the first and last words. */
word consume(char *ring, word mask, word first, word end, char *out, char *done) {
    word sum = 0;
    for (word sequence = first; sequence < end; sequence++) {
        while (receive(ring, mask, sequence, out) != 1) relax();
        sum += load(out, RELAXED) + load(out + 112, RELAXED);
        if ((sequence & 63) == 63) store(done, sequence + 1, RELEASE);
    }
    store(done, end, RELEASE);
    return sum;
}

/* Send and await the answer; each round trip's nanoseconds to `times`. */
word ping(char *there, char *back, word mask, word first, word end, char *record, char *times) {
    for (word sequence = first; sequence < end; sequence++) {
        word begun = now();
        store(record, sequence, RELAXED);
        send(there, mask, sequence, record);
        while (receive(back, mask, sequence, record) != 1) {}
        store(times + 8 * (sequence - first), now() - begun, RELAXED);
    }
    return load(record, RELAXED);
}

word pong(char *there, char *back, word mask, word first, word end, char *record) {
    for (word sequence = first; sequence < end; sequence++) {
        while (receive(there, mask, sequence, record) != 1) {}
        send(back, mask, sequence, record);
    }
    return load(record, RELAXED);
}
