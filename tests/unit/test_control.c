// The control socket: answers, refusals and limits, over a real socket in a temporary folder.
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG_BYTES (3u << 20) // more than a socket's buffer takes

struct bench {
    char folder[64], path[PATH_MAX];
    struct control *control;
};

static void answer(void *context, uid_t user, const char *request, struct text *out)
{
    (void)context;
    assert_int_equal(user, geteuid());
    if (strcmp(request, "big") == 0) {
        char *to = text_reserve(out, BIG_BYTES);
        assert_non_null(to);
        memset(to, 'x', BIG_BYTES);
        text_commit(out, BIG_BYTES);
    } else if (strcmp(request, "huge") == 0) {
        out->failed = true;
    } else {
        text_append_string(out, "{\"asked\":");
        text_append_json(out, request);
        text_append_string(out, "}");
    }
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/tally-control-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof bench->path, "%s/control", bench->folder);
    struct why why = {""};
    int error = control_start(&bench->control, bench->path, answer, NULL, &why);
    if (error) {
        print_message("%s\n", why.text);
    }
    *state = bench;
    return error;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    control_stop(bench->control);
    int left = rmdir(bench->folder); // fails if the socket's file were left behind
    free(bench);
    return left;
}

static int dial(const struct bench *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", bench->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

// Reads until a newline, the end, or a second without bytes; returns the bytes read.
static ssize_t read_line(int fd, char *out, size_t size)
{
    size_t length = 0;
    while (length + 1 < size && (length == 0 || out[length - 1] != '\n')) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&wait, 1, 8000) == 1 ? read(fd, out + length, size - 1 - length) : -1;
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
    }
    out[length] = '\0';
    return (ssize_t)length;
}

static void control_answers_a_word_with_one_line(void **state)
{
    struct bench *bench = *state;
    struct text out = text_make(1000);
    struct why why = {""};
    assert_int_equal(control_ask(bench->path, "status", &out, &why), OK);
    assert_string_equal(out.data, "{\"asked\":\"status\"}");
    text_free(&out);
}

static void control_answers_again_on_the_same_connection(void **state)
{
    char line[200];
    int fd = dial(*state);
    assert_int_equal(write(fd, "one\ntwo\n", 8), 8);
    read_line(fd, line, sizeof line);
    if (strcmp(line, "{\"asked\":\"one\"}\n") == 0) {
        read_line(fd, line, sizeof line);
        assert_string_equal(line, "{\"asked\":\"two\"}\n");
    } else {
        assert_string_equal(line, "{\"asked\":\"one\"}\n{\"asked\":\"two\"}\n");
    }
    assert_int_equal(write(fd, "thr", 3), 3);
    usleep(20000);
    assert_int_equal(write(fd, "ee\n", 3), 3);
    read_line(fd, line, sizeof line);
    assert_string_equal(line, "{\"asked\":\"three\"}\n");
    close(fd);
}

static void control_sends_an_answer_longer_than_the_socket_takes(void **state)
{
    struct bench *bench = *state;
    struct text out = text_make(BIG_BYTES + 100000);
    struct why why = {""};
    assert_int_equal(control_ask(bench->path, "big", &out, &why), OK);
    assert_int_equal(out.length, BIG_BYTES);
    text_free(&out);
}

static void control_says_when_an_answer_is_too_long(void **state)
{
    struct bench *bench = *state;
    struct text out = text_make(1000);
    assert_int_equal(control_ask(bench->path, "huge", &out, NULL), OK);
    assert_string_equal(out.data, "{\"error\":\"the answer is too long\"}");
    text_free(&out);
}

static void control_closes_on_a_request_that_is_too_long(void **state)
{
    char request[2100], line[100]; // 2,048 are taken
    int fd = dial(*state);
    memset(request, 'a', sizeof request);
    request[sizeof request - 1] = 0;
    assert_int_equal(write(fd, request, sizeof request), sizeof request);
    assert_int_equal(read_line(fd, line, sizeof line), 0);
    close(fd);
    struct text out = text_make(1000);
    assert_int_equal(control_ask(((struct bench *)*state)->path, request, &out, NULL), ERROR_RANGE);
    text_free(&out);
}

static void control_closes_on_a_zero_byte(void **state)
{
    char line[100];
    int fd = dial(*state);
    assert_int_equal(write(fd, "sta\0tus\n", 8), 8);
    assert_int_equal(read_line(fd, line, sizeof line), 0);
    close(fd);
}

static void control_drops_a_request_that_never_ends(void **state)
{
    char line[100];
    int fd = dial(*state);
    assert_int_equal(write(fd, "sta", 3), 3);
    assert_int_equal(read_line(fd, line, sizeof line), 0); // returns when the other side closes
    struct pollfd closed = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&closed, 1, 0), 1);
    close(fd);
}

static void control_is_not_blocked_by_readers_that_do_not_read(void **state)
{
    struct bench *bench = *state;
    int idle[7];
    for (size_t i = 0; i < 7; i++) {
        idle[i] = dial(bench);
        assert_int_equal(write(idle[i], "big\n", 4), 4);
    }
    struct text out = text_make(1000);
    assert_int_equal(control_ask(bench->path, "status", &out, NULL), OK);
    for (size_t i = 0; i < 7; i++) {
        close(idle[i]);
    }
    text_free(&out);
}

static void control_serves_the_ninth_when_a_place_is_free(void **state)
{
    struct bench *bench = *state;
    int idle[8];
    for (size_t i = 0; i < 8; i++) {
        idle[i] = dial(bench);
    }
    int ninth = dial(bench);
    char line[100];
    assert_int_equal(write(ninth, "status\n", 7), 7);
    usleep(50000);
    close(idle[3]);
    read_line(ninth, line, sizeof line);
    assert_string_equal(line, "{\"asked\":\"status\"}\n");
    close(ninth);
    for (size_t i = 0; i < 8; i++) {
        if (i != 3) {
            close(idle[i]);
        }
    }
}

static void control_socket_is_for_owner_and_group(void **state)
{
    struct bench *bench = *state;
    struct stat status;
    assert_int_equal(lstat(bench->path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0660);
}

static void control_refuses_a_second_daemon(void **state)
{
    struct bench *bench = *state;
    struct control *second = NULL;
    struct why why = {""};
    assert_int_equal(control_start(&second, bench->path, answer, NULL, &why), ERROR_BUSY);
    assert_null(second);
    assert_non_null(strstr(why.text, "another daemon"));
    struct text out = text_make(1000);
    assert_int_equal(control_ask(bench->path, "status", &out, &why), OK);
    text_free(&out);
}

static void control_replaces_a_socket_that_was_left_behind(void **state)
{
    struct bench *bench = *state;
    control_stop(bench->control);
    bench->control = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", bench->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); // the file stays, as after kill -9
    struct why why = {""};
    struct text out = text_make(1000);
    assert_int_equal(control_ask(bench->path, "status", &out, &why), ERROR_ABSENT);
    assert_int_equal(control_start(&bench->control, bench->path, answer, NULL, &why), OK);
    assert_int_equal(control_ask(bench->path, "status", &out, &why), OK);
    text_free(&out);
}

static void control_leaves_a_file_that_is_no_socket(void **state)
{
    struct bench *bench = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/file", bench->folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    struct control *other = NULL;
    struct why why = {""};
    assert_int_equal(control_start(&other, path, answer, NULL, &why), ERROR_REFUSED);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
}

static void control_works_under_a_path_longer_than_a_socket_address(void **state)
{
    struct bench *bench = *state;
    char folder[300], path[400];
    snprintf(folder, sizeof folder, "%s/%0150d", bench->folder, 7);
    snprintf(path, sizeof path, "%s/control", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    struct control *control = NULL;
    struct why why = {""};
    assert_int_equal(control_start(&control, path, answer, NULL, &why), OK);
    struct text out = text_make(1000);
    assert_int_equal(control_ask(path, "status", &out, &why), OK);
    assert_string_equal(out.data, "{\"asked\":\"status\"}");
    text_free(&out);
    control_stop(control);
    assert_int_equal(rmdir(folder), 0);
}

static void control_ask_says_when_no_daemon_listens(void **state)
{
    (void)state;
    struct text out = text_make(1000);
    struct why why = {""};
    assert_int_equal(control_ask("/nonexistent/control", "status", &out, &why), ERROR_ABSENT);
    assert_non_null(strstr(why.text, "no daemon listens"));
    text_free(&out);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(control_answers_a_word_with_one_line),
        BENCH_TEST(control_answers_again_on_the_same_connection),
        BENCH_TEST(control_sends_an_answer_longer_than_the_socket_takes),
        BENCH_TEST(control_says_when_an_answer_is_too_long),
        BENCH_TEST(control_closes_on_a_request_that_is_too_long),
        BENCH_TEST(control_closes_on_a_zero_byte),
        BENCH_TEST(control_drops_a_request_that_never_ends),
        BENCH_TEST(control_is_not_blocked_by_readers_that_do_not_read),
        BENCH_TEST(control_serves_the_ninth_when_a_place_is_free),
        BENCH_TEST(control_socket_is_for_owner_and_group),
        BENCH_TEST(control_refuses_a_second_daemon),
        BENCH_TEST(control_replaces_a_socket_that_was_left_behind),
        BENCH_TEST(control_leaves_a_file_that_is_no_socket),
        BENCH_TEST(control_works_under_a_path_longer_than_a_socket_address),
        cmocka_unit_test(control_ask_says_when_no_daemon_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
