#include "roster.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)

bool bucket_take(struct bucket *bucket, int64_t amount, int64_t per_second, int64_t burst,
                 int64_t now_us)
{
    int64_t cost = amount * 1000000 / per_second, most = burst * 1000000 / per_second;
    int64_t passed = now_us - bucket->at_us;
    bucket->at_us = now_us;
    bucket->spent = bucket->spent > passed ? bucket->spent - passed : 0;
    if (bucket->spent + cost > most) {
        return false;
    }
    bucket->spent += cost;
    return true;
}

// --- sorted lists of pointers to things that begin with their name ------------------------------

static size_t place_of_name(void *const *list, size_t count, const char *(*name)(const void *),
                            const char *wanted, bool *found)
{
    size_t low = 0, high = count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name(list[middle]), wanted);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool insert(void ***list, size_t *count, size_t *room, size_t place, void *item)
{
    if (*count == *room) {
        size_t more = *room ? 2 * *room : 64;
        void **larger = realloc(*list, more * sizeof *larger);
        if (!larger) {
            return false;
        }
        *list = larger;
        *room = more;
    }
    memmove(&(*list)[place + 1], &(*list)[place], (*count - place) * sizeof **list);
    (*list)[place] = item;
    ++*count;
    return true;
}

static const char *gateway_name(const void *item)
{
    return ((const struct roster_gateway *)item)->name;
}

static const char *log_origin(const void *item)
{
    return ((const struct roster_log *)item)->intake.origin;
}

static struct roster_gateway *gateway_make(struct roster *roster, const char *name)
{
    bool found;
    size_t place =
        place_of_name((void **)roster->gateways, roster->gateway_count, gateway_name, name, &found);
    if (found) {
        return roster->gateways[place];
    }
    struct roster_gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway) {
        snprintf(gateway->name, sizeof gateway->name, "%s", name);
        if (!insert((void ***)&roster->gateways, &roster->gateway_count, &roster->gateway_room,
                    place, gateway)) {
            free(gateway);
            gateway = NULL;
        }
    }
    return gateway;
}

struct roster_gateway *roster_gateway(struct roster *roster, const char *name)
{
    bool found;
    size_t place =
        place_of_name((void **)roster->gateways, roster->gateway_count, gateway_name, name, &found);
    return roster->gateways[found ? place : 0];
}

struct roster_log *roster_find(struct roster *roster, const char *origin)
{
    bool found;
    size_t place =
        place_of_name((void **)roster->logs, roster->log_count, log_origin, origin, &found);
    return found ? roster->logs[place] : NULL;
}

static void name_of(char out[TOPIC_GATEWAY_MAX + 1], const char *origin)
{
    const char *slash = strrchr(origin, '/');
    snprintf(out, TOPIC_GATEWAY_MAX + 1, "%.*s", slash ? (int)(slash - origin) : 0, origin);
}

static int64_t size_limit(const struct roster *roster, const struct roster_log *log)
{
    const struct settings_limits *limits = &roster->settings->limits;
    return log->row.state == LOG_ACCEPTED ? limits->log_size : limits->waiting_size;
}

// A log with that origin, and its gateway. NULL when memory is short.
static struct roster_log *log_make(struct roster *roster, const char *origin)
{
    char name[TOPIC_GATEWAY_MAX + 1];
    bool found;
    name_of(name, origin);
    struct roster_gateway *gateway = gateway_make(roster, name);
    struct roster_log *log = gateway ? calloc(1, sizeof *log) : NULL;
    if (!log) {
        return NULL;
    }
    size_t place =
        place_of_name((void **)roster->logs, roster->log_count, log_origin, origin, &found);
    if (!insert((void ***)&roster->logs, &roster->log_count, &roster->log_room, place, log)) {
        free(log);
        return NULL;
    }
    snprintf(log->intake.origin, sizeof log->intake.origin, "%s", origin);
    snprintf(log->row.origin, sizeof log->row.origin, "%s", origin);
    log->gateway = gateway;
    log->row.online = -1;
    log->intake.size_limit = size_limit(roster, log);
    intake_add(roster->intake, &log->intake);
    return log;
}

// Why no further log of this gateway is taken, or NULL.
static const char *too_many(struct roster *roster, const struct topic *topic)
{
    const struct roster_gateway *gateway = roster_gateway(roster, topic->gateway);
    const struct settings_limits *limits = &roster->settings->limits;
    int64_t waiting = 0;
    if (!gateway->name[0] && (int64_t)roster->gateway_count > limits->gateways) {
        return "as many gateways as the limit `gateways` are known";
    }
    for (size_t i = 0; i < roster->log_count; i++) {
        const struct roster_log *log = roster->logs[i];
        waiting += log->gateway == gateway && log->row.state == LOG_WAITING;
    }
    return waiting >= limits->waiting_logs
               ? "as many logs of this gateway as the limit `waiting_logs` wait for acceptance"
               : NULL;
}

struct roster_log *roster_log(struct roster *roster, const struct topic *topic, int64_t now_us)
{
    struct roster_log *log = roster_find(roster, topic->origin);
    if (log) {
        return log;
    }
    const char *refused = too_many(roster, topic);
    if (refused) {
        roster_fault(roster, roster_gateway(roster, topic->gateway), topic->origin, FAULT_LIMIT,
                     refused);
        return NULL;
    }
    log = log_make(roster, topic->origin);
    if (log) {
        log->row.first_us = clock_wall_us(roster->clock);
        log->heard_mono_us = now_us;
        log->dirty = true;
        log_warning("%s: a log that nobody has accepted", topic->origin);
    }
    return log;
}

// --- what is wrong ------------------------------------------------------------------------------

void roster_fault(struct roster *roster, struct roster_gateway *gateway, const char *origin,
                  enum fault fault, const char *text)
{
    struct fault_row *row = gateway->faults[fault];
    int64_t now_us = clock_wall_us(roster->clock);
    if (!row) {
        row = calloc(1, sizeof *row);
        if (!row) {
            return;
        }
        gateway->faults[fault] = row;
        row->fault = fault;
        snprintf(row->gateway, sizeof row->gateway, "%s", gateway->name);
    }
    if (now_us - row->last_us > MINUTE_US || now_us < row->last_us) {
        log_warning("%s: %s: %s", origin[0] ? origin : "somebody", fault_name(fault), text);
    }
    row->count++;
    row->last_us = now_us;
    snprintf(row->origin, sizeof row->origin, "%s", origin);
    snprintf(row->text, sizeof row->text, "%s", text);
    gateway->fault_dirty[fault] = true;
}

void roster_claim(struct roster *roster, struct roster_log *log, const struct public_key *key)
{
    int64_t now_us = clock_wall_us(roster->clock);
    size_t i = 0;
    while (i < log->claim_count && memcmp(&log->claims[i].key, key, sizeof *key) != 0) {
        i++;
    }
    if (i == INTAKE_KEYS_MAX) {
        return;
    }
    if (i == log->claim_count) {
        log->claims[i] = (struct claim_row){.key = *key, .first_us = now_us};
        memcpy(log->claims[i].origin, log->intake.origin, sizeof log->claims[i].origin);
        log->claim_count++;
    }
    log->claims[i].last_us = now_us;
    log->claim_dirty = true;
}

void roster_suspect(struct roster *roster, struct roster_log *log, const char *one,
                    const char *other, const char *text)
{
    log->row.suspect = true;
    log->dirty = true;
    free((void *)log->suspect.one);
    free((void *)log->suspect.other);
    log->suspect.at_us = clock_wall_us(roster->clock);
    log->suspect.one = strdup(one);
    log->suspect.other = strdup(other);
    memcpy(log->suspect.origin, log->intake.origin, sizeof log->suspect.origin);
    snprintf(log->suspect.text, sizeof log->suspect.text, "%s", text);
    roster->urgent = true;
}

// --- the database -------------------------------------------------------------------------------

static int load_log(void *context, const struct log_row *row)
{
    struct roster *roster = context;
    struct roster_log *log = log_make(roster, row->origin);
    if (!log) {
        return ERROR_MEMORY;
    }
    log->row = *row;
    log->intake.forked = row->suspect;
    log->intake.counted = row->counted;
    log->intake.readings = row->readings;
    log->intake.missed = row->missed;
    log->intake.size_limit = size_limit(roster, log);
    if (row->keyed && row->state == LOG_ACCEPTED) {
        intake_pin(roster->intake, &log->intake, &row->key, 0);
    }
    return OK;
}

static int load_claim(void *context, const struct claim_row *row)
{
    struct roster *roster = context;
    struct roster_log *log = roster_find(roster, row->origin);
    if (log && log->claim_count < INTAKE_KEYS_MAX) {
        log->claims[log->claim_count++] = *row;
        (void)intake_claim(&log->intake, &row->key);
    }
    return OK;
}

static int load_fault(void *context, const struct fault_row *row)
{
    struct roster *roster = context;
    struct roster_gateway *gateway = roster_gateway(roster, row->gateway);
    if (strcmp(gateway->name, row->gateway) == 0 && !gateway->faults[row->fault]) {
        gateway->faults[row->fault] = malloc(sizeof *row);
        if (!gateway->faults[row->fault]) {
            return ERROR_MEMORY;
        }
        *gateway->faults[row->fault] = *row;
    }
    return OK;
}

int roster_open(struct roster *roster, const struct settings *settings, const struct clock *clock,
                struct database *database, struct intake *intake, struct why *why)
{
    *roster = (struct roster){
        .settings = settings, .clock = clock, .database = database, .intake = intake};
    if (!gateway_make(roster, "")) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    roster->version = database_version(database);
    int error = database_each_log(database, load_log, roster, why);
    error = error ? error : database_each_claim(database, NULL, load_claim, roster, why);
    error = error ? error : database_each_fault(database, load_fault, roster, why);
    if (error) {
        roster_close(roster);
    }
    return error;
}

void roster_close(struct roster *roster)
{
    for (size_t i = 0; i < roster->log_count; i++) {
        struct roster_log *log = roster->logs[i];
        intake_remove(roster->intake, &log->intake);
        free((void *)log->suspect.one);
        free((void *)log->suspect.other);
        free(log);
    }
    for (size_t i = 0; i < roster->gateway_count; i++) {
        for (size_t fault = 0; fault < FAULT_COUNT; fault++) {
            free(roster->gateways[i]->faults[fault]);
        }
        free(roster->gateways[i]);
    }
    free(roster->logs);
    free(roster->gateways);
}

// The row as things stand now.
static void refresh(struct roster_log *log)
{
    struct log_row *row = &log->row;
    const struct intake_log *intake = &log->intake;
    if (intake->loaded) {
        row->held_first = intake->head.first;
        row->held = intake->head.frontier.size;
        row->receipted = intake->head.receipted;
    }
    row->unverified = intake->pending.count;
    row->counted = intake->counted;
    row->readings = intake->readings;
    row->missed = intake->missed;
    snprintf(row->fault, sizeof row->fault, "%s", intake->store_fault);
}

static int write_log(struct roster *roster, struct roster_log *log, struct why *why)
{
    int error = OK;
    refresh(log);
    error = database_put_log(roster->database, &log->row, why);
    for (size_t i = 0; error == OK && log->claim_dirty && i < log->claim_count; i++) {
        error = database_put_claim(roster->database, &log->claims[i], why);
    }
    if (error == OK && log->suspect.one) {
        error = database_put_suspect(roster->database, &log->suspect, why);
    }
    return error;
}

static int write_all(struct roster *roster, const struct daemon_row *daemon, struct why *why)
{
    int error = database_put_daemon(roster->database, daemon, why);
    for (size_t i = 0; error == OK && i < roster->log_count; i++) {
        struct roster_log *log = roster->logs[i];
        if (log->dirty || log->claim_dirty) {
            error = write_log(roster, log, why);
        }
    }
    for (size_t i = 0; error == OK && i < roster->gateway_count; i++) {
        struct roster_gateway *gateway = roster->gateways[i];
        for (size_t fault = 0; error == OK && fault < FAULT_COUNT; fault++) {
            if (gateway->fault_dirty[fault]) {
                error = database_put_fault(roster->database, gateway->faults[fault], why);
            }
        }
    }
    return error;
}

// All that was dirty has been written.
static void settle_all(struct roster *roster)
{
    for (size_t i = 0; i < roster->log_count; i++) {
        struct roster_log *log = roster->logs[i];
        log->dirty = log->claim_dirty = false;
        free((void *)log->suspect.one);
        free((void *)log->suspect.other);
        log->suspect.one = log->suspect.other = NULL;
    }
    for (size_t i = 0; i < roster->gateway_count; i++) {
        memset(roster->gateways[i]->fault_dirty, 0, sizeof roster->gateways[i]->fault_dirty);
    }
    roster->urgent = false;
}

int roster_write(struct roster *roster, const struct daemon_row *daemon, struct why *why)
{
    int error = database_begin(roster->database, why);
    error = error ? error : write_all(roster, daemon, why);
    error = error ? error : database_commit(roster->database, why);
    if (error) {
        database_rollback(roster->database);
    } else {
        settle_all(roster);
    }
    return error;
}

struct look {
    struct roster *roster;
    void (*decided)(void *context, struct roster_log *log);
    void *context;
};

static int look_at(void *context, const struct log_row *row)
{
    const struct look *look = context;
    struct roster *roster = look->roster;
    struct roster_log *log = roster_find(roster, row->origin);
    if (!log) {
        log = row->state == LOG_WAITING ? NULL : log_make(roster, row->origin);
        if (!log) {
            return OK;
        }
        log->row.first_us = clock_wall_us(roster->clock);
        log->dirty = true;
    }
    if (log->row.state == row->state) {
        return OK;
    }
    log->row.state = row->state;
    log->row.key = row->key;
    log->row.keyed = row->keyed;
    log->intake.size_limit = size_limit(roster, log);
    look->decided(look->context, log);
    return OK;
}

void roster_look(struct roster *roster, void (*decided)(void *context, struct roster_log *log),
                 void *context)
{
    struct look look = {.roster = roster, .decided = decided, .context = context};
    int64_t version = database_version(roster->database);
    struct why why = {""};
    if (version == roster->version) {
        return;
    }
    if (database_each_log(roster->database, look_at, &look, &why) == OK) {
        roster->version = version;
    } else {
        log_error("%s", why.text);
    }
}
