#include "uplink/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX    (16u << 20)
#define DEFS_SEARCH_BYTES 1024 // the keys before "readings" fit in it

struct feed {
    struct ledger_reader *reader;
    bool compress;
    uint64_t next;
    char prefix[BLOCK_ORIGIN_MAX + 16];
    char topic[BLOCK_ORIGIN_MAX + 16 + 80];
    char offset[24], total[24]; // properties of a chunk

    struct text block;
    uint32_t readings;
    bool loaded; // `block` holds block `next`

    bool have_definitions;
    struct digest definitions; // of the last block looked at
    bool listed;               // their files are sent, or listed in `files`
    bool announce;             // the retained definitions message is due

    struct digest files[FEED_FILES_MAX]; // to be sent before block `next`
    size_t file_count, file_place;
    struct text file; // files[file_place], when file_open
    bool file_open;
    size_t file_offset;

    struct digest delivered[FEED_DELIVERED_MAX];
    size_t delivered_count, delivered_place;
};

int feed_open(struct feed **out, const char *directory, bool compress, struct why *why)
{
    *out = NULL;
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int error = ledger_reader_open(&feed->reader, directory, why);
    if (error) {
        free(feed);
        return error;
    }
    feed->compress = compress;
    feed->block = text_make(2 * BLOCK_BYTES_MAX);
    feed->file = text_make(FILE_BYTES_MAX);
    snprintf(feed->prefix, sizeof feed->prefix, "tally/1/%s/", ledger_reader_origin(feed->reader));
    *out = feed;
    return OK;
}

void feed_close(struct feed *feed)
{
    if (feed) {
        ledger_reader_close(feed->reader);
        text_free(&feed->block);
        text_free(&feed->file);
        free(feed);
    }
}

const char *feed_topic_prefix(const struct feed *feed)
{
    return feed->prefix;
}

void feed_rewind(struct feed *feed, uint64_t n, bool fresh)
{
    feed->next = n;
    feed->loaded = false;
    feed->file_count = feed->file_place = 0;
    feed->file_open = false;
    // Files on the way when things went wrong may be lost: what is not known as delivered goes
    // again.
    feed->listed = false;
    feed->announce = feed->announce || fresh;
}

uint64_t feed_next_block(const struct feed *feed)
{
    return feed->next;
}

static bool is_delivered(const struct feed *feed, const struct digest *file)
{
    for (size_t i = 0; i < feed->delivered_count; i++) {
        if (digest_equal(&feed->delivered[i], file)) {
            return true;
        }
    }
    return false;
}

void feed_forget(struct feed *feed)
{
    feed->delivered_count = feed->delivered_place = 0;
}

int feed_root(struct feed *feed, uint64_t size, struct digest *root)
{
    return ledger_reader_root(feed->reader, size, root, NULL);
}

void feed_delivered(struct feed *feed, const struct digest *file)
{
    if (is_delivered(feed, file)) {
        return;
    }
    feed->delivered[feed->delivered_place] = *file;
    feed->delivered_place = (feed->delivered_place + 1) % FEED_DELIVERED_MAX;
    if (feed->delivered_count < FEED_DELIVERED_MAX) {
        feed->delivered_count++;
    }
}

// Whether the loaded block says itself that its definitions are those listed already. Of a packed
// one only the ledger knows.
static bool block_says_same(const struct feed *feed)
{
    static const char key[] = "\"defs\":\"";
    struct digest definitions;
    size_t length = feed->block.length;
    size_t within = length < DEFS_SEARCH_BYTES ? length : DEFS_SEARCH_BYTES;
    if (feed->compress || !feed->listed) {
        return false;
    }
    const char *p = memmem(feed->block.data, within, key, sizeof key - 1);
    return p && (size_t)(p - feed->block.data) + sizeof key - 1 + 2 * DIGEST_SIZE <= length &&
           text_parse_hex(p + sizeof key - 1, definitions.bytes, DIGEST_SIZE) == OK &&
           digest_equal(&definitions, &feed->definitions);
}

// Lists the files to be sent before the loaded block. Those of the block before have been sent.
static int list_files(struct feed *feed, struct why *why)
{
    struct digest definitions;
    size_t count = 0;
    if (block_says_same(feed)) {
        return OK;
    }
    feed->file_count = feed->file_place = 0;
    int error = ledger_reader_definitions(feed->reader, feed->next, &definitions, feed->files,
                                          FEED_FILES_MAX, &count, why);
    if (error == ERROR_ABSENT) {
        return OK; // no definitions yet: a block of events needs none
    }
    if (error == ERROR_RANGE) {
        return why_set(why, ERROR_SYSTEM, "block %llu needs more than %d files",
                       (unsigned long long)feed->next, FEED_FILES_MAX);
    }
    bool known = feed->have_definitions && digest_equal(&definitions, &feed->definitions);
    if (error || (known && feed->listed)) {
        return error;
    }
    for (size_t i = 0; i < count && i < FEED_FILES_MAX; i++) {
        if (!is_delivered(feed, &feed->files[i])) {
            feed->files[feed->file_count++] = feed->files[i];
        }
    }
    feed->announce = feed->announce || !known;
    feed->definitions = definitions;
    feed->have_definitions = feed->listed = true;
    return OK;
}

// After a block was not there: passes over what has been pruned.
static int skip_pruned(struct feed *feed, struct why *why)
{
    uint64_t first, size, from = feed->next;
    int error = ledger_reader_extent(feed->reader, &first, &size, why);
    if (error) {
        return error;
    }
    if (first <= from) {
        return why_set(why, ERROR_DAMAGED, "block %llu is missing from the ledger",
                       (unsigned long long)from);
    }
    feed->next = first;
    return why_set(why, ERROR_RANGE, "blocks %llu to %llu were pruned before they were sent",
                   (unsigned long long)from, (unsigned long long)first - 1);
}

static int load_block(struct feed *feed, struct why *why)
{
    text_clear(&feed->block);
    int error = feed->compress ? ledger_reader_packed(feed->reader, feed->next, &feed->block, why)
                               : ledger_reader_block(feed->reader, feed->next, &feed->block, why);
    if (error == ERROR_ABSENT) {
        return skip_pruned(feed, why);
    }
    if (error) {
        return error;
    }
    feed->readings = ledger_reader_readings(feed->reader);
    error = list_files(feed, why);
    feed->loaded = error == OK;
    return error;
}

static int open_file(struct feed *feed, struct why *why)
{
    char hex[DIGEST_HEX];
    const struct digest *hash = &feed->files[feed->file_place];
    text_clear(&feed->file);
    int error = ledger_reader_file(feed->reader, hash, &feed->file, why);
    if (error == ERROR_ABSENT || error == ERROR_DAMAGED) {
        feed->file_place++;
        text_format_hex(hash->bytes, DIGEST_SIZE, hex);
        return why_set(why, ERROR_RANGE, "file %s, which blocks from %llu on need, %s", hex,
                       (unsigned long long)feed->next,
                       error == ERROR_ABSENT ? "is not in the ledger" : "is damaged");
    }
    feed->file_open = error == OK;
    feed->file_offset = 0;
    return error;
}

static void give_chunk(struct feed *feed, size_t chunk_max, struct feed_item *out)
{
    char hex[DIGEST_HEX];
    const struct digest *hash = &feed->files[feed->file_place];
    size_t total = feed->file.length, left = total - feed->file_offset;
    size_t length = left < chunk_max ? left : chunk_max;
    text_format_hex(hash->bytes, DIGEST_SIZE, hex);
    snprintf(feed->topic, sizeof feed->topic, "%sfile/%s", feed->prefix, hex);
    snprintf(feed->offset, sizeof feed->offset, "%zu", feed->file_offset);
    snprintf(feed->total, sizeof feed->total, "%zu", total);
    out->message = (struct session_message){
        .topic = feed->topic,
        .payload = feed->file.data + feed->file_offset,
        .length = length,
        .content_type = "application/octet-stream",
        .properties = {{"offset", feed->offset},
                       {"total", feed->total},
                       {"kind", digest_equal(hash, &feed->definitions) ? "definitions" : "file"}}};
    out->item = (struct window_item){
        .kind = ITEM_FILE, .file = *hash, .last = length == left, .bytes = length};
    feed->file_offset += length;
    if (length == left) {
        feed->file_place++;
        feed->file_open = false;
    }
}

static int give_definitions(struct feed *feed, struct feed_item *out, struct why *why)
{
    feed->announce = false;
    text_clear(&feed->file);
    int error = ledger_reader_file(feed->reader, &feed->definitions, &feed->file, why);
    if (error) {
        return error == ERROR_ABSENT || error == ERROR_DAMAGED ? ERROR_RANGE : error;
    }
    snprintf(feed->topic, sizeof feed->topic, "%sdefinitions", feed->prefix);
    out->message =
        (struct session_message){.topic = feed->topic,
                                 .payload = feed->file.data,
                                 .length = feed->file.length,
                                 .retain = true,
                                 .content_type = "application/vnd.tally.definitions+json"};
    out->item = (struct window_item){.kind = ITEM_DEFINITIONS, .bytes = feed->file.length};
    return OK;
}

static void give_block(struct feed *feed, struct feed_item *out)
{
    text_free(&feed->file); // it may have been a megabyte, and is seldom needed again
    snprintf(feed->topic, sizeof feed->topic, "%sblock", feed->prefix);
    out->message = (struct session_message){
        .topic = feed->topic,
        .payload = feed->block.data,
        .length = feed->block.length,
        .content_type = feed->compress ? "application/vnd.tally.block+zstd"
                                       : "application/vnd.tally.block+json"};
    out->item = (struct window_item){.kind = ITEM_BLOCK,
                                     .n = feed->next,
                                     .readings = feed->readings,
                                     .bytes = feed->block.length};
    feed->next++;
    feed->loaded = false;
}

int feed_next(struct feed *feed, uint64_t size, size_t chunk_max, struct feed_item *out,
              struct why *why)
{
    int error;
    if (!feed->loaded) {
        if (feed->next >= size) {
            return ERROR_ABSENT;
        }
        error = load_block(feed, why);
        if (error) {
            return error;
        }
    }
    if (feed->file_place < feed->file_count) {
        error = feed->file_open ? OK : open_file(feed, why);
        if (error == OK) {
            give_chunk(feed, chunk_max < FEED_CHUNK_BYTES ? chunk_max : FEED_CHUNK_BYTES, out);
        }
        return error;
    }
    if (feed->announce && feed->have_definitions) {
        return give_definitions(feed, out, why);
    }
    give_block(feed, out);
    return OK;
}
