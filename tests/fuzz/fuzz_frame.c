// Answers of an instrument: any bytes, against any request, are judged without reading past their
// end, and a judgement of "complete" keeps what it promises.
#include "bus/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8) {
        return 0;
    }
    static const uint8_t functions[] = {1, 2, 3, 4, 17};
    struct frame_request request = {.tcp = data[0] & 1,
                                    .transaction = (uint16_t)(data[1] << 8 | data[2]),
                                    .unit = data[3],
                                    .function = functions[data[4] % 5],
                                    .address = (uint16_t)(data[5] << 8 | data[6]),
                                    .count = (uint16_t)(data[7] % 125 + 1)};
    size_t length = size - 8 > FRAME_MAX ? FRAME_MAX : size - 8;
    uint8_t *bytes = malloc(length ? length : 1); // its own block, so that ASan sees the end
    if (!bytes) {
        return 0;
    }
    memcpy(bytes, data + 8, length);
    struct frame_answer answer = frame_judge(&request, bytes, length);
    if (answer.state == FRAME_COMPLETE && answer.length > length) {
        abort();
    }
    free(bytes);
    return 0;
}
