#include "config/document.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

// A sequence or mapping that is open while the events go by.
struct frame {
    struct node *node;
    struct node *last;  // its last child
    size_t child_count; // of a mapping: for the search for duplicates
    const char *key;    // of a mapping: read, its value not yet
    int key_line, key_column;
    bool has_key;
    bool skip_value; // the key was at fault: its value is read and left out
};

struct builder {
    struct document *document;
    yaml_parser_t parser;
    struct frame frames[DOCUMENT_DEPTH_MAX];
    size_t depth;
    size_t node_count;
    size_t skip_depth; // levels open within a value that is left out
    bool skipping;
    bool done; // a document has been read to its end
};

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static int column_of(const yaml_event_t *event)
{
    return (int)event->start_mark.column + 1;
}

static void builder_fault(struct builder *builder, const yaml_event_t *event, const char *what)
{
    faults_add(builder->document->faults, builder->document->name, line_of(event), column_of(event),
               "%s", what);
}

static int fail_memory(struct builder *builder)
{
    faults_add(builder->document->faults, builder->document->name, 0, 0, "out of memory");
    return ERROR_MEMORY;
}

// The length of a UTF-8 byte order mark at the start; it is not part of the text.
static size_t mark_length(const struct document *document)
{
    return document->length >= 3 && memcmp(document->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

// The byte at a place that libyaml counts in characters, or 0 beyond the end.
static char byte_at(const struct document *document, size_t line, size_t column)
{
    const char *end = document->bytes + document->length;
    const char *p = document->bytes + mark_length(document);
    for (; line && p < end; p++) {
        line -= *p == '\n';
    }
    for (; column && p < end; column--) {
        for (p++; p < end && (*p & 0xc0) == 0x80; p++) {
        }
    }
    return p < end ? *p : '\0';
}

// libyaml's reader gives the place of a bad byte as an offset only, and of a character that does
// not go on as it began the byte where it should have.
static void fault_encoding(struct document *document, size_t offset, const char *problem)
{
    int line = 1, column = 1;
    const unsigned char *bytes = (const unsigned char *)document->bytes;
    while (strstr(problem, "trailing") && offset && bytes[offset] < 0xc0) {
        offset--;
    }
    for (size_t i = 0; i < offset && i < document->length; i++) {
        if (bytes[i] == '\n') {
            line++;
            column = 1;
        } else if ((bytes[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    faults_add(document->faults, document->name, line, column,
               strstr(problem, "control") ? "a control character (byte 0x%02x): not allowed"
                                          : "byte 0x%02x: not UTF-8",
               offset < document->length ? bytes[offset] : 0u);
}

static void fault_syntax(struct document *document, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    if (parser->error == YAML_MEMORY_ERROR) {
        faults_add(document->faults, document->name, 0, 0, "out of memory");
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        fault_encoding(document, parser->problem_offset + mark_length(document), problem);
        return;
    }
    yaml_mark_t at = parser->problem_mark;
    int line = (int)at.line + 1, column = (int)at.column + 1;
    if (byte_at(document, at.line, at.column) == '\t') {
        faults_add(document->faults, document->name, line, column,
                   "a tab character: not allowed here (expected spaces)");
    } else if (parser->context) {
        faults_add(document->faults, document->name, line, column,
                   "not YAML: %s %s that begins at line %d", problem, parser->context,
                   (int)parser->context_mark.line + 1);
    } else {
        faults_add(document->faults, document->name, line, column, "not YAML: %s", problem);
    }
}

static int compare_keys(const void *left, const void *right)
{
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    int order = strcmp(a->key, b->key);
    if (order) {
        return order;
    }
    if (a->key_line != b->key_line) {
        return a->key_line < b->key_line ? -1 : 1;
    }
    return (a->key_column > b->key_column) - (a->key_column < b->key_column);
}

// Sorted, so that a hostile file with many keys costs n log n.
static int find_duplicates(struct builder *builder, const struct frame *frame)
{
    if (frame->child_count < 2) {
        return OK;
    }
    struct node **sorted = calloc(frame->child_count, sizeof(struct node *));
    if (!sorted) {
        return fail_memory(builder);
    }
    size_t n = 0;
    for (struct node *child = frame->node->first; child; child = child->next) {
        sorted[n++] = child;
    }
    qsort(sorted, n, sizeof(struct node *), compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0) {
            faults_add(builder->document->faults, builder->document->name, sorted[i]->key_line,
                       sorted[i]->key_column, "key '%.60s' a second time (first at %d:%d)",
                       sorted[i]->key, sorted[i - 1]->key_line, sorted[i - 1]->key_column);
            sorted[i]->faulted = true;
        }
    }
    free(sorted);
    return OK;
}

// Hangs a new node under the open sequence or mapping, or makes it the root.
static void builder_attach(struct builder *builder, struct node *node)
{
    if (builder->depth == 0) {
        builder->document->root = node;
        return;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    if (frame->node->kind == NODE_MAPPING) {
        node->key = frame->key;
        node->key_line = frame->key_line;
        node->key_column = frame->key_column;
        frame->has_key = false;
        frame->child_count++;
    }
    if (frame->last) {
        frame->last->next = node;
    } else {
        frame->node->first = node;
    }
    frame->last = node;
}

static struct node *builder_node(struct builder *builder, const yaml_event_t *event,
                                 enum node_kind kind)
{
    if (++builder->node_count > DOCUMENT_NODES_MAX) {
        faults_add(builder->document->faults, builder->document->name, line_of(event),
                   column_of(event), "more than %d values: too many for one file",
                   DOCUMENT_NODES_MAX);
        return NULL;
    }
    struct node *node = arena_take(&builder->document->arena, sizeof *node);
    if (!node) {
        fail_memory(builder);
        return NULL;
    }
    node->kind = kind;
    node->line = line_of(event);
    node->column = column_of(event);
    builder_attach(builder, node);
    return node;
}

static void refuse_decorations(struct builder *builder, const yaml_event_t *event,
                               const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct document *document = builder->document;
    if (anchor) {
        faults_add(document->faults, document->name, line_of(event), column_of(event),
                   "anchor '&%.60s': not taken here (write the values out)", (const char *)anchor);
    }
    if (tag) {
        faults_add(document->faults, document->name, line_of(event), column_of(event),
                   "tag '%.60s': not taken here (leave it out)", (const char *)tag);
    }
}

// The text of a scalar event in the arena; NULL when out of memory. A zero byte, which only an
// escape can bring, ends a C string early and is a fault.
static const char *scalar_text(struct builder *builder, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length)) {
        builder_fault(builder, event, "a zero byte in a text: not allowed");
    }
    const char *text = arena_copy(&builder->document->arena, value, length);
    if (!text) {
        fail_memory(builder);
    }
    return text;
}

static int on_key(struct builder *builder, struct frame *frame, const yaml_event_t *event)
{
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    refuse_decorations(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    frame->key = scalar_text(builder, event);
    if (!frame->key) {
        return ERROR_MEMORY;
    }
    frame->key_line = line_of(event);
    frame->key_column = column_of(event);
    frame->has_key = true;
    frame->skip_value = false;
    if (plain && strcmp(frame->key, "<<") == 0) {
        builder_fault(builder, event, "merge key '<<': not taken here (write the keys out)");
        frame->skip_value = true;
    }
    return OK;
}

static int on_scalar(struct builder *builder, const yaml_event_t *event)
{
    refuse_decorations(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    struct node *node = builder_node(builder, event, NODE_SCALAR);
    if (!node) {
        return ERROR_RANGE;
    }
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->scalar = scalar_text(builder, event);
    return node->scalar ? OK : ERROR_MEMORY;
}

static int on_alias(struct builder *builder, const yaml_event_t *event)
{
    struct document *document = builder->document;
    faults_add(document->faults, document->name, line_of(event), column_of(event),
               "alias '*%.60s': not taken here (write the values out)",
               (const char *)event->data.alias.anchor);
    struct node *node = builder_node(builder, event, NODE_SCALAR);
    if (!node) {
        return ERROR_RANGE;
    }
    node->scalar = "";
    node->faulted = true;
    return OK;
}

static int on_open(struct builder *builder, const yaml_event_t *event, enum node_kind kind)
{
    if (builder->depth == DOCUMENT_DEPTH_MAX) {
        faults_add(builder->document->faults, builder->document->name, line_of(event),
                   column_of(event), "nested more than %d levels deep", DOCUMENT_DEPTH_MAX);
        return ERROR_RANGE;
    }
    if (kind == NODE_MAPPING) {
        refuse_decorations(builder, event, event->data.mapping_start.anchor,
                           event->data.mapping_start.tag);
    } else {
        refuse_decorations(builder, event, event->data.sequence_start.anchor,
                           event->data.sequence_start.tag);
    }
    struct node *node = builder_node(builder, event, kind);
    if (!node) {
        return ERROR_RANGE;
    }
    builder->frames[builder->depth++] = (struct frame){.node = node};
    return OK;
}

static int on_close(struct builder *builder)
{
    struct frame *frame = &builder->frames[--builder->depth];
    return frame->node->kind == NODE_MAPPING ? find_duplicates(builder, frame) : OK;
}

// A value that is left out, or a key that is no text: goes by until it is closed.
static bool on_skipped(struct builder *builder, const yaml_event_t *event)
{
    if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT) {
        builder->skip_depth++;
    } else if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT) {
        builder->skip_depth--;
    }
    builder->skipping = builder->skip_depth > 0;
    return true;
}

// Where a mapping waits for a key: a text, or a fault and its key and value left out.
static int on_key_place(struct builder *builder, struct frame *frame, const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return on_key(builder, frame, event);
    }
    builder_fault(builder, event, "a key that is not a text (expected `name: value`)");
    frame->has_key = true;
    frame->skip_value = true;
    on_skipped(builder, event);
    return OK;
}

static int on_value(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT: return on_alias(builder, event);
    case YAML_SCALAR_EVENT: return on_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT: return on_open(builder, event, NODE_SEQUENCE);
    case YAML_MAPPING_START_EVENT: return on_open(builder, event, NODE_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return on_close(builder);
    case YAML_DOCUMENT_START_EVENT:
        if (builder->done) {
            builder_fault(builder, event, "a second document (expected one in a file)");
            return ERROR_INPUT;
        }
        return OK;
    case YAML_DOCUMENT_END_EVENT: builder->done = true; return OK;
    default: return OK;
    }
}

static int on_event(struct builder *builder, const yaml_event_t *event)
{
    if (builder->skipping) {
        on_skipped(builder, event);
        return OK;
    }
    struct frame *frame = builder->depth ? &builder->frames[builder->depth - 1] : NULL;
    bool in_mapping =
        frame && frame->node->kind == NODE_MAPPING && event->type != YAML_MAPPING_END_EVENT;
    if (in_mapping && !frame->has_key) {
        return on_key_place(builder, frame, event);
    }
    if (in_mapping && frame->skip_value) {
        frame->has_key = false;
        frame->skip_value = false;
        on_skipped(builder, event);
        return OK;
    }
    return on_value(builder, event);
}

static int builder_run(struct builder *builder)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder->parser, &event)) {
            fault_syntax(builder->document, &builder->parser);
            return ERROR_INPUT;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        int error = on_event(builder, &event);
        yaml_event_delete(&event);
        if (error) {
            return error;
        }
    }
    return OK;
}

// Reads document->bytes into document->root.
static int document_parse(struct document *document)
{
    size_t skip = mark_length(document);
    struct builder *builder = calloc(1, sizeof *builder);
    if (!builder || !yaml_parser_initialize(&builder->parser)) {
        free(builder);
        faults_add(document->faults, document->name, 0, 0, "out of memory");
        return ERROR_INPUT;
    }
    builder->document = document;
    yaml_parser_set_encoding(&builder->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder->parser, (const unsigned char *)document->bytes + skip,
                                 document->length - skip);
    int error = builder_run(builder);
    if (error) {
        document->root = NULL;
    } else if (!document->root) {
        faults_add(document->faults, document->name, 0, 0, "the file is empty");
        error = ERROR_INPUT;
    }
    yaml_parser_delete(&builder->parser);
    free(builder);
    return error ? ERROR_INPUT : OK;
}

// Makes an empty document with its name and room for `capacity` bytes and a terminator.
static int document_prepare(struct document *document, const char *name, size_t capacity,
                            struct faults *faults)
{
    *document = (struct document){.faults = faults};
    document->name = strdup(name);
    document->bytes = malloc(capacity + 1);
    if (!document->name || !document->bytes) {
        faults_add(faults, name, 0, 0, "out of memory");
        document_free(document);
        return ERROR_INPUT;
    }
    document->bytes[0] = '\0';
    return OK;
}

int document_read_text(struct document *document, const char *name, const char *bytes,
                       size_t length, struct faults *faults)
{
    *document = (struct document){.faults = faults};
    if (length > DOCUMENT_BYTES_MAX) {
        faults_add(faults, name, 0, 0, "longer than %u bytes: too long", DOCUMENT_BYTES_MAX);
        return ERROR_INPUT;
    }
    if (document_prepare(document, name, length, faults) != OK) {
        return ERROR_INPUT;
    }
    if (length) {
        memcpy(document->bytes, bytes, length);
    }
    document->bytes[length] = '\0';
    document->length = length;
    if (document_parse(document) != OK) {
        document_free(document);
        return ERROR_INPUT;
    }
    return OK;
}

// Reads at most `max` bytes. The number read, or -1 (errno).
static ssize_t read_whole(int fd, char *bytes, size_t max)
{
    size_t length = 0;
    while (length < max) {
        ssize_t got = read(fd, bytes + length, max - length);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)length;
}

int document_read_file(struct document *document, const char *path, struct faults *faults)
{
    *document = (struct document){.faults = faults};
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would be waited for
    if (fd < 0) {
        faults_add(faults, path, 0, 0, "cannot be opened: %s", strerror(errno));
        return ERROR_INPUT;
    }
    if (fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) {
        faults_add(faults, path, 0, 0, "is a pipe: expected a file");
        close(fd);
        return ERROR_INPUT;
    }
    int error = ERROR_INPUT;
    char *bytes = malloc(DOCUMENT_BYTES_MAX + 1);
    ssize_t length = bytes ? read_whole(fd, bytes, DOCUMENT_BYTES_MAX + 1) : -1;
    if (!bytes) {
        faults_add(faults, path, 0, 0, "out of memory");
    } else if (length < 0) {
        faults_add(faults, path, 0, 0, "cannot be read: %s", strerror(errno));
    } else {
        error = document_read_text(document, path, bytes, (size_t)length, faults);
    }
    free(bytes);
    close(fd);
    return error;
}

void document_free(struct document *document)
{
    if (!document) {
        return;
    }
    free((char *)document->name);
    free(document->bytes);
    arena_free(&document->arena);
    *document = (struct document){.faults = document->faults};
}
