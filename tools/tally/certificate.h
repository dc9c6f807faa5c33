// What the words of `tally certificate` share.
#ifndef TALLY_TOOLS_CERTIFICATE_H
#define TALLY_TOOLS_CERTIFICATE_H

#include "tally.h"

#include "measure/shelf.h"

struct certificate_request {
    const struct command *command;
    struct place place;
    const char *file;
    const char *due, *valid_until; // as given; NULL: not
    bool no_due;
    const char *quantities[CERTIFICATE_QUANTITIES_MAX]; // names for those that have none, in order
    size_t quantity_count;
    const char *svg; // where to draw, or NULL
};

// A file as it is, and what it says.
struct certificate_source {
    struct text bytes;
    struct certificate *certificate;
};
// Reads it; faults go to standard error. Returns an exit status.
int certificate_source_read(struct certificate_source *source, const char *path);
void certificate_source_free(struct certificate_source *source);

// Prints what a certificate says, with a picture of each quantity on a terminal's width.
void certificate_print(const struct certificate *certificate);
int certificate_add(struct certificate_request *request);
int certificate_list(struct certificate_request *request);
int certificate_show(struct certificate_request *request);

#endif
