// base/local_socket: a stale socket is replaced, and nothing else; a long path works.
#include "base/local_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
    char folder[64], path[256];
    struct why why;
    int listener, fd;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    const char *base = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%.30s/tally-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof b->path, "%s/socket", b->folder);
    b->listener = b->fd = -1;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    char command[128];
    close(b->listener);
    close(b->fd);
    snprintf(command, sizeof command, "rm -rf '%s'", b->folder);
    int failed = system(command);
    free(b);
    return failed;
}

static int listen_here(struct bench *b)
{
    return local_socket_listen(&b->listener, b->path, 0600, 4, &b->why);
}

// What one end sends, the other gets.
static void expect_talk(struct bench *b)
{
    char got = 0;
    assert_int_equal(local_socket_connect(&b->fd, b->path, &b->why), OK);
    int peer = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer >= 0);
    assert_int_equal(write(b->fd, "x", 1), 1);
    assert_int_equal(read(peer, &got, 1), 1);
    assert_int_equal(got, 'x');
    close(peer);
}

static void listens_with_the_mode_asked_for(void **state)
{
    struct bench *b = *state;
    struct stat st;
    assert_int_equal(listen_here(b), OK);
    assert_int_equal(stat(b->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect_talk(b);
}

static void stale_socket_is_replaced(void **state)
{
    struct bench *b = *state;
    assert_int_equal(listen_here(b), OK);
    close(b->listener); // the path stays, as after a kill
    assert_int_equal(local_socket_connect(&b->fd, b->path, &b->why), ERROR_ABSENT);
    assert_int_equal(b->fd, -1);
    assert_non_null(strstr(b->why.text, "/socket: nobody listens there"));
    assert_int_equal(listen_here(b), OK);
    expect_talk(b);
}

static void one_that_is_listened_on_is_left(void **state)
{
    struct bench *b = *state;
    int second;
    assert_int_equal(listen_here(b), OK);
    assert_int_equal(local_socket_listen(&second, b->path, 0600, 4, &b->why), ERROR_BUSY);
    assert_int_equal(second, -1);
    (void)!accept4(b->listener, NULL, NULL, SOCK_CLOEXEC); // the look whether anyone is there
    expect_talk(b);
}

static void file_that_is_no_socket_is_left(void **state)
{
    struct bench *b = *state;
    FILE *file = fopen(b->path, "w");
    fputs("mine\n", file);
    fclose(file);
    assert_int_equal(listen_here(b), ERROR_REFUSED);
    assert_int_equal(b->listener, -1);
    struct stat st;
    assert_int_equal(stat(b->path, &st), 0);
    assert_int_equal(st.st_size, 5);
}

static void missing_folder_is_said(void **state)
{
    struct bench *b = *state;
    int fd;
    assert_int_equal(local_socket_connect(&fd, "/nonexistent/socket", &b->why), ERROR_ABSENT);
    assert_int_equal(local_socket_listen(&fd, "/nonexistent/socket", 0600, 4, &b->why),
                     ERROR_ABSENT);
    assert_string_equal(b->why.text, "/nonexistent/socket: No such file or directory");
}

static void long_path_goes_by_way_of_its_folder(void **state)
{
    struct bench *b = *state;
    char folder[220];
    snprintf(folder, sizeof folder, "%s/%0120d", b->folder, 7);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(b->path, sizeof b->path, "%s/socket", folder);
    assert_int_equal(listen_here(b), OK);
    expect_talk(b);
    snprintf(b->path, sizeof b->path, "%s/%0120d", b->folder, 8);
    assert_int_equal(listen_here(b), ERROR_RANGE);
    assert_non_null(strstr(b->why.text, "the name is too long"));
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(listens_with_the_mode_asked_for),
        WITH_BENCH(stale_socket_is_replaced),
        WITH_BENCH(one_that_is_listened_on_is_left),
        WITH_BENCH(file_that_is_no_socket_is_left),
        WITH_BENCH(missing_folder_is_said),
        WITH_BENCH(long_path_goes_by_way_of_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
