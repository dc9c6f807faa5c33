#include "frame.h"

#include "bus/frame.h"

bool frame_crc_good(const uint8_t *bytes, size_t length)
{
    if (length < 4) {
        return false;
    }
    uint16_t crc = frame_crc(bytes, length - 2);
    return bytes[length - 2] == (crc & 0xff) && bytes[length - 1] == crc >> 8;
}

int frame_request_length(const uint8_t *bytes, size_t length)
{
    if (length < 2) {
        return 0;
    }
    size_t counted = 0; // where the byte count stands, in requests that have one
    switch (bytes[1]) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 8: return 8;
    case 7:
    case 11:
    case 12:
    case 17: return 4;
    case 15:
    case 16: counted = 6; break;
    case 22: return 10;
    case 23: counted = 10; break;
    default: return -1;
    }
    return length <= counted ? 0 : (int)(counted + 1 + bytes[counted] + 2);
}
