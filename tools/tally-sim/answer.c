#include "answer.h"

#include "base/log.h"

#include <string.h>
#include <sys/random.h>

#define EXCEPTION_GATEWAY_TARGET 11 // "gateway target device failed to respond"

struct reply {
    uint8_t unit;
    size_t length;
    uint8_t pdu[FRAME_PDU_MAX + 2];
};

static bool function_writes(uint8_t function)
{
    return function == 5 || function == 6 || function == 15 || function == 16 || function == 21 ||
           function == 22 || function == 23;
}

static void reply_exception(struct reply *reply, uint8_t function, int code)
{
    reply->pdu[0] = function | 0x80;
    reply->pdu[1] = (uint8_t)code;
    reply->length = 2;
}

static void reply_read(struct lab *lab, struct lab_instrument *instrument, const uint8_t *pdu,
                       size_t length, int64_t now_ns, struct reply *reply)
{
    if (length != 5) {
        reply_exception(reply, pdu[0], EXCEPTION_COUNT);
        return;
    }
    uint16_t address = (uint16_t)(pdu[1] << 8 | pdu[2]);
    uint16_t count = (uint16_t)(pdu[3] << 8 | pdu[4]);
    int code = image_read(instrument->image, pdu[0], address, count, now_ns,
                          lab_time_s(lab, now_ns), reply->pdu + 2);
    if (code != 0) {
        reply_exception(reply, pdu[0], code);
        return;
    }
    reply->pdu[0] = pdu[0];
    reply->pdu[1] = (uint8_t)(2 * count);
    reply->length = 2 + 2 * (size_t)count;
}

// Report server id (Application Protocol §6.17): what follows the byte count is the device's own
// business; here the unit, "running", and maker, model and serial number in words.
static void reply_identity(const struct lab_instrument *instrument, struct reply *reply)
{
    struct text words = text_make(200);
    const struct driver *driver = instrument->driver;
    text_append_format(&words, "%.60s %.60s %.60s", driver->maker, driver->model,
                       instrument->serial);
    reply->pdu[0] = 17;
    reply->pdu[1] = (uint8_t)(2 + words.length);
    reply->pdu[2] = instrument->unit;
    reply->pdu[3] = 0xff;
    if (words.length > 0) {
        memcpy(reply->pdu + 4, words.data, words.length);
    }
    reply->length = 4 + words.length;
    text_free(&words);
}

// Says it aloud, though a master that does nothing else must not fill the disk.
static void note_write(struct lab_line *line, uint8_t unit, uint8_t function)
{
    uint64_t before = atomic_fetch_add(&line->stats.write_attempts, 1);
    if (before < 20 || before % 1000 == 0) {
        log_error("WRITE ATTEMPT: function %d for unit %d on %s (%llu so far)", function, unit,
                  line->address, (unsigned long long)before + 1);
    }
}

static void reply_make(struct lab *lab, struct lab_instrument *instrument, const uint8_t *pdu,
                       size_t length, int64_t now_ns, struct reply *reply)
{
    reply->unit = instrument->unit;
    if (pdu[0] == 3 || pdu[0] == 4) {
        reply_read(lab, instrument, pdu, length, now_ns, reply);
    } else if (pdu[0] == 17 && length == 1 && instrument->driver->report_id) {
        reply_identity(instrument, reply);
    } else {
        reply_exception(reply, pdu[0], EXCEPTION_FUNCTION);
    }
}

// Still a whole frame, whose byte count agrees with its length.
static void reply_change_length(struct reply *reply)
{
    if (reply->length <= 2) {
        return; // an exception has no other length
    }
    if (reply->length > 4) {
        reply->length -= 2;
    } else {
        reply->pdu[reply->length++] = 0;
        reply->pdu[reply->length++] = 0;
    }
    reply->pdu[1] = (uint8_t)(reply->length - 2);
}

static void frame_make(const struct lab_line *line, const struct reply *reply, uint16_t transaction,
                       bool damaged, struct answer *out)
{
    uint8_t *at = out->bytes + out->length;
    if (line->transport == TRANSPORT_TCP) {
        size_t length = reply->length + 1;
        uint8_t head[7] = {
            (uint8_t)(transaction >> 8), (uint8_t)transaction, 0,          damaged ? 0x5a : 0,
            (uint8_t)(length >> 8),      (uint8_t)length,      reply->unit};
        memcpy(at, head, sizeof head);
        memcpy(at + sizeof head, reply->pdu, reply->length);
        out->length += sizeof head + reply->length;
        return;
    }
    at[0] = reply->unit;
    memcpy(at + 1, reply->pdu, reply->length);
    uint16_t crc = frame_crc(at, reply->length + 1) ^ (damaged ? 0x0100 : 0);
    at[reply->length + 1] = (uint8_t)crc;
    at[reply->length + 2] = (uint8_t)(crc >> 8);
    out->length += reply->length + 3;
}

static void add_noise(struct answer *out, int64_t count)
{
    if (getrandom(out->bytes, (size_t)count, 0) == (ssize_t)count) {
        out->length = (size_t)count;
    }
}

static void answer_with(struct lab_line *line, struct reply *reply, uint16_t transaction,
                        const struct fault *fault, struct answer *out)
{
    uint8_t function = reply->pdu[0] & 0x7f;
    switch (fault->kind) {
    case FAULT_SLOW:
    case FAULT_LATE:
        out->delay_ns = fault->argument * 1000000;
        out->late = fault->kind == FAULT_LATE;
        break;
    case FAULT_NOISE: add_noise(out, fault->argument); break;
    case FAULT_WRONG_UNIT: reply->unit++; break;
    case FAULT_WRONG_LENGTH: reply_change_length(reply); break;
    case FAULT_EXCEPTION: reply_exception(reply, function, (int)fault->argument); break;
    case FAULT_RESET: out->reset = true; return;
    case FAULT_SILENT: return;
    default: break;
    }
    frame_make(line, reply, transaction, fault->kind == FAULT_BAD_CRC, out);
    if (fault->kind == FAULT_HALF_FRAME) {
        out->length /= 2;
    }
    stats_add(&line->stats.answers);
    if (reply->pdu[0] & 0x80) {
        stats_add(&line->stats.exceptions);
    }
}

bool answer_make(struct lab *lab, struct lab_line *line, uint8_t unit, uint16_t transaction,
                 const uint8_t *pdu, size_t pdu_length, int64_t now_ns, struct answer *out)
{
    struct reply reply = {.unit = unit};
    struct lab_instrument *instrument = line->units[unit];
    out->length = 0;
    out->delay_ns = 0;
    out->late = out->reset = false;
    if (function_writes(pdu[0])) {
        note_write(line, unit, pdu[0]);
    }
    if (instrument == NULL) {
        stats_add(&line->stats.others);
        if (line->transport == TRANSPORT_TCP) {
            reply_exception(&reply, pdu[0], EXCEPTION_GATEWAY_TARGET);
            frame_make(line, &reply, transaction, false, out);
        }
        return false;
    }
    stats_add(&line->stats.requests);
    stats_add(&instrument->requests);
    reply_make(lab, instrument, pdu, pdu_length, now_ns, &reply);
    struct fault fault = fault_slot_take(&instrument->faults, now_ns);
    answer_with(line, &reply, transaction, &fault, out);
    return true;
}
