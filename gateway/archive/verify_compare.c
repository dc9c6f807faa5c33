// Two exports of one log, side by side.
#include "archive/check.h"

#include <string.h>

struct side {
    struct check *check;
    uint64_t n;
    struct digest leaf;
    bool there;
};

static void advance(struct side *side)
{
    side->there = check_next(side->check, &side->n, &side->leaf);
}

static void compare_blocks(struct comparison *comparison, struct side sides[2])
{
    advance(&sides[0]);
    advance(&sides[1]);
    while (sides[0].there && sides[1].there) {
        if (sides[0].n != sides[1].n) {
            advance(&sides[sides[0].n > sides[1].n]);
            continue;
        }
        if (!comparison->differ && memcmp(&sides[0].leaf, &sides[1].leaf, DIGEST_SIZE) != 0) {
            comparison->differ = true;
            comparison->first_difference = sides[0].n;
        }
        if (comparison->from == comparison->to) {
            comparison->from = sides[0].n;
        }
        comparison->to = sides[0].n + 1;
        advance(&sides[0]);
        advance(&sides[1]);
    }
    while (sides[0].there) {
        advance(&sides[0]);
    }
    while (sides[1].there) {
        advance(&sides[1]);
    }
}

static bool is_trusted(const struct verdict *verdict, uint64_t n)
{
    return n >= verdict->trusted_from && n < verdict->trusted_end;
}

// Two roots of one size, or two blocks in one place, each of them signed.
static bool contradict(const struct comparison *comparison, const struct checkpoint *const heads[2])
{
    const struct verdict *a = &comparison->verdicts[0], *b = &comparison->verdicts[1];
    if (!heads[0] || !heads[1] || !a->signed_size || !b->signed_size) {
        return false;
    }
    if (heads[0]->size == heads[1]->size &&
        memcmp(&heads[0]->root, &heads[1]->root, DIGEST_SIZE) != 0) {
        return true;
    }
    return comparison->differ && is_trusted(a, comparison->first_difference) &&
           is_trusted(b, comparison->first_difference);
}

int verify_compare(struct comparison *comparison, FILE *const from[2],
                   const struct anchors *anchors, struct why *why)
{
    *comparison = (struct comparison){0};
    struct side sides[2] = {{0}, {0}};
    struct checkpoint copies[2];
    const struct checkpoint *heads[2] = {NULL, NULL};
    int error = OK;
    for (int i = 0; i < 2 && !error; i++) {
        error = check_open(&sides[i].check, &comparison->verdicts[i], from[i], anchors, why);
        comparison->notes[i] = text_make(NOTE_BYTES_MAX);
    }
    if (!error) {
        for (int i = 0; i < 2; i++) {
            const struct checkpoint *head = check_head(sides[i].check);
            if (head) {
                copies[i] = *head;
                heads[i] = &copies[i];
                check_note(sides[i].check, &comparison->notes[i]);
            }
        }
        comparison->same_log =
            heads[0] && heads[1] && strcmp(copies[0].origin, copies[1].origin) == 0;
        compare_blocks(comparison, sides);
    }
    for (int i = 0; i < 2; i++) {
        check_close(sides[i].check);
    }
    comparison->contradiction = !error && comparison->same_log && contradict(comparison, heads);
    return error;
}

void comparison_free(struct comparison *comparison)
{
    text_free(&comparison->notes[0]);
    text_free(&comparison->notes[1]);
}
