#include "report/zip_whole.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// APPNOTE.TXT, 4.3.7, 4.3.12, 4.3.16; no ZIP64, no comment at the end.
#define END_SIZE   22
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define ENTRY_SIGN 0x02014b50u
#define LOCAL_SIGN 0x04034b50u
#define END_SIGN   0x06054b50u
#define DEFLATED   8
#define PIECE      65536
#define NAME_MOST  256
#define ENDS       128 // bytes kept of the beginning and of the end of a file

struct entry {
    char name[NAME_MOST];
    uint32_t method, packed, size, local;
    size_t length; // of the entry itself
};

// The two ends of what is inflated.
struct ends {
    char first[ENDS + 1], last[ENDS + 1];
    size_t first_length, last_length;
    uint64_t size;
};

static uint32_t number(const unsigned char *bytes, int count)
{
    uint32_t value = 0;
    for (int i = count - 1; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static int read_at(FILE *zip, uint64_t at, void *bytes, size_t length, struct why *why)
{
    return fseeko(zip, (off_t)at, SEEK_SET) || fread(bytes, 1, length, zip) != length
               ? why_set(why, ERROR_DAMAGED, "the workbook is cut off")
               : OK;
}

static void take(struct ends *ends, const unsigned char *bytes, size_t length)
{
    size_t room = ENDS - ends->first_length, some = length < room ? length : room;
    memcpy(ends->first + ends->first_length, bytes, some);
    ends->first_length += some;
    ends->size += length;
    if (length >= ENDS) {
        memcpy(ends->last, bytes + length - ENDS, ENDS);
        ends->last_length = ENDS;
        return;
    }
    size_t keep = ends->last_length + length > ENDS ? ENDS - length : ends->last_length;
    memmove(ends->last, ends->last + ends->last_length - keep, keep);
    memcpy(ends->last + keep, bytes, length);
    ends->last_length = keep + length;
}

// The file is at the beginning of the entry's bytes.
static int inflate_entry(FILE *zip, const struct entry *entry, struct ends *ends)
{
    unsigned char in[4096];
    unsigned char *out = malloc(PIECE);
    z_stream stream = {.zalloc = NULL};
    if (!out || inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        free(out);
        return ERROR_MEMORY;
    }
    uint32_t left = entry->packed;
    int result = Z_OK;
    while (result == Z_OK && left) {
        size_t want = left < sizeof in ? left : sizeof in;
        stream.avail_in = (uInt)fread(in, 1, want, zip);
        stream.next_in = in;
        left -= stream.avail_in;
        result = stream.avail_in == want ? Z_OK : Z_DATA_ERROR;
        do {
            stream.avail_out = PIECE;
            stream.next_out = out;
            result = result == Z_OK ? inflate(&stream, Z_NO_FLUSH) : result;
            take(ends, out, PIECE - stream.avail_out);
        } while (result == Z_OK && stream.avail_out == 0);
        result = result == Z_BUF_ERROR ? Z_OK : result; // it wants more
    }
    inflateEnd(&stream);
    free(out);
    return result == Z_STREAM_END && ends->size == entry->size ? OK : ERROR_DAMAGED;
}

// "<?xml …?>" and white space, "<name …" … "</name>" and white space.
static bool is_closed(struct ends *ends)
{
    while (ends->last_length && strchr(" \r\n", ends->last[ends->last_length - 1])) {
        ends->last_length--;
    }
    const char *root = strstr(ends->first, "?>");
    root = root ? strchr(root, '<') : NULL;
    size_t length = root ? strcspn(root + 1, " />\r\n") : 0, tail = length + 3;
    const char *end = ends->last + ends->last_length - tail;
    return length && tail <= ends->last_length && strncmp(end, "</", 2) == 0 &&
           strncmp(end + 2, root + 1, length) == 0 && end[tail - 1] == '>';
}

static int look_at(FILE *zip, const struct entry *entry, struct why *why)
{
    unsigned char local[LOCAL_SIZE];
    struct ends ends = {.size = 0};
    int error = read_at(zip, entry->local, local, sizeof local, why);
    if (error) {
        return error;
    }
    if (number(local, 4) != LOCAL_SIGN || entry->method != DEFLATED ||
        fseeko(zip, (off_t)number(local + 26, 2) + number(local + 28, 2), SEEK_CUR)) {
        return why_set(why, ERROR_DAMAGED, "%s in the workbook cannot be read", entry->name);
    }
    error = inflate_entry(zip, entry, &ends);
    if (error == ERROR_MEMORY) {
        return why_set(why, error, "%s", error_text(error));
    }
    return !error && is_closed(&ends)
               ? OK
               : why_set(why, ERROR_DAMAGED, "%s in the workbook is not whole", entry->name);
}

static int read_entry(FILE *zip, uint64_t at, struct entry *entry, struct why *why)
{
    unsigned char bytes[ENTRY_SIZE];
    int error = read_at(zip, at, bytes, sizeof bytes, why);
    size_t name = error ? 0 : number(bytes + 28, 2);
    if (error || number(bytes, 4) != ENTRY_SIGN || name >= NAME_MOST) {
        return error ? error : why_set(why, ERROR_DAMAGED, "the workbook's list is not whole");
    }
    *entry =
        (struct entry){.method = number(bytes + 10, 2),
                       .packed = number(bytes + 20, 4),
                       .size = number(bytes + 24, 4),
                       .local = number(bytes + 42, 4),
                       .length = ENTRY_SIZE + name + number(bytes + 30, 2) + number(bytes + 32, 2)};
    return read_at(zip, at + ENTRY_SIZE, entry->name, name, why);
}

int zip_whole(FILE *zip, struct why *why)
{
    unsigned char end[END_SIZE];
    if (fseeko(zip, -END_SIZE, SEEK_END) || fread(end, 1, END_SIZE, zip) != END_SIZE ||
        number(end, 4) != END_SIGN) {
        return why_set(why, ERROR_DAMAGED, "the workbook is cut off");
    }
    uint64_t at = number(end + 16, 4);
    int error = OK;
    for (uint32_t i = 0; !error && i < number(end + 10, 2); i++) {
        struct entry entry = {.length = 0};
        error = read_entry(zip, at, &entry, why);
        at += error ? 0 : entry.length;
        error = error ? error : look_at(zip, &entry, why);
    }
    return error;
}
