#include "fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char fault_grammar[] =
    "  fault UNIT KIND [ARG] [count N | for SECONDS]\n"
    "      UNIT is a unit address (of every line), an instrument's name, or all.\n"
    "      KIND is one of\n"
    "        silent           no answer\n"
    "        slow MS          answer after MS milliseconds\n"
    "        late MS          the same, meant to be beyond the master's time-out\n"
    "        bad-crc          RTU: wrong CRC; TCP: wrong protocol identifier\n"
    "        noise N          N random bytes before the answer (at most 256)\n"
    "        wrong-unit       the answer comes from the next unit address\n"
    "        wrong-length     a good frame with one register too few (or, if one was asked, too "
    "many)\n"
    "        exception CODE   a Modbus exception\n"
    "        half-frame       the first half of the answer\n"
    "        reset            TCP: connection reset; pty: closed and opened anew (count 1)\n"
    "        vanish SECONDS   the instrument's whole line is gone for SECONDS\n"
    "        clear            no fault\n"
    "      Without count or for, a fault holds until it is cleared.\n"
    "  status               what is served, one line an instrument\n"
    "  stats                counts and timing as one line of JSON\n"
    "  stats reset          the same, then counting starts anew\n"
    "  help                 this\n";

enum argument { ARGUMENT_NONE, ARGUMENT_NEEDED };

static const struct {
    const char *name;
    enum argument argument;
    int64_t min, max;
} kinds[] = {
    [FAULT_NONE] = {"clear", ARGUMENT_NONE, 0, 0},
    [FAULT_SILENT] = {"silent", ARGUMENT_NONE, 0, 0},
    [FAULT_SLOW] = {"slow", ARGUMENT_NEEDED, 0, 600000},
    [FAULT_LATE] = {"late", ARGUMENT_NEEDED, 0, 600000},
    [FAULT_BAD_CRC] = {"bad-crc", ARGUMENT_NONE, 0, 0},
    [FAULT_NOISE] = {"noise", ARGUMENT_NEEDED, 1, FAULT_NOISE_MAX},
    [FAULT_WRONG_UNIT] = {"wrong-unit", ARGUMENT_NONE, 0, 0},
    [FAULT_WRONG_LENGTH] = {"wrong-length", ARGUMENT_NONE, 0, 0},
    [FAULT_EXCEPTION] = {"exception", ARGUMENT_NEEDED, 1, 255},
    [FAULT_HALF_FRAME] = {"half-frame", ARGUMENT_NONE, 0, 0},
    [FAULT_RESET] = {"reset", ARGUMENT_NONE, 0, 0},
    [FAULT_VANISH] = {"vanish", ARGUMENT_NEEDED, 0, 86400},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

const char *fault_name(enum fault_kind kind)
{
    return kinds[kind].name;
}

static int parse_number(const char *word, const char *what, int64_t min, int64_t max, int64_t *out,
                        struct why *why)
{
    char *end = NULL;
    errno = 0;
    long long number = word == NULL ? 0 : strtoll(word, &end, 10);
    if (word == NULL || end == word || *end != '\0' || errno != 0 || number < min || number > max) {
        return why_set(why, ERROR_INPUT, "%s: a number from %lld to %lld is needed", what,
                       (long long)min, (long long)max);
    }
    *out = number;
    return OK;
}

static int parse_duration(const char *word, struct fault *fault, struct why *why)
{
    char *end = NULL;
    double seconds = word == NULL ? 0 : strtod(word, &end);
    if (word == NULL || end == word || *end != '\0' || !(seconds > 0 && seconds <= 86400)) {
        return why_set(why, ERROR_INPUT, "for: a number of seconds above 0, to 86400, is needed");
    }
    fault->for_ns = (int64_t)(seconds * 1e9);
    return OK;
}

static int parse_limit(char **rest, struct fault *fault, struct why *why)
{
    const char *word = strtok_r(NULL, " \t", rest);
    if (word == NULL) {
        return OK;
    }
    int status = OK;
    if (strcmp(word, "count") == 0) {
        status =
            parse_number(strtok_r(NULL, " \t", rest), "count", 1, INT32_MAX, &fault->count, why);
    } else if (strcmp(word, "for") == 0) {
        status = parse_duration(strtok_r(NULL, " \t", rest), fault, why);
    } else {
        return why_set(why, ERROR_INPUT, "'%s': count N or for SECONDS is expected here", word);
    }
    word = strtok_r(NULL, " \t", rest);
    if (status == OK && word != NULL) {
        return why_set(why, ERROR_INPUT, "'%s': nothing more is expected here", word);
    }
    return status;
}

int fault_parse(const char *text, struct fault *fault, struct why *why)
{
    char copy[256];
    size_t length = strlen(text);
    if (length >= sizeof copy) {
        return why_set(why, ERROR_INPUT, "the order is too long");
    }
    memcpy(copy, text, length + 1);
    char *rest = NULL;
    const char *word = strtok_r(copy, " \t", &rest);
    size_t kind = 0;
    while (kind < KINDS && (word == NULL || strcmp(word, kinds[kind].name) != 0)) {
        kind++;
    }
    if (kind == KINDS) {
        return why_set(why, ERROR_INPUT, "'%s': no such kind of fault; see help",
                       word == NULL ? "" : word);
    }
    *fault = (struct fault){.kind = (enum fault_kind)kind, .count = kind == FAULT_RESET ? 1 : -1};
    if (kinds[kind].argument == ARGUMENT_NEEDED) {
        int status = parse_number(strtok_r(NULL, " \t", &rest), kinds[kind].name, kinds[kind].min,
                                  kinds[kind].max, &fault->argument, why);
        if (status != OK) {
            return status;
        }
    }
    return parse_limit(&rest, fault, why);
}

void fault_slot_init(struct fault_slot *slot)
{
    pthread_mutex_init(&slot->lock, NULL);
}

void fault_slot_free(struct fault_slot *slot)
{
    pthread_mutex_destroy(&slot->lock);
}

void fault_slot_set(struct fault_slot *slot, const struct fault *fault, int64_t now_ns)
{
    pthread_mutex_lock(&slot->lock);
    slot->fault = *fault;
    slot->until_ns = fault->for_ns == 0 ? 0 : now_ns + fault->for_ns;
    atomic_store(&slot->armed, fault->kind != FAULT_NONE);
    pthread_mutex_unlock(&slot->lock);
}

static void slot_expire(struct fault_slot *slot, int64_t now_ns)
{
    if (slot->fault.count == 0 || (slot->until_ns != 0 && now_ns >= slot->until_ns)) {
        slot->fault = (struct fault){.kind = FAULT_NONE};
        slot->until_ns = 0;
        atomic_store(&slot->armed, false);
    }
}

struct fault fault_slot_take(struct fault_slot *slot, int64_t now_ns)
{
    struct fault fault = {.kind = FAULT_NONE};
    if (!atomic_load_explicit(&slot->armed, memory_order_relaxed)) {
        return fault;
    }
    pthread_mutex_lock(&slot->lock);
    slot_expire(slot, now_ns);
    fault = slot->fault;
    if (fault.kind != FAULT_NONE) {
        atomic_fetch_add(&slot->done, 1);
        slot->fault.count -= slot->fault.count > 0;
        slot_expire(slot, now_ns);
    }
    pthread_mutex_unlock(&slot->lock);
    return fault;
}

struct fault fault_slot_look(struct fault_slot *slot, int64_t now_ns)
{
    pthread_mutex_lock(&slot->lock);
    slot_expire(slot, now_ns);
    struct fault fault = slot->fault;
    pthread_mutex_unlock(&slot->lock);
    return fault;
}
