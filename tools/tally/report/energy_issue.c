#include "report/energy_issue.h"

#include "common/issued.h"

#include "ledger/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// A point's name, once.
static void name_point(struct text *subject, const char *point)
{
    char word[80];
    snprintf(word, sizeof word, " %s", point);
    const char *at = subject->data;
    size_t length = strlen(word);
    while ((at = strstr(at, word)) && at[length] && at[length] != ' ') {
        at += length;
    }
    if (!at) {
        text_append_string(subject, word);
    }
}

// "energy of a.energy b.energy": every register that is in it, by which `tally impact` finds it;
// where that is too long for an entry, how many meters, and none.
static void append_subject(struct text *subject, const struct account *const *accounts,
                           size_t count)
{
    text_append_string(subject, "energy of");
    for (size_t i = 0; i < count; i++) {
        if (accounts[i]->amended_of) {
            continue; // the same once more
        }
        if (accounts[i]->name) {
            name_point(subject, accounts[i]->name);
        }
        for (size_t j = 0; j < accounts[i]->part_count; j++) {
            name_point(subject, accounts[i]->parts[j].name);
        }
    }
    if (subject->failed) {
        text_clear(subject);
        text_append_format(subject, "energy of %zu meters", count);
    }
}

int energy_issue(const struct place *place, const char *by, const struct energy_head *head,
                 const char *form, const struct account *const *accounts, size_t count,
                 const char *path, struct why *why)
{
    const struct calendar *calendar = head->calendar;
    struct issued issued = {.from_us = calendar->boundaries[0],
                            .to_us = calendar->boundaries[calendar->count],
                            .size = head->covered->size,
                            .final = head->covered->final};
    struct text subject = text_make(ENTRY_SUBJECT_MAX);
    struct why found = {""};
    uint64_t n = 0;
    append_subject(&subject, accounts, count);
    snprintf(issued.form, sizeof issued.form, "%s", form);
    int error = issued_put(place, by, subject.data, path, &issued, &n, &found);
    text_free(&subject);
    if (error) {
        return why_set(why, error, "%s is written, and not on record as issued: %s", path,
                       found.text);
    }
    char hex[DIGEST_HEX];
    text_format_hex(issued.hash.bytes, DIGEST_SIZE, hex);
    printf("issued %s, SHA-256 %s (block %" PRIu64 ")\n", path, hex, n);
    return OK;
}
