// The block: one immutable line of JSON bytes, written in one way only (docs/FORMAT.md has every
// byte), and its strict reader.
//
// Writes, hashes and parses; stores nothing. Not thread-safe, but for block_leaf.
#ifndef TALLY_LEDGER_BLOCK_H
#define TALLY_LEDGER_BLOCK_H

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/reading.h"
#include "base/text.h"

#define BLOCK_BYTES_MAX    (128u << 10) // a reader refuses more
#define BLOCK_CLOSE_BYTES  (64u << 10)  // a block closes when its body has reached this
#define BLOCK_READINGS_MAX 1000
#define BLOCK_ORIGIN_MAX   84 // 18 + 1 + 32 + 1 + 32

// A block being written. Readings, misses and events may come in any order; each goes to its own
// list.
struct block_writer {
    struct text readings, missed, events;
    int count, missed_count, event_count;
    int64_t first_mono_us, last_mono_us;
    int64_t t_lo_us, t_hi_us; // least and greatest reading (and miss and event) time; INT64_MAX,
                              // INT64_MIN when none
    bool has_entry;           // an event that is one (block_is_entry)
};

void block_writer_init(struct block_writer *writer);
void block_writer_free(struct block_writer *writer);
void block_writer_clear(struct block_writer *writer);
size_t block_writer_bytes(const struct block_writer *writer);
void block_add_reading(struct block_writer *writer, const struct reading *reading, int64_t mono_us);
void block_add_miss(struct block_writer *writer, uint32_t point, int64_t t_us, int64_t mono_us,
                    const char *word);
// `text` is cut at 1024 bytes.
void block_add_event(struct block_writer *writer, int64_t t_us, int64_t mono_us, const char *kind,
                     const char *subject, const char *text);

// Whether events of this kind are entries: what a person puts on record, which is asked for by
// itself long after (docs/FORMAT.md, §1.3). `kind` need not be terminated.
bool block_is_entry(const char *kind, size_t length);
#define ENTRY_SUBJECT_MAX 200 // bytes of an entry's subject …
#define ENTRY_BODY_MAX    900 // … and of what it states, behind "by <account> (user <number>): "

struct block_seal {
    const char *origin; // of the log
    uint64_t n;
    struct digest previous; // leaf hash of block n - 1; of block 0: all zero, written as ""
    const char *run;        // 32 hex digits
    int64_t mono_us;        // monotonic clock at closing
    int64_t closed_us;      // wall clock at closing
    struct clock_state clock;
    struct digest definitions;
};

// Writes the block's bytes, newline included, to `out` (cleared first). 0, or ERROR_MEMORY /
// ERROR_RANGE (above BLOCK_BYTES_MAX).
int block_seal(const struct block_writer *writer, const struct block_seal *seal, struct text *out);
// RFC 6962: SHA-256(0x00 ‖ bytes).
struct digest block_leaf(const void *bytes, size_t length);

// A block taken apart, strictly: any other key order, white space, number form, duplicate, or hex
// form is refused, with the offset. Strings point into the block's bytes or the view's own arena.
struct block_reading {
    uint32_t point;
    int64_t t_us, half_window_us;
    const char *raw; // hex digits, not terminated
    uint32_t raw_digits;
    const char *indication; // the JSON text of it ("23.4", "null", "\"…\""), not terminated
    uint32_t indication_length;
    const char *corrected;
    uint32_t corrected_length;
    const char *uncertainty;
    uint32_t uncertainty_length;
    uint32_t flags;
};
struct block_miss {
    uint32_t point;
    int64_t t_us;
    const char *word;
    uint32_t word_length;
};
struct block_event {
    int64_t t_us;
    const char *kind, *subject, *text; // JSON string bodies, still escaped, not terminated
    uint32_t kind_length, subject_length, text_length;
};
struct block_view {
    char origin[BLOCK_ORIGIN_MAX + 1];
    uint64_t n;
    struct digest previous, definitions;
    char run[33];
    int64_t mono_us[2], closed_us;
    struct clock_state clock;
    const struct block_reading *readings;
    size_t reading_count;
    const struct block_miss *missed;
    size_t missed_count;
    const struct block_event *events;
    size_t event_count;
    void *arena; // owned; reused by the next block_parse into the same view
};

// 0, or ERROR_INPUT / ERROR_RANGE with why ("byte 117: expected ,\"run\":"). `bytes` must outlive
// the view's use. Start with a zeroed view; block_view_free at the end.
int block_parse(struct block_view *view, const void *bytes, size_t length, struct why *why);
// Whether one of its events is an entry.
bool block_has_entry(const struct block_view *view);
void block_view_free(struct block_view *view);

#endif
