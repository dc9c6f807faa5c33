// A session in place of the library's, which notes what is published: for tests of what uses one.
#ifndef TALLY_TESTS_FAKE_SESSION_H
#define TALLY_TESTS_FAKE_SESSION_H

#include "ledger_bench.h"

#include "uplink/session.h"

#define SENT_MAX 200

struct session {
    unsigned window;
    size_t packet_max;
    int count;
    struct {
        char what[16]; // the last part of the topic: "block", "file", "hello", …
        uint64_t n;    // of a block
        size_t length;
        bool retain;
    } sent[SENT_MAX]; // by message id
    char note[1024];  // the last hello or checkpoint
};

unsigned session_window(const struct session *session)
{
    return session->window;
}

size_t session_packet_max(const struct session *session)
{
    return session->packet_max;
}

const char *session_reason(int reason)
{
    return reason == 0x87 ? "Not authorized" : "another reason";
}

int session_publish(struct session *session, const struct session_message *message, int *id,
                    struct why *why)
{
    if (message->length > session->packet_max) {
        return why_set(why, ERROR_RANGE, "too large");
    }
    assert_true(session->count < SENT_MAX);
    *id = session->count;
    const char *what = strrchr(message->topic, '/');
    const char *file = strstr(message->topic, "/file/");
    snprintf(session->sent[*id].what, sizeof session->sent[*id].what, "%s",
             file ? "file" : what + 1);
    if (strcmp(what, "/block") == 0) {
        const char *n = memmem(message->payload, message->length, "\"n\":", 4);
        session->sent[*id].n = strtoull(n + 4, NULL, 10);
    }
    bool is_note = strcmp(what, "/hello") == 0 || strcmp(what, "/checkpoint") == 0;
    if (is_note && message->length < sizeof session->note) {
        snprintf(session->note, sizeof session->note, "%.*s", (int)message->length,
                 (const char *)message->payload);
    }
    session->sent[*id].length = message->length;
    session->sent[*id].retain = message->retain;
    session->count++;
    return OK;
}

int session_subscribe(struct session *session, const char *const *topics, struct why *why)
{
    (void)session;
    (void)topics;
    (void)why;
    return OK;
}

int session_subscription(const struct session *session)
{
    (void)session;
    return 1;
}

#endif
