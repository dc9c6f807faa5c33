// Modbus requests as an instrument receives them: whether their CRC is good, and how long they are.
// Modbus over Serial Line V1.02 §2.5.1, Application Protocol V1.1b3 §6. Pure functions.
#ifndef TALLY_SIM_FRAME_H
#define TALLY_SIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_RTU_MAX 256
#define FRAME_TCP_MAX 260
#define FRAME_PDU_MAX 253

// Whether the last two bytes are the CRC of those before.
bool frame_crc_good(const uint8_t *bytes, size_t length);
// The length of the RTU request that begins with these bytes. 0: more bytes are needed to tell; -1:
// the function is not known, and only silence ends it.
int frame_request_length(const uint8_t *bytes, size_t length);

#endif
