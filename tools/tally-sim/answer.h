// From a request to the answer that an instrument of the lab gives, faults on order included: bytes
// ready for the wire, and when they are to go.
//
// Only functions 3, 4 and 17 are served; the rest are refused, and writes are said aloud. Does no
// I/O but that one line of log. Called by the thread of the line.
#ifndef TALLY_SIM_ANSWER_H
#define TALLY_SIM_ANSWER_H

#include "bus/frame.h"
#include "frame.h"
#include "lab.h"

#define ANSWER_MAX (FRAME_TCP_MAX + FAULT_NOISE_MAX)

struct answer {
    size_t length; // 0: none
    int64_t delay_ns;
    bool late;  // not sent in the request's own turn: the line goes on meanwhile
    bool reset; // the line or connection is to be reset instead
    uint8_t bytes[ANSWER_MAX];
};

// `pdu`: function code and what follows it, 1 to 253 bytes. `transaction`: of Modbus TCP. Returns
// false when the unit is not here (and on TCP *out is a gateway's exception for it; on RTU there is
// no answer).
bool answer_make(struct lab *lab, struct lab_line *line, uint8_t unit, uint16_t transaction,
                 const uint8_t *pdu, size_t pdu_length, int64_t now_ns, struct answer *out);

#endif
