#include "report/covered.h"

#include "common/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// A ledger at work, and the stretch.
struct search {
    struct ledger_reader *reader;
    int64_t from_us, to_us;
    bool ended;
    uint64_t size;
    uint64_t needed_from; // the first block that holds something of it
    struct ledger_note_row rows[LEDGER_NOTES_MAX];
    size_t row_count;
};

static int refuse(struct covered_receipt *entry, enum covered_state state, const char *what)
{
    entry->state = state;
    snprintf(entry->why, sizeof entry->why, "%s", what);
    return OK;
}

// Whether all that was recorded of [from, to) is in the blocks before `size`, and no more comes.
static int is_all(const struct search *search, uint64_t size, bool *all, struct why *why)
{
    struct times times = {.closed_us = INT64_MAX};
    uint64_t n = size;
    *all = false;
    int error = search->ended ? OK : times_of_block(search->reader, size - 1, &times, why);
    if (error || times.closed_us < search->to_us) {
        return error == ERROR_ABSENT ? OK : error;
    }
    error = ledger_reader_next_in_time(search->reader, search->from_us, search->to_us, &n, why);
    *all = error == ERROR_ABSENT;
    return *all ? OK : error;
}

// Of a receipt whose signature is good.
static int look_at_blocks(const struct search *search, struct covered_receipt *entry,
                          struct why *why)
{
    const struct checkpoint *head = &entry->head.head;
    struct digest root;
    if (strcmp(head->origin, ledger_reader_origin(search->reader)) != 0) {
        return refuse(entry, COVERED_UNVERIFIED, "it is of another log");
    }
    if (head->size > search->size) {
        return refuse(entry, COVERED_UNVERIFIED, "it is of more blocks than there are");
    }
    if (entry->head.from >= head->size) {
        return refuse(entry, COVERED_SHORT, "it is of no block");
    }
    int error = ledger_reader_root(search->reader, head->size, &root, why);
    if (error) {
        return error;
    }
    if (!digest_equal(&root, &head->root)) {
        return refuse(entry, COVERED_UNVERIFIED, "its root is not this ledger's");
    }
    if (entry->head.from > search->needed_from) {
        return refuse(entry, COVERED_SHORT, "it leaves out the first blocks of it");
    }
    bool all;
    error = is_all(search, head->size, &all, why);
    if (!error && all) {
        entry->state = COVERED_WHOLE;
    }
    return error || all ? error : refuse(entry, COVERED_SHORT, "it does not cover all of it");
}

// The receipt of one uplink, by one key (NULL: nobody's).
static int look_at(const struct search *search, const char *uplink, const struct trusted_key *key,
                   struct covered_receipt *entry, struct why *why)
{
    struct text bytes = text_make(LEDGER_NOTE_MAX);
    struct note note;
    struct why found = {""};
    uint64_t stated;
    int error = ledger_reader_note(search->reader, LEDGER_RECEIPT, uplink, &bytes, &stated, why);
    if (error) {
        text_free(&bytes);
        return error == ERROR_ABSENT ? refuse(entry, COVERED_ABSENT, "there is none") : error;
    }
    snprintf(entry->uplink, sizeof entry->uplink, "%s", uplink);
    bool formed = receipt_read(&entry->head, &note, bytes.data, bytes.length, &found) == OK;
    if (formed) {
        snprintf(entry->centre, sizeof entry->centre, "%s", entry->head.centre);
    }
    if (formed && key &&
        receipt_verify(&entry->head, &note, key->name[0] ? key->name : NULL, &key->key, &found) ==
            OK) {
        error = look_at_blocks(search, entry, why);
    } else if (formed && !key) {
        refuse(entry, COVERED_UNVERIFIED,
               "the centre's key is not known here (receipts of an uplink in the configuration, or "
               "--centre-key)");
    } else {
        refuse(entry, COVERED_UNVERIFIED, found.text);
    }
    text_free(&bytes);
    return error;
}

// Of all uplinks' receipts, that which this key signed and which says most.
static int look_for(const struct search *search, const struct trusted_key *key,
                    struct covered_receipt *entry, struct why *why)
{
    int error = OK;
    refuse(entry, COVERED_ABSENT, "there is none that this key signed");
    snprintf(entry->centre, sizeof entry->centre, "%s", key->name);
    for (size_t i = 0; !error && i < search->row_count; i++) {
        struct covered_receipt other = {.needed = entry->needed};
        error = look_at(search, search->rows[i].name, key, &other, why);
        if (other.state > entry->state ||
            (other.state == entry->state && other.state > COVERED_UNVERIFIED &&
             other.head.head.size > entry->head.head.size)) {
            *entry = other;
        }
    }
    return error;
}

static int look_at_all(const struct search *search, const struct covered_key *keys,
                       size_t key_count, struct covered *covered, struct why *why)
{
    int error = OK;
    size_t count = key_count ? key_count : search->row_count;
    for (size_t i = 0; !error && i < count && i < COVERED_MAX; i++) {
        struct covered_receipt *entry = &covered->receipts[covered->receipt_count++];
        const struct covered_key *key = key_count ? &keys[i] : NULL;
        const char *uplink = key ? key->uplink : search->rows[i].name;
        entry->needed = key && key->needed;
        if (uplink) {
            snprintf(entry->uplink, sizeof entry->uplink, "%s", uplink);
            error = look_at(search, uplink, key ? key->key : NULL, entry, why);
        } else {
            error = look_for(search, key->key, entry, why);
        }
    }
    return error;
}

// Whether each centre that is needed, and one at least, has all.
static bool is_covered(const struct covered *covered)
{
    bool any = false, all = true;
    for (size_t i = 0; i < covered->receipt_count; i++) {
        const struct covered_receipt *entry = &covered->receipts[i];
        any = any || entry->state == COVERED_WHOLE;
        all = all && (!entry->needed || entry->state == COVERED_WHOLE);
    }
    return any && all;
}

static void judge(struct covered *covered)
{
    for (size_t i = 0; i < covered->receipt_count; i++) {
        const struct covered_receipt *entry = &covered->receipts[i];
        if (entry->state >= COVERED_SHORT &&
            (!covered->best || entry->head.head.size > covered->best->head.head.size)) {
            covered->best = entry;
        }
    }
    covered->final = covered->over && is_covered(covered);
}

void covered_need(struct covered *covered, uint64_t n, const char *what)
{
    for (size_t i = 0; i < covered->receipt_count; i++) {
        struct covered_receipt *entry = &covered->receipts[i];
        if (entry->state == COVERED_WHOLE && entry->head.head.size <= n) {
            entry->state = COVERED_SHORT;
            snprintf(entry->why, sizeof entry->why, "it does not cover %s, in block %" PRIu64, what,
                     n);
        }
    }
    covered->final = covered->final && is_covered(covered);
}

int covered_find(struct ledger_reader *reader, int64_t from_us, int64_t to_us, bool ended,
                 const struct covered_key *keys, size_t key_count, struct covered *covered,
                 struct why *why)
{
    struct search search = {.reader = reader, .from_us = from_us, .to_us = to_us, .ended = ended};
    struct times times;
    *covered = (struct covered){.over = false};
    int error = ledger_reader_extent(reader, &covered->first, &covered->size, why);
    if (error || covered->first == covered->size) {
        return error;
    }
    error = ended ? OK : times_of_block(reader, covered->size - 1, &times, why);
    covered->over = !error && (ended || times.closed_us >= to_us);
    search.size = covered->size;
    search.needed_from = covered->first;
    if (!error) {
        error = ledger_reader_next_in_time(reader, from_us, to_us, &search.needed_from, why);
        covered->empty = error == ERROR_ABSENT;
        search.needed_from = error == ERROR_ABSENT ? covered->size : search.needed_from;
        error = error == ERROR_ABSENT ? OK : error;
    }
    if (!error) {
        error = ledger_reader_note_names(reader, LEDGER_RECEIPT, search.rows, LEDGER_NOTES_MAX,
                                         &search.row_count);
    }
    error = error ? error : look_at_all(&search, keys, key_count, covered, why);
    judge(covered);
    return error;
}
