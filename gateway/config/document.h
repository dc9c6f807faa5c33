// A YAML file as a tree in which every node knows its line and column, and a collector of faults,
// so that a reader can report all of them and not the first.
//
// Over libyaml's events. Not a full YAML: one document; no anchors, aliases, tags or merge keys
// (each is a fault); duplicate keys are a fault; at most DOCUMENT_BYTES_MAX bytes,
// DOCUMENT_NODES_MAX nodes, DOCUMENT_DEPTH_MAX levels. Used by config (tally.yaml) and driver
// (drivers/*.yaml). Not thread-safe.
#ifndef TALLY_CONFIG_DOCUMENT_H
#define TALLY_CONFIG_DOCUMENT_H

#include "base/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCUMENT_BYTES_MAX (4u << 20)
#define DOCUMENT_NODES_MAX 200000
#define DOCUMENT_DEPTH_MAX 32

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
    enum node_kind kind;
    int line, column;         // from 1; of the value
    int key_line, key_column; // from 1; of the key, in a mapping's child; 0 elsewhere
    const char *key;          // in a mapping's child; else NULL
    const char *scalar;       // of a scalar; UTF-8, never NULL there
    bool quoted;              // the scalar stood in quotes
    bool faulted; // its fault is reported already (an alias, say): readers say no more about it
    struct node *first, *next; // children in the file's order; sibling
};

// Faults in the order they were found. One line each: "tally.yaml:7:24: baud 9601: not a rate this
// port can do (…)".
struct faults {
    char **lines; // owned
    size_t count;
    size_t
        max; // no more than this many are kept; the rest are counted in `dropped`. 200 by default.
    size_t dropped;
};

void faults_free(struct faults *faults);
// Adds "<file>:<line>:<column>: <message>", without the column or the line where they are 0.
// Control characters become '?', so that a fault is one line.
void faults_add(struct faults *faults, const char *file, int line, int column, const char *format,
                ...) __attribute__((format(printf, 5, 6)));

struct document {
    const char *name;  // for faults, as the user named the file; owned
    struct node *root; // NULL when the file is empty or could not be read as YAML
    char *bytes;       // the file's bytes, owned
    size_t length;
    struct faults *faults; // borrowed: where faults go
    void *arena;           // owned
};

// Reads a file / a text. Faults go to `faults` (a missing file, bad YAML, …), with place. 0, or
// ERROR_INPUT when there is no usable tree (document is then empty, and may be freed).
int document_read_file(struct document *document, const char *path, struct faults *faults);
int document_read_text(struct document *document, const char *name, const char *bytes,
                       size_t length, struct faults *faults);
void document_free(struct document *document);

// The child of a mapping by key, or NULL.
const struct node *node_child(const struct node *mapping, const char *key);

// Reads the children of `mapping` against a table of the keys it may have: an unknown key is a
// fault with the nearest known one suggested ("unknown key 'bauds'; did you mean 'baud'?"), a
// missing required one too (at the mapping's place), as is a mapping that is none. Each key's node
// goes to its `out` (NULL when absent or at fault; an optional list that is left empty, `key:`,
// counts as absent). False when there was any fault; the outs are good all the same.
struct document_key {
    const char *name;
    bool required;
    enum node_kind kind;
    const struct node **out;
};
bool document_read_keys(struct document *document, const struct node *mapping, const char *what,
                        const struct document_key *keys, size_t count);

// Readers of scalars. Each returns true and writes *out, or adds a fault that says what was found
// and what was expected and returns false with *out as it was. `what` is the key as the user knows
// it, for the message.
bool document_string(struct document *document, const struct node *node, const char *what,
                     size_t min, size_t max, const char **out);
bool document_int(struct document *document, const struct node *node, const char *what, int64_t min,
                  int64_t max, int64_t *out);
bool document_bool(struct document *document, const struct node *node, const char *what,
                   bool *out); // yes/no/true/false
bool document_decimal(struct document *document, const struct node *node, const char *what,
                      struct decimal *out);
// "15s", "500ms", "10min", "1h", "30d"; a bare number is a fault that says to add a unit.
bool document_duration(struct document *document, const struct node *node, const char *what,
                       int64_t min_us, int64_t max_us, int64_t *out);
// "512KiB", "20MiB", "4GiB".
bool document_size(struct document *document, const struct node *node, const char *what,
                   int64_t min, int64_t max, int64_t *out);
// One of the words; *out is its place in the list.
bool document_choice(struct document *document, const struct node *node, const char *what,
                     const char *const *words, size_t count, int *out);
// A fault at the node's place.
void document_fault(struct document *document, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The word nearest to `word` (edit distance at most a third of its length, at least 1), or NULL.
const char *document_nearest(const char *word, const char *const *words, size_t count);

#endif
