// What the files that read the parts of a paper certificate share. Private to paper_read().
#ifndef TALLY_MEASURE_PAPER_READ_H
#define TALLY_MEASURE_PAPER_READ_H

#include "measure/certificate_read.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// Everything is read on after a fault, so that all are found.
struct paper {
    struct document *document;
    struct certificate *certificate;
    bool good; // no fault yet
};

void paper_fault(struct paper *paper, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Keeps in mind whether something was good; returns it.
bool paper_note(struct paper *paper, bool good);
// Text of 1 to `max` bytes into out. False after a fault, or when node is NULL.
bool paper_read_text(struct paper *paper, const struct node *node, const char *what, char *out,
                     size_t max);

// --- paper_points.c

void paper_read_calibration(struct paper *paper, const struct node *list);
void paper_read_verification(struct paper *paper, const struct node *list);
void paper_read_as_found(struct paper *paper, const struct node *list);

#endif
