// The daemon's messages for the person who runs it: one line each to standard error, with a systemd
// priority prefix when the journal reads it.
//
// Not evidence: what must be on record is an event in the ledger. Thread-safe; a line is written by
// one write().
#ifndef TALLY_BASE_LOG_H
#define TALLY_BASE_LOG_H

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

// What is written from now on: `level` and everything more urgent. INFO at start. Call before
// threads are started.
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
