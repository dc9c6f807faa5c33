#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/frame.h"

#include <string.h>

static const struct frame_request rtu = {.unit = 17, .function = 3, .address = 0x6B, .count = 3};
static const struct frame_request tcp = {
    .unit = 17, .function = 3, .address = 0x6B, .count = 3, .tcp = true, .transaction = 0x1234};

// The good answer to a read of registers; returns its length.
static size_t good_answer(const struct frame_request *request, uint8_t out[FRAME_MAX])
{
    uint8_t *body = out + (request->tcp ? 6 : 0);
    size_t length = 3 + 2 * (size_t)request->count;
    body[0] = request->unit;
    body[1] = request->function;
    body[2] = (uint8_t)(2 * request->count);
    for (size_t i = 3; i < length; i++) {
        body[i] = (uint8_t)(37 * i);
    }
    if (request->tcp) {
        out[0] = (uint8_t)(request->transaction >> 8);
        out[1] = (uint8_t)request->transaction;
        out[2] = out[3] = 0;
        out[4] = (uint8_t)(length >> 8);
        out[5] = (uint8_t)length;
        return 6 + length;
    }
    uint16_t crc = frame_crc(out, length);
    out[length] = (uint8_t)crc;
    out[length + 1] = (uint8_t)(crc >> 8);
    return length + 2;
}

static void requests_have_the_bytes_of_the_standard(void **state)
{
    (void)state;
    uint8_t bytes[12];
    // Published examples: Modbus Application Protocol V1.1b3 §6.3, with the CRC that tools give.
    assert_int_equal(frame_request_bytes(&rtu, bytes), 8);
    assert_memory_equal(bytes, "\x11\x03\x00\x6B\x00\x03\x76\x87", 8);
    assert_int_equal(frame_request_bytes(&tcp, bytes), 12);
    assert_memory_equal(bytes, "\x12\x34\x00\x00\x00\x06\x11\x03\x00\x6B\x00\x03", 12);
    const struct frame_request id = {.unit = 1, .function = FUNCTION_REPORT_SERVER_ID};
    assert_int_equal(frame_request_bytes(&id, bytes), 4);
    assert_memory_equal(bytes, "\x01\x11\xC0\x2C", 4);
}

static void only_reads_are_allowed(void **state)
{
    (void)state;
    for (int function = 0; function < 256; function++) {
        bool reads =
            function == 1 || function == 2 || function == 3 || function == 4 || function == 17;
        assert_int_equal(frame_function_allowed((uint8_t)function), reads);
    }
}

static void a_whole_answer_is_complete_and_gives_its_data(void **state)
{
    (void)state;
    const struct frame_request *requests[] = {&rtu, &tcp};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[FRAME_MAX];
        size_t length = good_answer(requests[i], bytes);
        struct frame_answer answer = frame_judge(requests[i], bytes, length);
        assert_int_equal(answer.state, FRAME_COMPLETE);
        assert_int_equal(answer.length, length);
        assert_int_equal(answer.data_length, 6);
        assert_ptr_equal(answer.data, bytes + (requests[i]->tcp ? 9 : 3));
    }
}

static void every_truncation_waits_for_what_is_missing_at_most(void **state)
{
    (void)state;
    const struct frame_request *requests[] = {&rtu, &tcp};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[FRAME_MAX];
        size_t length = good_answer(requests[i], bytes);
        for (size_t cut = 0; cut < length; cut++) {
            struct frame_answer answer = frame_judge(requests[i], bytes, cut);
            assert_int_equal(answer.state, FRAME_MORE);
            assert_in_range(answer.need, 1, length - cut);
        }
    }
}

// Flips each bit of the first `guarded` bytes (0: of all) of a good answer.
static void expect_flips_noticed(const struct frame_request *request, size_t guarded)
{
    uint8_t bytes[FRAME_MAX];
    size_t length = good_answer(request, bytes);
    for (size_t bit = 0; bit < 8 * (guarded ? guarded : length); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct frame_answer answer = frame_judge(request, bytes, length);
        assert_int_not_equal(answer.state, FRAME_COMPLETE);
        assert_int_not_equal(answer.state, FRAME_EXCEPTION);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void every_flipped_bit_of_an_rtu_answer_is_noticed(void **state)
{
    (void)state;
    expect_flips_noticed(&rtu, 0);
}

static void every_flipped_bit_of_a_tcp_header_is_noticed(void **state)
{
    (void)state;
    expect_flips_noticed(&tcp, 9); // TCP has no CRC: data are the transport's to keep
}

static void an_exception_is_told_apart(void **state)
{
    (void)state;
    uint8_t bytes[] = {17, 0x83, 2, 0, 0};
    uint16_t crc = frame_crc(bytes, 3);
    bytes[3] = (uint8_t)crc;
    bytes[4] = (uint8_t)(crc >> 8);
    struct frame_answer answer = frame_judge(&rtu, bytes, 5);
    assert_int_equal(answer.state, FRAME_EXCEPTION);
    assert_int_equal(answer.exception, 2);
    assert_int_equal(answer.length, 5);
    for (size_t cut = 0; cut < 5; cut++) {
        assert_int_equal(frame_judge(&rtu, bytes, cut).state, FRAME_MORE);
    }
    const uint8_t over_tcp[] = {0x12, 0x34, 0, 0, 0, 3, 17, 0x83, 11};
    answer = frame_judge(&tcp, over_tcp, sizeof over_tcp);
    assert_int_equal(answer.state, FRAME_EXCEPTION);
    assert_int_equal(answer.exception, 11);
}

static void faults_have_their_names(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_MAX];
    size_t length = good_answer(&rtu, bytes);
    struct frame_request other = rtu;
    other.unit = 18;
    assert_int_equal(frame_judge(&other, bytes, length).state, FRAME_WRONG_UNIT);
    other = rtu;
    other.function = 4;
    assert_int_equal(frame_judge(&other, bytes, length).state, FRAME_WRONG_FUNCTION);
    other = rtu;
    other.count = 4;
    assert_int_equal(frame_judge(&other, bytes, length).state, FRAME_WRONG_LENGTH);
    bytes[length - 1] ^= 1;
    assert_int_equal(frame_judge(&rtu, bytes, length).state, FRAME_WRONG_CRC);
    length = good_answer(&tcp, bytes);
    other = tcp;
    other.transaction++;
    assert_int_equal(frame_judge(&other, bytes, length).state, FRAME_WRONG_TRANSACTION);
}

static void coils_come_eight_to_a_byte(void **state)
{
    (void)state;
    const struct frame_request request = {.unit = 1, .function = 1, .address = 0, .count = 19};
    uint8_t bytes[8] = {1, 1, 3, 0xCD, 0x6B, 0x05};
    uint16_t crc = frame_crc(bytes, 6);
    bytes[6] = (uint8_t)crc;
    bytes[7] = (uint8_t)(crc >> 8);
    struct frame_answer answer = frame_judge(&request, bytes, 8);
    assert_int_equal(answer.state, FRAME_COMPLETE);
    assert_int_equal(answer.data_length, 3);
}

static void a_server_id_has_the_length_that_it_states(void **state)
{
    (void)state;
    const struct frame_request request = {.unit = 1, .function = FUNCTION_REPORT_SERVER_ID};
    uint8_t bytes[FRAME_MAX] = {1, 17, 5, 'A', 'B', 'C', 'D', 0xFF};
    uint16_t crc = frame_crc(bytes, 8);
    bytes[8] = (uint8_t)crc;
    bytes[9] = (uint8_t)(crc >> 8);
    struct frame_answer answer = frame_judge(&request, bytes, 10);
    assert_int_equal(answer.state, FRAME_COMPLETE);
    assert_int_equal(answer.data_length, 5);
    assert_int_equal(frame_judge(&request, bytes, 9).state, FRAME_MORE);
}

static void an_echo_is_our_whole_request_or_what_was_left_of_it(void **state)
{
    (void)state;
    uint8_t request[12], answer[FRAME_MAX];
    size_t length = frame_request_bytes(&rtu, request);
    bool undecided;
    assert_int_equal(frame_echo(request, length, 0, request, length, &undecided), 8);
    assert_int_equal(frame_echo(request, length, 5, request + 5, 3, &undecided), 3);
    assert_int_equal(frame_echo(request, length, 0, request, 4, &undecided), 0);
    assert_true(undecided);
    size_t answered = good_answer(&rtu, answer);
    assert_int_equal(frame_echo(request, length, 0, answer, answered, &undecided), 0);
    assert_false(undecided);
    assert_int_equal(frame_echo(request, length, length, request, length, &undecided), 0);
    assert_false(undecided);
}

// Any bytes at all: never reads beyond them (the sanitizers watch), never more than it was given.
static void random_bytes_are_judged_within_bounds(void **state)
{
    (void)state;
    uint32_t seed = 0x2545F491;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[FRAME_MAX];
        seed = seed * 1664525 + 1013904223;
        size_t length = (seed >> 16) % 40;
        const struct frame_request *request = round % 2 ? &rtu : &tcp;
        good_answer(request, bytes);
        for (size_t i = seed % 12; i < length; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        uint8_t exact[40];
        memcpy(exact, bytes, length);
        struct frame_answer answer = frame_judge(request, exact, length);
        if (answer.state == FRAME_COMPLETE) {
            assert_true(answer.length <= length);
            assert_true(answer.data >= exact && answer.data + answer.data_length <= exact + length);
        }
        if (answer.state == FRAME_MORE) {
            assert_in_range(answer.need, 1, FRAME_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_the_bytes_of_the_standard),
        cmocka_unit_test(only_reads_are_allowed),
        cmocka_unit_test(a_whole_answer_is_complete_and_gives_its_data),
        cmocka_unit_test(every_truncation_waits_for_what_is_missing_at_most),
        cmocka_unit_test(every_flipped_bit_of_an_rtu_answer_is_noticed),
        cmocka_unit_test(every_flipped_bit_of_a_tcp_header_is_noticed),
        cmocka_unit_test(an_exception_is_told_apart),
        cmocka_unit_test(faults_have_their_names),
        cmocka_unit_test(coils_come_eight_to_a_byte),
        cmocka_unit_test(a_server_id_has_the_length_that_it_states),
        cmocka_unit_test(an_echo_is_our_whole_request_or_what_was_left_of_it),
        cmocka_unit_test(random_bytes_are_judged_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
