// tally coverage: what ledgers say, each alone: a gateway's, or a centre's half of it.
#include "certificates/coverage.h"

#include "base/reading.h"
#include "common/answer.h"
#include "common/point_map.h"
#include "config/document.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16u << 20)
#define NEEDED   4096 // files of definitions

// The kinds of a driver's quantities, from its file in the ledger.
struct kinds {
    struct digest driver;
    struct document document;
};

struct looking {
    struct coverage *coverage;
    struct ledger_reader *reader;
    char site[19];
    struct kinds **drivers;
    size_t driver_count;
    struct point_map points; // the row that each counts in; POINT_MAP_NONE: a text
};

// --- kinds --------------------------------------------------------------------------------------

// Those of a driver; of one that cannot be read every kind is "other". NULL: out of memory.
static const struct kinds *kinds_of(struct looking *looking, const char *driver)
{
    struct digest hash;
    if (text_parse_hex(driver, hash.bytes, DIGEST_SIZE) != OK) {
        memset(&hash, 0, sizeof hash);
    }
    for (size_t i = 0; i < looking->driver_count; i++) {
        if (digest_equal(&looking->drivers[i]->driver, &hash)) {
            return looking->drivers[i];
        }
    }
    struct kinds **grown =
        realloc(looking->drivers, (looking->driver_count + 1) * sizeof(struct kinds *));
    looking->drivers = grown ? grown : looking->drivers;
    struct kinds *kinds = grown ? calloc(1, sizeof *kinds) : NULL;
    if (!kinds) {
        return NULL;
    }
    struct text bytes = text_make(FILE_MAX);
    struct faults faults = {0};
    kinds->driver = hash;
    if (ledger_reader_file(looking->reader, &hash, &bytes, NULL) == OK) {
        document_read_text(&kinds->document, "driver", bytes.data ? bytes.data : "", bytes.length,
                           &faults);
    }
    kinds->document.faults = NULL;
    faults_free(&faults);
    text_free(&bytes);
    looking->drivers[looking->driver_count++] = kinds;
    return kinds;
}

static const char *scalar_of(const struct node *mapping, const char *key)
{
    const struct node *node = mapping->kind == NODE_MAPPING ? node_child(mapping, key) : NULL;
    return node && node->kind == NODE_SCALAR ? node->scalar : "";
}

static const char *kind_of(const struct kinds *kinds, const char *quantity)
{
    const struct node *root = kinds->document.root;
    const struct node *list =
        root && root->kind == NODE_MAPPING ? node_child(root, "quantities") : NULL;
    for (const struct node *at = list ? list->first : NULL; at; at = at->next) {
        if (strcmp(scalar_of(at, "name"), quantity) == 0) {
            const char *kind = scalar_of(at, "kind");
            return *kind ? kind : "other";
        }
    }
    return "other";
}

// Which row a definition counts in; a text is not measured. False: out of memory.
static bool row_of(void *context, const cJSON *definition, uint64_t *out)
{
    struct looking *looking = context;
    *out = POINT_MAP_NONE;
    if (strcmp(answer_string(definition, "type"), "string") == 0) {
        return true;
    }
    const struct kinds *kinds = kinds_of(looking, answer_string(definition, "driver"));
    if (!kinds) {
        return false;
    }
    size_t row = coverage_row(looking->coverage, looking->site,
                              kind_of(kinds, answer_string(definition, "quantity")));
    *out = row;
    return row != SIZE_MAX;
}

// --- now ----------------------------------------------------------------------------------------

// The last day of a point's certificate; CERTIFICATE_NO_DATE: it has none.
static int64_t due_of(const cJSON *definition)
{
    int64_t day = CERTIFICATE_NO_DATE;
    return certificate_parse_date(answer_string(definition, "due"), &day) == OK
               ? day
               : CERTIFICATE_NO_DATE;
}

static bool count_point(struct looking *looking, const cJSON *definition)
{
    struct coverage *coverage = looking->coverage;
    const char *certificate = answer_string(definition, "certificate");
    int64_t day = due_of(definition);
    uint64_t row;
    if (!row_of(looking, definition, &row)) {
        return false;
    }
    if (row == POINT_MAP_NONE) {
        return true;
    }
    coverage->rows[row].count.points++;
    coverage->rows[row].count.covered +=
        *certificate &&
        (day == CERTIFICATE_NO_DATE || coverage->now_us < (day + 1) * COVERAGE_DAY_US);
    return !*certificate || day == CERTIFICATE_NO_DATE ||
           coverage_add_due(coverage, looking->site, answer_string(definition, "serial"),
                            certificate, day);
}

static int count_now(struct looking *looking, struct why *why)
{
    struct text text = text_make(FILE_MAX);
    struct digest definitions, *files = calloc(NEEDED, sizeof *files);
    uint64_t first = 0, size = 0;
    size_t count;
    int error = files ? ledger_reader_extent(looking->reader, &first, &size, why)
                      : why_set(why, ERROR_MEMORY, "out of memory");
    bool empty = !error && first == size;
    if (!error && !empty) {
        error = ledger_reader_definitions(looking->reader, size - 1, &definitions, files, NEEDED,
                                          &count, why);
        error = error ? error : ledger_reader_file(looking->reader, &definitions, &text, why);
    }
    cJSON *json =
        error || empty ? NULL : cJSON_ParseWithLength(text.data ? text.data : "", text.length);
    const cJSON *point;
    cJSON_ArrayForEach(point, answer_member(json, "points"))
    {
        if (!error && !count_point(looking, point)) {
            error = why_set(why, ERROR_MEMORY, "out of memory");
        }
    }
    cJSON_Delete(json);
    text_free(&text);
    free(files);
    return error;
}

// --- over a period ------------------------------------------------------------------------------

static int count_block(struct looking *looking, const struct block_view *view, struct why *why)
{
    struct coverage *coverage = looking->coverage;
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if (reading->t_us < coverage->from_us || reading->t_us >= coverage->to_us) {
            continue;
        }
        uint64_t row;
        int error = point_map_find(&looking->points, reading->point, &row, why);
        if (error) {
            return error;
        }
        if (row != POINT_MAP_NONE) {
            struct coverage_count *count = &coverage->rows[row].count;
            count->readings++;
            count->readings_covered +=
                !(reading->flags & (FLAG_NO_CERTIFICATE | FLAG_CALIBRATION_OVERDUE));
        }
    }
    return OK;
}

static int count_readings(struct looking *looking, struct why *why)
{
    const struct coverage *coverage = looking->coverage;
    struct block_view view = {0};
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    uint64_t n = 0;
    int error;
    for (; (error = ledger_reader_next_in_time(looking->reader, coverage->from_us, coverage->to_us,
                                               &n, why)) == OK;
         n++) {
        error = ledger_reader_block(looking->reader, n, &bytes, why);
        error = error ? error : block_parse(&view, bytes.data, bytes.length, why);
        error = error ? error : count_block(looking, &view, why);
        if (error) {
            break;
        }
    }
    block_view_free(&view);
    text_free(&bytes);
    return error == ERROR_ABSENT ? OK : error;
}

int coverage_read_ledger(struct coverage *coverage, struct ledger_reader *reader, bool now,
                         struct why *why)
{
    struct looking looking = {
        .coverage = coverage, .reader = reader, .points = {.reader = reader, .judge = row_of}};
    const char *origin = ledger_reader_origin(reader);
    looking.points.context = &looking;
    snprintf(looking.site, sizeof looking.site, "%.*s", (int)strcspn(origin, "/"), origin);
    int error = now ? count_now(&looking, why) : OK;
    error = error || !coverage_has_period(coverage) ? error : count_readings(&looking, why);
    for (size_t i = 0; i < looking.driver_count; i++) {
        document_free(&looking.drivers[i]->document);
        free(looking.drivers[i]);
    }
    free(looking.drivers);
    point_map_free(&looking.points);
    return error;
}
