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
    const char *svg;              // where to draw, or NULL
    const char *at, *reason, *by; // of end
    const char *trusted;          // certificates of signers; NULL: not given
    bool signed_only;             // nothing else is taken
};

// A file as it is, and what it says.
struct certificate_source {
    struct text bytes;
    struct certificate *certificate;
    bool verified; // it has a signature, which is good and of a signer who is trusted
};
// Reads it and checks its signature, when it has one, by the signers' certificates `trusted`
// (signature.h); faults, and a signature that is wrong, go to standard error. Returns an exit
// status.
int certificate_source_read(struct certificate_source *source, const char *path,
                            const char *trusted);
void certificate_source_free(struct certificate_source *source);

// Prints what a certificate says, with a picture of each quantity on a terminal's width.
void certificate_print(const struct certificate *certificate);
// Has the daemon look at its folder again, and says what comes of it.
void certificate_tell(const struct place *place);
// One of a shelf's files, whole and durable.
int certificate_write_file(const char *path, const void *bytes, size_t length, struct why *why);
int certificate_add(struct certificate_request *request);
int certificate_end(struct certificate_request *request);
int certificate_list(struct certificate_request *request);
int certificate_show(struct certificate_request *request);

#endif
