#include "sign/signer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "ident/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (256u << 10)

struct signer {
    struct signer_options options;
    struct ledger_reader *reader;
    pthread_t thread;

    pthread_mutex_t signing; // reader and key
    pthread_mutex_t looking; // what follows; taken after `signing`
    pthread_cond_t changed;
    bool stopping, asked, stopped;
    unsigned allowed; // centres that are there
    struct signer_status status;
};

static int sign_size(struct signer *signer, uint64_t size, struct text *out, struct why *why)
{
    struct checkpoint checkpoint = {.size = size};
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s",
             ledger_origin(signer->options.ledger));
    int error = ledger_reader_root(signer->reader, size, &checkpoint.root, why);
    if (error) {
        return error;
    }
    struct text text = text_make(512);
    checkpoint_write(&text, &checkpoint);
    error = text.failed ? why_set(why, ERROR_MEMORY, "no room for a checkpoint")
                        : note_sign(out, text.data, text.length, checkpoint.origin,
                                    signer->options.key, why);
    text_free(&text);
    return error;
}

static enum signer_state state_of(struct signer *signer)
{
    pthread_mutex_lock(&signer->looking);
    enum signer_state state = signer->status.state;
    pthread_mutex_unlock(&signer->looking);
    return state;
}

int signer_checkpoint(struct signer *signer, uint64_t size, struct text *out, struct why *why)
{
    // Durable blocks alone are signed: what a crash can take back must not be stated.
    uint64_t durable = ledger_size(signer->options.ledger);
    if (size > durable) {
        return why_set(why, ERROR_ABSENT, "%llu blocks are durable; asked to sign %llu",
                       (unsigned long long)durable, (unsigned long long)size);
    }
    pthread_mutex_lock(&signer->signing);
    enum signer_state state = state_of(signer);
    int error = state == SIGNER_OPEN ? sign_size(signer, size, out, why)
                : state == SIGNER_HELD
                    ? why_set(why, ERROR_REFUSED, "no centre is there that has said what it holds")
                    : why_set(why, ERROR_REFUSED, "a centre holds another log: never signed again");
    pthread_mutex_unlock(&signer->signing);
    return error;
}

// Signs all that is durable and keeps the note; nothing when nothing came since.
static void sign_and_keep(struct signer *signer)
{
    struct why why = {""};
    uint64_t size = ledger_size(signer->options.ledger);
    pthread_mutex_lock(&signer->looking);
    bool due = signer->status.state == SIGNER_OPEN && size > signer->status.size;
    pthread_mutex_unlock(&signer->looking);
    if (!due) {
        return;
    }
    struct text note = text_make(LEDGER_NOTE_MAX);
    int error = signer_checkpoint(signer, size, &note, &why);
    if (!error) {
        error = ledger_put_note(signer->options.ledger, LEDGER_CHECKPOINT, "", size, note.data,
                                note.length, &why);
    }
    text_free(&note);
    pthread_mutex_lock(&signer->looking);
    bool fresh = error && strcmp(signer->status.fault, why.text) != 0;
    snprintf(signer->status.fault, sizeof signer->status.fault, "%.255s", error ? why.text : "");
    if (!error) {
        signer->status.size = size;
        signer->status.signed_us = clock_wall_us(signer->options.clock);
    }
    pthread_mutex_unlock(&signer->looking);
    if (fresh) {
        log_error("the log is not signed: %s", why.text);
    }
}

// Until the interval is over, a centre has answered, or it is time to stop. True: stop.
static bool wait_for_turn(struct signer *signer)
{
    pthread_mutex_lock(&signer->looking);
    int64_t until_ns = clock_wait_ns() + signer->options.interval_us * 1000;
    while (!signer->stopping && !signer->asked &&
           thread_condition_wait(&signer->changed, &signer->looking, until_ns)) {
    }
    signer->asked = false;
    bool stopping = signer->stopping;
    pthread_mutex_unlock(&signer->looking);
    return stopping;
}

static void *run(void *context)
{
    struct signer *signer = context;
    do {
        sign_and_keep(signer);
    } while (!wait_for_turn(signer));
    return NULL;
}

static void dispose(struct signer *signer)
{
    ledger_reader_close(signer->reader);
    pthread_cond_destroy(&signer->changed);
    pthread_mutex_destroy(&signer->looking);
    pthread_mutex_destroy(&signer->signing);
    free(signer);
}

int signer_start(struct signer **out, const struct signer_options *options, struct why *why)
{
    *out = NULL;
    struct signer *signer = calloc(1, sizeof *signer);
    if (!signer) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    signer->options = *options;
    signer->status.state = options->held ? SIGNER_HELD : SIGNER_OPEN;
    public_key_fingerprint(signing_key_public(options->key), signer->status.key);
    pthread_mutex_init(&signer->signing, NULL);
    pthread_mutex_init(&signer->looking, NULL);
    thread_condition_make(&signer->changed);
    int error = ledger_reader_open(&signer->reader, options->directory, why);
    if (!error && thread_start(&signer->thread, STACK_BYTES, run, signer)) {
        error =
            why_set(why, ERROR_SYSTEM, "cannot start the thread that signs: %s", strerror(errno));
    }
    if (error) {
        dispose(signer);
        return error;
    }
    *out = signer;
    return OK;
}

void signer_stop(struct signer *signer)
{
    if (!signer || signer->stopped) {
        return;
    }
    pthread_mutex_lock(&signer->looking);
    signer->stopping = true;
    pthread_cond_signal(&signer->changed);
    pthread_mutex_unlock(&signer->looking);
    pthread_join(signer->thread, NULL);
    sign_and_keep(signer);
    signer->stopped = true;
}

void signer_free(struct signer *signer)
{
    if (signer) {
        signer_stop(signer);
        dispose(signer);
    }
}

void signer_reconfigure(struct signer *signer, int64_t interval_us, bool held)
{
    pthread_mutex_lock(&signer->looking);
    signer->options.interval_us = interval_us;
    signer->options.held = held;
    if (signer->status.state != SIGNER_FORBIDDEN) {
        signer->status.state = held && signer->allowed == 0 ? SIGNER_HELD : SIGNER_OPEN;
    }
    signer->asked = true;
    pthread_cond_signal(&signer->changed);
    pthread_mutex_unlock(&signer->looking);
}

void signer_allow(struct signer *signer)
{
    pthread_mutex_lock(&signer->looking);
    signer->allowed++;
    if (signer->status.state == SIGNER_HELD) {
        signer->status.state = SIGNER_OPEN;
        signer->asked = true;
        pthread_cond_signal(&signer->changed);
    }
    pthread_mutex_unlock(&signer->looking);
}

void signer_hold(struct signer *signer)
{
    pthread_mutex_lock(&signer->looking);
    signer->allowed--;
    if (signer->allowed == 0 && signer->status.state == SIGNER_OPEN && signer->options.held) {
        signer->status.state = SIGNER_HELD;
    }
    pthread_mutex_unlock(&signer->looking);
}

void signer_forbid(struct signer *signer)
{
    // After this nothing more is signed: whoever signs now is waited for.
    pthread_mutex_lock(&signer->signing);
    pthread_mutex_lock(&signer->looking);
    signer->status.state = SIGNER_FORBIDDEN;
    pthread_mutex_unlock(&signer->looking);
    pthread_mutex_unlock(&signer->signing);
}

const struct public_key *signer_key(const struct signer *signer)
{
    return signing_key_public(signer->options.key);
}

void signer_status(struct signer *signer, struct signer_status *status)
{
    pthread_mutex_lock(&signer->looking);
    *status = signer->status;
    pthread_mutex_unlock(&signer->looking);
}
