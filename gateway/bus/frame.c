#include "bus/frame.h"

#include <string.h>

#define HEADER_TCP    6 // transaction, protocol, length
#define EXCEPTION_BIT 0x80

bool frame_function_allowed(uint8_t function)
{
    return function == FUNCTION_READ_COILS || function == FUNCTION_READ_DISCRETE_INPUTS ||
           function == FUNCTION_READ_HOLDING_REGISTERS ||
           function == FUNCTION_READ_INPUT_REGISTERS || function == FUNCTION_REPORT_SERVER_ID;
}

static void put16(uint8_t *out, uint16_t number)
{
    out[0] = (uint8_t)(number >> 8);
    out[1] = (uint8_t)number;
}

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

// Modbus over Serial Line V1.02 §6.2.2: polynomial 0xA001, start 0xFFFF; four bits at a time.
uint16_t frame_crc(const uint8_t *bytes, size_t length)
{
    static const uint16_t table[16] = {
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
        0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
    };
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < length; i++) {
        crc = (uint16_t)(crc >> 4) ^ table[(crc ^ bytes[i]) & 15];
        crc = (uint16_t)(crc >> 4) ^ table[(crc ^ bytes[i] >> 4) & 15];
    }
    return crc;
}

size_t frame_request_body(const struct frame_request *request, uint8_t out[6])
{
    out[0] = request->unit;
    out[1] = request->function;
    if (request->function == FUNCTION_REPORT_SERVER_ID) {
        return 2;
    }
    put16(out + 2, request->address);
    put16(out + 4, request->count);
    return 6;
}

size_t frame_request_bytes(const struct frame_request *request, uint8_t out[12])
{
    if (request->tcp) {
        size_t body = frame_request_body(request, out + HEADER_TCP);
        put16(out, request->transaction);
        put16(out + 2, 0);
        put16(out + 4, (uint16_t)body);
        return HEADER_TCP + body;
    }
    size_t body = frame_request_body(request, out);
    uint16_t crc = frame_crc(out, body);
    out[body] = (uint8_t)crc;
    out[body + 1] = (uint8_t)(crc >> 8);
    return body + 2;
}

// Bytes of data that a good answer brings; 0 when the answer itself says.
static size_t data_expected(const struct frame_request *request)
{
    switch (request->function) {
    case FUNCTION_READ_COILS:
    case FUNCTION_READ_DISCRETE_INPUTS: return ((size_t)request->count + 7) / 8;
    case FUNCTION_READ_HOLDING_REGISTERS:
    case FUNCTION_READ_INPUT_REGISTERS: return 2 * (size_t)request->count;
    default: return 0;
    }
}

static struct frame_answer state_only(enum frame_state state)
{
    return (struct frame_answer){.state = state};
}

static struct frame_answer more(size_t need)
{
    return (struct frame_answer){.state = FRAME_MORE, .need = need};
}

// Judges unit, function and data, without header and CRC: `state` is COMPLETE or EXCEPTION when the
// body would be whole at `length` bytes, which may be more than there are.
static struct frame_answer judge_body(const struct frame_request *request, const uint8_t *body,
                                      size_t length)
{
    if (length >= 1 && body[0] != request->unit) {
        return state_only(FRAME_WRONG_UNIT);
    }
    if (length >= 2 && (body[1] & ~EXCEPTION_BIT) != request->function) {
        return state_only(FRAME_WRONG_FUNCTION);
    }
    if (length < 3) {
        return more(3 - length);
    }
    struct frame_answer answer = {.state = FRAME_EXCEPTION, .length = 3, .exception = body[2]};
    if (!(body[1] & EXCEPTION_BIT)) {
        size_t expected = data_expected(request);
        if (body[2] == 0 || (expected > 0 && body[2] != expected)) {
            return state_only(FRAME_WRONG_LENGTH);
        }
        answer = (struct frame_answer){.state = FRAME_COMPLETE,
                                       .length = 3 + (size_t)body[2],
                                       .data = body + 3,
                                       .data_length = body[2]};
    }
    return answer;
}

static struct frame_answer judge_rtu(const struct frame_request *request, const uint8_t *bytes,
                                     size_t length)
{
    struct frame_answer answer = judge_body(request, bytes, length);
    if (answer.state == FRAME_MORE) {
        answer.need += 2;
        return answer;
    }
    if (answer.state != FRAME_COMPLETE && answer.state != FRAME_EXCEPTION) {
        return answer;
    }
    size_t whole = answer.length + 2;
    if (length < whole) {
        return more(whole - length);
    }
    uint16_t crc = (uint16_t)(bytes[whole - 2] | bytes[whole - 1] << 8);
    if (crc != frame_crc(bytes, whole - 2)) {
        return state_only(FRAME_WRONG_CRC);
    }
    answer.length = whole;
    return answer;
}

static struct frame_answer judge_tcp(const struct frame_request *request, const uint8_t *bytes,
                                     size_t length)
{
    if (length < HEADER_TCP) {
        return more(HEADER_TCP + 3 - length);
    }
    if (get16(bytes) != request->transaction || get16(bytes + 2) != 0) {
        return state_only(FRAME_WRONG_TRANSACTION);
    }
    size_t stated = get16(bytes + 4);
    if (stated < 3 || stated > 254) {
        return state_only(FRAME_WRONG_LENGTH);
    }
    struct frame_answer answer = judge_body(request, bytes + HEADER_TCP, length - HEADER_TCP);
    if (answer.state != FRAME_COMPLETE && answer.state != FRAME_EXCEPTION) {
        return answer;
    }
    if (stated != answer.length) {
        return state_only(FRAME_WRONG_LENGTH);
    }
    size_t whole = HEADER_TCP + answer.length;
    if (length < whole) {
        return more(whole - length);
    }
    answer.length = whole;
    return answer;
}

struct frame_answer frame_judge(const struct frame_request *request, const uint8_t *bytes,
                                size_t length)
{
    return request->tcp ? judge_tcp(request, bytes, length) : judge_rtu(request, bytes, length);
}

size_t frame_echo(const uint8_t *request, size_t request_length, size_t heard, const uint8_t *bytes,
                  size_t length, bool *undecided)
{
    *undecided = false;
    if (heard >= request_length) {
        return 0;
    }
    size_t rest = request_length - heard;
    size_t both = length < rest ? length : rest;
    if (both == 0 || memcmp(request + heard, bytes, both) != 0) {
        return 0;
    }
    if (both < rest) {
        *undecided = true;
        return 0;
    }
    return rest;
}

const char *frame_state_text(enum frame_state state)
{
    switch (state) {
    case FRAME_MORE: return "incomplete";
    case FRAME_COMPLETE: return "complete";
    case FRAME_EXCEPTION: return "exception";
    case FRAME_WRONG_TRANSACTION: return "wrong transaction";
    case FRAME_WRONG_UNIT: return "wrong unit";
    case FRAME_WRONG_FUNCTION: return "wrong function";
    case FRAME_WRONG_LENGTH: return "wrong length";
    case FRAME_WRONG_CRC: return "CRC does not match";
    }
    return "unknown";
}
