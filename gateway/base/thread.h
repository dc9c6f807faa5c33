// Starting a thread of the daemon: with a small stack and no signal delivered to it.
//
// Signals are main's; and SIGPIPE, which a library's write to a broken connection may raise, is
// nobody's. Ending and joining are the caller's, with pthread_join or pthread_detach.
#ifndef TALLY_BASE_THREAD_H
#define TALLY_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

// From any thread, whose own signal mask is left as it was. 0 and *out, or ERROR_SYSTEM with errno
// and nothing started.
int thread_start(pthread_t *out, size_t stack_bytes, void *(*run)(void *), void *argument);

#endif
