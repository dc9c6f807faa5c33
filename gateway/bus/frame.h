// Modbus frames as bytes: makes a read request, and judges the bytes that came back so far. Pure;
// knows no port, no time, and no request that writes.
//
// An RTU frame is unit, function, data, CRC (low byte first); a TCP frame is transaction, protocol
// 0, length, unit, function, data (Modbus Messaging on TCP/IP V1.0b §3.1.3).
#ifndef TALLY_BUS_FRAME_H
#define TALLY_BUS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 264 // TCP: 7 + 253 (RTU: 256), and room for a few bytes too many

enum frame_function {
    FUNCTION_READ_COILS = 1,
    FUNCTION_READ_DISCRETE_INPUTS = 2,
    FUNCTION_READ_HOLDING_REGISTERS = 3,
    FUNCTION_READ_INPUT_REGISTERS = 4,
    FUNCTION_REPORT_SERVER_ID = 17,
};

struct frame_request {
    uint8_t unit, function;
    uint16_t address, count; // not for REPORT_SERVER_ID
    bool tcp;                // TCP framing, else RTU
    uint16_t transaction;    // TCP
};

enum frame_state {
    FRAME_MORE,     // so far it may become the answer; `need` more bytes at least
    FRAME_COMPLETE, // the answer; `data` and `data_length` are what it brought
    FRAME_EXCEPTION,
    FRAME_WRONG_TRANSACTION, // also a wrong protocol number
    FRAME_WRONG_UNIT,
    FRAME_WRONG_FUNCTION,
    FRAME_WRONG_LENGTH,
    FRAME_WRONG_CRC,
};

struct frame_answer {
    enum frame_state state;
    size_t need;
    size_t length;       // of the whole frame, COMPLETE and EXCEPTION
    const uint8_t *data; // within the bytes given
    size_t data_length;
    uint8_t exception; // the Modbus exception code
};

// Whether the function is one of those that Tally may send.
bool frame_function_allowed(uint8_t function);
// Writes unit, function and data, without header and CRC (what modbus_send_raw_request takes). At
// most 6 bytes; returns how many.
size_t frame_request_body(const struct frame_request *request, uint8_t out[6]);
// Writes the whole frame. At most 12 bytes; returns how many.
size_t frame_request_bytes(const struct frame_request *request, uint8_t out[12]);
// Judges the first `length` bytes that came back.
struct frame_answer frame_judge(const struct frame_request *request, const uint8_t *bytes,
                                size_t length);
// How many bytes at the start of `bytes` may be our own request heard back, of which `heard` bytes
// came before: a port on a two-wire line may echo. All of the rest of the request, or the answer is
// 0; with fewer bytes, *undecided when they agree so far.
size_t frame_echo(const uint8_t *request, size_t request_length, size_t heard, const uint8_t *bytes,
                  size_t length, bool *undecided);
uint16_t frame_crc(const uint8_t *bytes, size_t length);
// "wrong unit", "CRC does not match" …
const char *frame_state_text(enum frame_state state);

#endif
