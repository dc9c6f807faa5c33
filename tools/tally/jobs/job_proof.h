// What proves a job's blocks: the checkpoint and the receipts that cover them, and an export of
// just these blocks, which anyone checks without the gateway.
#ifndef TALLY_TOOLS_JOB_PROOF_H
#define TALLY_TOOLS_JOB_PROOF_H

#include "archive/export.h"

enum job_signature {
    JOB_SIGNATURE_GOOD,
    JOB_SIGNATURE_UNKNOWN, // no key was given that it could be by
    JOB_SIGNATURE_FALSE,   // not by the key that was given, or of another log than these blocks'
};

#define JOB_KEYS_MAX (2 * BOUNDS_CENTRES_MAX)

// A centre's key; `needed`: nothing is final without its receipt. Where none is needed, one of all
// is enough.
struct job_key {
    struct trusted_key key;
    bool needed;
};

struct job_receipt {
    char centre[NOTE_NAME_MAX + 1];
    int64_t time_s;
    uint64_t last; // the last block of the job's that it covers
    bool whole;    // it covers all of them
    enum job_signature signature;
};

struct job_proof {
    uint64_t first, end; // the job's blocks: [first, end)
    bool is_signed;      // a checkpoint of the gateway's covers all of them; else the rest is empty
    uint64_t checkpoint; // how many blocks of the log it is of
    struct job_receipt receipts[BOUNDS_CENTRES_MAX]; // one of each centre
    size_t receipt_count;
    const struct job_receipt *receipt; // that covers all of it, and whose signature is good; NULL
    char lacking[NOTE_NAME_MAX + 1];   // a centre that is needed, and has none such; "": no one
    // Of the export, when there is one:
    const char *path;
    struct digest hash;
    uint64_t export_first; // it reaches back so far, for a receipt before the job
};

// `keys`: of centres, at most JOB_KEYS_MAX. `path`: where the export goes, or NULL; without a
// checkpoint nothing is written, and `is_signed` says so. 0, or an error with why.
int job_proof_find(struct job_proof *proof, struct ledger_reader *reader, uint64_t first,
                   uint64_t end, const struct job_key *keys, size_t key_count, const char *path,
                   struct why *why);

#endif
