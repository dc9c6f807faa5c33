#include "ledger/wal_check.h"

#include "ledger/store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAL_HEADER   32
#define FRAME_HEADER 24
#define WAL_MAGIC    0x377f0682u // the lowest bit: checksums over big-endian words
#define INDEX_BYTES  136         // two copies of the header, and the checkpoint's state
#define PAGE_MAX     65536u

struct wal {
    int fd;
    bool big_endian;
    uint32_t page_size, salt[2], sum[2];
    uint32_t frames; // that lie whole in the file
    uint8_t *frame;  // one
};

// What the index (-shm) says; it is written after the WAL was synchronised.
struct wal_index {
    bool known;
    uint32_t frames, checkpointed, salt[2];
};

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void add_sum(const struct wal *wal, uint32_t sum[2], const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i + 8 <= length; i += 8) {
        uint32_t a = big(bytes + i), b = big(bytes + i + 4);
        a = wal->big_endian ? a : __builtin_bswap32(a);
        b = wal->big_endian ? b : __builtin_bswap32(b);
        sum[0] += a + sum[1];
        sum[1] += b + sum[0];
    }
}

static bool read_header(struct wal *wal)
{
    uint8_t head[WAL_HEADER];
    struct stat st;
    if (pread(wal->fd, head, sizeof head, 0) != (ssize_t)sizeof head || fstat(wal->fd, &st) != 0) {
        return false;
    }
    wal->big_endian = big(head) & 1;
    wal->page_size = big(head + 8);
    wal->salt[0] = big(head + 16);
    wal->salt[1] = big(head + 20);
    if ((big(head) & ~1u) != WAL_MAGIC || wal->page_size < 512 || wal->page_size > PAGE_MAX) {
        return false;
    }
    add_sum(wal, wal->sum, head, 24);
    wal->frames = (uint32_t)(((uint64_t)st.st_size - WAL_HEADER) / (FRAME_HEADER + wal->page_size));
    return wal->sum[0] == big(head + 24) && wal->sum[1] == big(head + 28);
}

static bool read_frame(struct wal *wal, uint32_t index)
{
    size_t length = FRAME_HEADER + wal->page_size;
    return pread(wal->fd, wal->frame, length, WAL_HEADER + (off_t)index * (off_t)length) ==
               (ssize_t)length &&
           big(wal->frame + 8) == wal->salt[0] && big(wal->frame + 12) == wal->salt[1];
}

// How many frames from the start on are as they were written.
static uint32_t count_good(struct wal *wal)
{
    uint32_t index = 0;
    for (; index < wal->frames && read_frame(wal, index); index++) {
        uint32_t sum[2] = {wal->sum[0], wal->sum[1]};
        add_sum(wal, sum, wal->frame, 8);
        add_sum(wal, sum, wal->frame + FRAME_HEADER, wal->page_size);
        if (sum[0] != big(wal->frame + 16) || sum[1] != big(wal->frame + 20)) {
            break;
        }
        wal->sum[0] = sum[0];
        wal->sum[1] = sum[1];
    }
    return index;
}

// Ends of transactions of this WAL's generation from frame `from` on.
static unsigned count_commits(struct wal *wal, uint32_t from)
{
    unsigned commits = 0;
    for (uint32_t index = from; index < wal->frames; index++) {
        commits += read_frame(wal, index) && big(wal->frame + 4) != 0;
    }
    return commits;
}

static void read_index(const char *directory, struct wal_index *index)
{
    char path[PATH_MAX + 32];
    uint8_t bytes[INDEX_BYTES];
    *index = (struct wal_index){0};
    snprintf(path, sizeof path, "%s/" STORE_FILE "-shm", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    // In the machine's own byte order; both copies agree unless a write was under way.
    if (pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && bytes[12] == 1 &&
        memcmp(bytes, bytes + 48, 48) == 0) {
        index->known = true;
        memcpy(&index->frames, bytes + 16, 4);
        index->salt[0] = big(bytes + 32); // kept as they stand in the WAL
        index->salt[1] = big(bytes + 36);
        memcpy(&index->checkpointed, bytes + 96, 4);
    }
    close(fd);
}

static int judge(struct wal *wal, const struct wal_index *index, struct why *why)
{
    uint32_t good = count_good(wal);
    bool same = index->known && memcmp(index->salt, wal->salt, sizeof wal->salt) == 0;
    if (same && good < index->frames) {
        return why_set(why, ERROR_DAMAGED,
                       "ledger: its write-ahead log is damaged at frame %u of %u", good,
                       index->frames);
    }
    // Without the index (after a power cut): the transaction under way may be there in part, with
    // its end; two ends cannot be.
    if (count_commits(wal, good) >= 2) {
        return why_set(why, ERROR_DAMAGED,
                       "ledger: its write-ahead log is damaged at frame %u, before others", good);
    }
    return OK;
}

int wal_check(const char *directory, struct why *why)
{
    char path[PATH_MAX + 32];
    struct wal wal = {0};
    struct wal_index index;
    struct stat st;
    int error = OK;
    snprintf(path, sizeof path, "%s/" STORE_FILE "-wal", directory);
    wal.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (wal.fd < 0) {
        return OK;
    }
    read_index(directory, &index);
    if (fstat(wal.fd, &st) != 0 || st.st_size == 0) {
        goto done;
    }
    if (!read_header(&wal)) {
        if (index.known && index.frames > index.checkpointed) {
            error = why_set(why, ERROR_DAMAGED, "ledger: its write-ahead log's head is damaged");
        }
        goto done;
    }
    wal.frame = malloc(FRAME_HEADER + wal.page_size);
    error = wal.frame ? judge(&wal, &index, why) : why_set(why, ERROR_MEMORY, "out of memory");
done:
    free(wal.frame);
    close(wal.fd);
    return error;
}
