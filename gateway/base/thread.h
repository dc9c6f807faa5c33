// Starting a thread of the daemon, with a small stack and no signal delivered to it; and conditions
// on which threads wait until a time.
//
// Signals are main's; and SIGPIPE, which a library's write to a broken connection may raise, is
// nobody's. Ending and joining are the caller's, with pthread_join or pthread_detach.
#ifndef TALLY_BASE_THREAD_H
#define TALLY_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// From any thread, whose own signal mask is left as it was. 0 and *out, or ERROR_SYSTEM with errno
// and nothing started.
int thread_start(pthread_t *out, size_t stack_bytes, void *(*run)(void *), void *argument);

// A condition whose waits go by clock_wait_ns (clock.h), which nobody sets. Destroyed by
// pthread_cond_destroy.
void thread_condition_make(pthread_cond_t *out);
// Waits, with the lock held as in pthread_cond_wait, until signalled or `until_ns`. False when that
// time has come; true may come without a signal.
bool thread_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns);

#endif
