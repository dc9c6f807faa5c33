// uplink/delivery: what is sent, and where the cursor goes on each answer; with a session of our
// own in place of the library's, so that every answer a broker may give is given. And its parts.
#include "fake_session.h"
#include "ledger_bench.h"

#include "uplink/delivery.h"
#include "uplink/herald.h"

// --- the bench

struct bench {
    struct ledger_bench *ledger;
    struct config_uplink settings;
    struct notices notices;
    struct delivery delivery;
    struct session session;
    char events[2048]; // "kind: text\n"
};

static void on_event(void *context, const char *kind, const char *subject, const char *text)
{
    struct bench *b = context;
    size_t used = strlen(b->events);
    assert_string_equal(subject, "city");
    snprintf(b->events + used, sizeof b->events - used, "%s: %s\n", kind, text);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    void *ledger;
    bench_setup(&ledger);
    b->ledger = ledger;
    bench_open(b->ledger);
    b->settings = (struct config_uplink){.name = "city", .reconnect_max_us = 8000000};
    b->session = (struct session){.window = 4, .packet_max = SIZE_MAX};
    const struct clock *clock = &b->ledger->clock.clock;
    struct uplink_hooks hooks = {.event = on_event, .context = b};
    notices_begin(&b->notices, "city", clock, &hooks);
    const struct delivery_options options = {.settings = &b->settings,
                                             .directory = b->ledger->directory,
                                             .ledger = b->ledger->ledger,
                                             .clock = clock,
                                             .notices = &b->notices,
                                             .seed = 1};
    assert_int_equal(delivery_open(&b->delivery, &options, &b->ledger->why), OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    void *ledger = b->ledger;
    delivery_close(&b->delivery);
    notices_end(&b->notices);
    free(b);
    return bench_teardown(&ledger);
}

static void connect_up(struct bench *b)
{
    delivery_attach(&b->delivery, &b->session);
    delivery_begin(&b->delivery);
}

static int64_t send(struct bench *b)
{
    int64_t wait_us = INT64_C(3600000000);
    delivery_look(&b->delivery);
    assert_int_equal(delivery_send(&b->delivery, &wait_us), OK);
    return wait_us;
}

static void answer(struct bench *b, int id, int reason)
{
    delivery_acknowledged(&b->delivery, id, reason);
    delivery_harvest(&b->delivery);
}

static void expect_block(const struct bench *b, int id, uint64_t n)
{
    assert_true(id < b->session.count);
    assert_string_equal(b->session.sent[id].what, "block");
    assert_int_equal(b->session.sent[id].n, n);
    assert_false(b->session.sent[id].retain);
}

// The cursor: as we hold it, as the ledger was told, as people see it.
static void expect_cursor(struct bench *b, uint64_t n)
{
    struct uplink_status status;
    notices_read(&b->notices, &status);
    assert_int_equal(b->delivery.acknowledged, n);
    assert_int_equal(ledger_cursor(b->ledger->ledger, "city"), n);
    assert_int_equal(status.acknowledged, n);
}

static void expect_fault(struct bench *b, const char *text)
{
    struct uplink_status status;
    notices_read(&b->notices, &status);
    assert_string_equal(status.last_fault, text);
}

// --- sending and the cursor

static void blocks_go_in_order_as_far_as_the_window(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 10);
    connect_up(b);
    send(b);
    assert_int_equal(b->session.count, 4);
    assert_false(delivery_wants_blocks(&b->delivery));
    for (int id = 0; id < 10; id++) {
        expect_block(b, id, (uint64_t)id);
        answer(b, id, 0);
        send(b);
    }
    assert_int_equal(b->session.count, 10);
    assert_true(delivery_wants_blocks(&b->delivery));
    expect_cursor(b, 10);
    struct uplink_status status;
    notices_read(&b->notices, &status);
    assert_int_equal(status.published, 10);
    assert_int_equal(status.readings, 30);
    assert_string_equal(b->events, "");
}

static void cursor_waits_for_the_oldest(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 4);
    connect_up(b);
    send(b);
    answer(b, 2, 0);
    answer(b, 1, 0);
    expect_cursor(b, 0);
    answer(b, 0, 0);
    expect_cursor(b, 3);
}

static void refused_block_holds_the_cursor_and_goes_again_alone(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 4);
    connect_up(b);
    send(b);
    answer(b, 0, 0);
    answer(b, 1, 0x87);
    answer(b, 2, 0);
    assert_int_equal(b->session.count, 4); // nothing more before the rest is answered
    send(b);
    assert_int_equal(b->session.count, 4);
    answer(b, 3, 0);
    expect_cursor(b, 1); // 2 and 3 were taken, behind a gap: they do not count
    expect_fault(b, "the broker does not take blocks: Not authorized (0x87)");

    int64_t wait_us = send(b);
    assert_int_equal(b->session.count, 4);
    assert_true(wait_us >= 500000 && wait_us <= 1000000);
    assert_false(delivery_wants_blocks(&b->delivery));
    b->ledger->clock.mono_us += wait_us;
    send(b);
    assert_int_equal(b->session.count, 5); // one, until one is taken
    expect_block(b, 4, 1);
    answer(b, 4, 0);
    expect_cursor(b, 2);
    expect_fault(b, "");
    send(b);
    assert_int_equal(b->session.count, 7);
    expect_block(b, 5, 2);
    expect_block(b, 6, 3);
    assert_string_equal(
        b->events, "uplink.rejected: the broker does not take blocks: Not authorized (0x87)\n");
}

static void tries_again_grow_rarer_and_are_told_once(void **state)
{
    struct bench *b = *state;
    int64_t longest_us = 0;
    bench_append(b->ledger, 1);
    connect_up(b);
    for (int i = 0; i < 12; i++) {
        send(b);
        assert_int_equal(b->session.count, i + 1);
        expect_block(b, i, 0);
        answer(b, i, 0x87);
        int64_t wait_us = send(b);
        assert_true(wait_us <= 8000000); // reconnect_max
        longest_us = wait_us > longest_us ? wait_us : longest_us;
        b->ledger->clock.mono_us += wait_us;
    }
    assert_true(longest_us >= 4000000);
    expect_cursor(b, 0);
    assert_string_equal(
        b->events, "uplink.rejected: the broker does not take blocks: Not authorized (0x87)\n");
}

static void without_subscriber_the_cursor_stays(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 1);
    connect_up(b);
    send(b);
    answer(b, 0, 0x10);
    expect_cursor(b, 0);
    assert_non_null(strstr(b->events, "uplink.no-subscribers: "));
}

static void without_subscriber_the_cursor_moves_where_that_is_accepted(void **state)
{
    struct bench *b = *state;
    b->settings.no_subscribers_accept = true;
    bench_append(b->ledger, 1);
    connect_up(b);
    send(b);
    answer(b, 0, 0x10);
    expect_cursor(b, 1);
    assert_string_equal(b->events, "");
}

static void block_too_large_for_the_broker_is_held(void **state)
{
    struct bench *b = *state;
    b->session.packet_max = 100;
    bench_append(b->ledger, 1);
    connect_up(b);
    send(b);
    delivery_harvest(&b->delivery);
    assert_int_equal(b->session.count, 0);
    expect_cursor(b, 0);
    assert_string_equal(b->events, "uplink.rejected: too large\n");
    b->ledger->clock.mono_us += 1000000;
    b->session.packet_max = SIZE_MAX;
    send(b);
    answer(b, 0, 0);
    expect_cursor(b, 1);
}

static void new_connection_begins_at_the_cursor(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 4);
    connect_up(b);
    send(b);
    answer(b, 0, 0);
    answer(b, 2, 0);
    connect_up(b); // the answers to 1 and 3 are lost
    assert_int_equal(b->delivery.window.count, 0);
    answer(b, 3, 0); // an id of the connection before
    expect_cursor(b, 1);
    send(b);
    assert_int_equal(b->session.count, 7);
    expect_block(b, 4, 1);
    expect_block(b, 6, 3);
}

static void backlog_goes_no_faster_than_its_rate(void **state)
{
    struct bench *b = *state;
    b->settings.drain_rate = 20; // a burst of 2
    bench_append(b->ledger, 8);
    connect_up(b);
    assert_true(send(b) <= 10000);
    assert_int_equal(b->session.count, 2);
    b->ledger->clock.mono_us += 50000;
    send(b);
    assert_int_equal(b->session.count, 3);
}

// --- what a block needs

static void put_definitions(struct bench *b)
{
    struct digest hashes[2];
    struct ledger *ledger = b->ledger->ledger;
    char *large = calloc(1, FEED_CHUNK_BYTES + 10);
    assert_int_equal(ledger_put_file(ledger, "definitions", "{}", 2, &hashes[0], &b->ledger->why),
                     OK);
    assert_int_equal(ledger_put_file(ledger, "driver", large, FEED_CHUNK_BYTES + 10, &hashes[1],
                                     &b->ledger->why),
                     OK);
    assert_int_equal(ledger_put_definitions(ledger, 0, &hashes[0], hashes, 2, &b->ledger->why), OK);
    free(large);
}

// Sends all there is; how many messages of a kind went.
static int count_sent(struct bench *b, const char *what)
{
    int count = 0, from = b->session.count;
    b->session.window = 100;
    send(b);
    for (int id = from; id < b->session.count; id++) {
        count += strcmp(b->session.sent[id].what, what) == 0;
    }
    return count;
}

static void files_and_definitions_go_before_the_block(void **state)
{
    struct bench *b = *state;
    static const char *const expected[] = {"file", "file", "file", "definitions", "block", "block"};
    put_definitions(b);
    bench_append(b->ledger, 2);
    connect_up(b);
    b->session.window = 100;
    send(b);
    assert_int_equal(b->session.count, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(b->session.sent[i].what, expected[i]);
        assert_true(b->session.sent[i].length <= FEED_CHUNK_BYTES);
        assert_int_equal(b->session.sent[i].retain, i == 3);
        answer(b, i, 0);
    }
    expect_cursor(b, 2);
}

static void refused_file_holds_its_block_and_goes_again(void **state)
{
    struct bench *b = *state;
    put_definitions(b);
    bench_append(b->ledger, 1);
    connect_up(b);
    b->session.window = 100;
    send(b);
    for (int id = 0; id < b->session.count; id++) {
        answer(b, id, strcmp(b->session.sent[id].what, "file") == 0 ? 0x87 : 0);
    }
    expect_cursor(b, 0);
    assert_non_null(strstr(b->events, "the broker does not take a file: Not authorized (0x87)"));
    b->ledger->clock.mono_us += 1000000;
    int from = b->session.count;
    do {
        send(b);
        answer(b, b->session.count - 1, 0);
    } while (b->delivery.acknowledged == 0 && b->session.count < SENT_MAX);
    expect_cursor(b, 1);
    assert_int_equal(b->session.count - from, 4); // three chunks and the block
}

// A file counts as delivered only when somebody subscribed to it: 0x10 is a success of a kind.
static void file_that_nobody_got_goes_again_on_the_next_connection(void **state)
{
    struct bench *b = *state;
    put_definitions(b);
    bench_append(b->ledger, 1);
    connect_up(b);
    assert_int_equal(count_sent(b, "file"), 3);
    for (int id = 0; id < b->session.count; id++) {
        answer(b, id, strcmp(b->session.sent[id].what, "file") == 0 ? 0x10 : 0);
    }
    expect_cursor(b, 1);
    bench_append(b->ledger, 1);
    connect_up(b);
    assert_int_equal(count_sent(b, "file"), 3);
    for (int id = 0; id < b->session.count; id++) {
        answer(b, id, 0);
    }
    expect_cursor(b, 2);
    bench_append(b->ledger, 1);
    connect_up(b);
    int before = b->session.count;
    assert_int_equal(count_sent(b, "file"), 0);
    assert_string_equal(b->session.sent[before].what, "definitions"); // for whoever joined since
}

static void refused_status_and_definitions_hold_nothing_back(void **state)
{
    struct bench *b = *state;
    put_definitions(b);
    bench_append(b->ledger, 1);
    connect_up(b);
    b->session.window = 100;
    delivery_send_status(&b->delivery, "tally/1/x/status", "{}", 2);
    send(b);
    for (int id = 0; id < b->session.count; id++) {
        const char *what = b->session.sent[id].what;
        bool refuse = strcmp(what, "status") == 0 || strcmp(what, "definitions") == 0;
        answer(b, id, refuse ? 0x87 : 0);
    }
    expect_cursor(b, 1);
    assert_non_null(strstr(b->events, "the broker does not take the status: "));
    assert_non_null(strstr(b->events, "the broker does not take the definitions: "));
    int before = b->session.count;
    delivery_send_status(&b->delivery, "tally/1/x/status", "{}", 2);
    assert_int_equal(b->session.count, before); // not on this connection
    connect_up(b);
    delivery_send_status(&b->delivery, "tally/1/x/status", "{}", 2);
    assert_int_equal(b->session.count, before + 1);
}

// --- with receipts

static void connect_with_receipts(struct bench *b)
{
    b->settings.has_centre = true;
    b->session.window = 100;
    connect_up(b);
}

static void with_receipts_nothing_goes_before_it_is_asked_for(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 3);
    connect_with_receipts(b);
    send(b);
    assert_int_equal(b->session.count, 0);
    assert_false(delivery_wants_blocks(&b->delivery));
    delivery_resume(&b->delivery, 1);
    send(b);
    assert_int_equal(b->session.count, 2);
    expect_block(b, 0, 1);
    connect_up(b);
    send(b);
    assert_int_equal(b->session.count, 2);
    delivery_resume(&b->delivery, 0);
    delivery_hold(&b->delivery);
    send(b);
    assert_int_equal(b->session.count, 2);
}

static void with_receipts_they_alone_move_the_cursor(void **state)
{
    struct bench *b = *state;
    struct uplink_status status;
    bench_append(b->ledger, 3);
    connect_with_receipts(b);
    delivery_resume(&b->delivery, 0);
    send(b);
    for (int id = 0; id < 3; id++) {
        answer(b, id, 0);
    }
    assert_int_equal(ledger_cursor(b->ledger->ledger, "city"), 0);
    notices_read(&b->notices, &status);
    assert_int_equal(status.acknowledged, 0);
    assert_int_equal(status.published, 3);
    delivery_receipted(&b->delivery, 2);
    assert_int_equal(ledger_cursor(b->ledger->ledger, "city"), 2);
    notices_read(&b->notices, &status);
    assert_int_equal(status.acknowledged, 2);
}

// What was under way when the centre asked for another block says nothing of where to go back to.
static void a_refusal_goes_back_to_what_was_asked_for(void **state)
{
    struct bench *b = *state;
    bench_append(b->ledger, 5);
    connect_with_receipts(b);
    delivery_resume(&b->delivery, 3);
    send(b);
    assert_int_equal(b->session.count, 2);
    delivery_resume(&b->delivery, 1);
    answer(b, 0, 0);
    answer(b, 1, 0);
    send(b);
    expect_block(b, 2, 1);
    answer(b, 2, 0x87);
    for (int id = 3; id < b->session.count; id++) {
        answer(b, id, 0);
    }
    int from = b->session.count;
    b->ledger->clock.mono_us += 1000000;
    send(b);
    expect_block(b, from, 1);
}

static void what_is_asked_for_goes_with_files_that_were_under_way(void **state)
{
    struct bench *b = *state;
    put_definitions(b);
    bench_append(b->ledger, 1);
    connect_with_receipts(b);
    delivery_resume(&b->delivery, 0);
    assert_int_equal(count_sent(b, "file"), 3);
    int sent = b->session.count;
    delivery_resume(&b->delivery, 0);
    for (int id = 0; id < sent; id++) {
        answer(b, id, 0);
    }
    assert_int_equal(count_sent(b, "file"), 3);
    for (int id = sent; id < b->session.count; id++) {
        answer(b, id, 0);
    }
    delivery_resume(&b->delivery, 0);
    assert_int_equal(count_sent(b, "file"), 3);
}

// --- parts

static void window_moves_over_answers_in_order_only(void **state)
{
    (void)state;
    struct window *window = calloc(1, sizeof *window);
    struct window_item item;
    for (int i = 0; i < 3; i++) {
        window_add(window, &(struct window_item){.id = 10 + i, .n = (uint64_t)i, .bytes = 5});
    }
    assert_true(window_answer(window, 11, 0));
    assert_false(window_take(window, &item));
    assert_false(window_answer(window, 99, 0));
    assert_true(window_answer(window, 10, 0x10));
    assert_true(window_take(window, &item));
    assert_true(item.n == 0 && item.reason == 0x10);
    assert_true(window_take(window, &item));
    assert_true(item.n == 1 && item.reason == 0);
    assert_false(window_take(window, &item));
    assert_true(window->count == 1 && window->bytes == 5);
    free(window);
}

static void window_wraps_around(void **state)
{
    (void)state;
    struct window *window = calloc(1, sizeof *window);
    struct window_item item;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < SESSION_WINDOW_MAX - 56; i++) {
            window_add(window, &(struct window_item){.id = i, .bytes = 1});
            assert_true(window_answer(window, i, 0));
        }
        for (int i = 0; i < SESSION_WINDOW_MAX - 56; i++) {
            assert_true(window_take(window, &item));
            assert_int_equal(item.id, i);
        }
    }
    assert_int_equal(window->bytes, 0);
    free(window);
}

static void backoff_doubles_within_its_bounds(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 1000, 30000, 42);
    int64_t delay = 1000;
    for (int i = 0; i < 20; i++) {
        int64_t wait = backoff_next(&backoff, INT64_MAX);
        assert_true(wait >= delay / 2 && wait <= delay);
        delay = delay * 2 > 30000 ? 30000 : delay * 2;
    }
    for (int i = 0; i < 20; i++) {
        int64_t wait = backoff_next(&backoff, 500);
        assert_true(wait >= 250 && wait <= 500);
    }
    backoff_reset(&backoff);
    assert_true(backoff_next(&backoff, INT64_MAX) <= 1000);
}

static void two_gateways_do_not_come_back_together(void **state)
{
    (void)state;
    struct backoff a, b;
    backoff_init(&a, 1000000, 30000000, 1);
    backoff_init(&b, 1000000, 30000000, 2);
    int same = 0;
    for (int i = 0; i < 10; i++) {
        same += backoff_next(&a, INT64_MAX) == backoff_next(&b, INT64_MAX);
    }
    assert_true(same < 3);
}

static void rate_lets_through_what_it_says(void **state)
{
    (void)state;
    struct rate rate;
    int passed = 0;
    rate_init(&rate, 500, 0);
    for (int64_t t = 0; t < 10000000; t += 700) {
        passed += rate_take(&rate, t);
    }
    assert_in_range(passed, 4990, 5060); // and the burst of a tenth of a second
    rate_init(&rate, 0, 0);
    for (int i = 0; i < 10000; i++) {
        assert_true(rate_take(&rate, 0));
    }
}

static void slow_rate_still_passes(void **state)
{
    (void)state;
    struct rate rate;
    int passed = 0;
    rate_init(&rate, 1, 0);
    for (int64_t t = 0; t <= 10000000; t += 10000) {
        passed += rate_take(&rate, t);
    }
    assert_in_range(passed, 9, 11);
}

// --- events

// A herald on the bench, with `count` events in the next block to be appended.
static struct herald herald_of(struct bench *b, struct bulletin *bulletin)
{
    struct herald herald;
    const struct uplink_hooks hooks = {.bulletin = bulletin};
    bulletin_begin(bulletin, ledger_origin(b->ledger->ledger));
    herald_begin(&herald, &b->delivery, &hooks);
    return herald;
}

static void post_events(struct bench *b, struct bulletin *bulletin, int count)
{
    for (int i = 0; i < count; i++) {
        bulletin_post(bulletin, i, "limit.raised", "meter.voltage", "max 242 V");
    }
    bulletin_close(bulletin, bulletin_end(bulletin), ledger_size(b->ledger->ledger),
                   clock_mono_us(&b->ledger->clock.clock), false);
}

static int sent_so_far(const struct bench *b, const char *what)
{
    int count = 0;
    for (int id = 0; id < b->session.count; id++) {
        bool same = strcmp(b->session.sent[id].what, what) == 0;
        assert_false(same && b->session.sent[id].retain);
        count += same;
    }
    return count;
}

static void events_go_once_durable_and_leave_room_for_blocks(void **state)
{
    struct bench *b = *state;
    struct bulletin *bulletin = bulletin_make();
    struct herald herald = herald_of(b, bulletin);
    b->session.window = 16;
    bench_append(b->ledger, 30);
    connect_up(b);
    herald_up(&herald);
    post_events(b, bulletin, 20);
    delivery_look(&b->delivery);
    herald_look(&herald);
    assert_int_equal(b->session.count, 0); // their block is not durable
    bench_append(b->ledger, 1);
    delivery_look(&b->delivery);
    herald_look(&herald);
    assert_int_equal(sent_so_far(b, "event"), 4); // a quarter of what the broker takes
    send(b);
    assert_int_equal(sent_so_far(b, "block"), 12);
    for (int id = 0; id < b->session.count; id++) { // whether or not anybody subscribes
        answer(b, id, strcmp(b->session.sent[id].what, "event") == 0 ? 0x10 : 0);
        herald_look(&herald);
        send(b);
    }
    assert_int_equal(sent_so_far(b, "event"), 20);
    expect_cursor(b, 31);
    expect_fault(b, "");
    assert_string_equal(b->events, "");
    bulletin_free(bulletin);
}

static void refused_events_hold_nothing_back(void **state)
{
    struct bench *b = *state;
    struct bulletin *bulletin = bulletin_make();
    struct herald herald = herald_of(b, bulletin);
    connect_up(b);
    herald_up(&herald);
    post_events(b, bulletin, 3);
    bench_append(b->ledger, 1);
    delivery_look(&b->delivery);
    herald_look(&herald);
    assert_int_equal(sent_so_far(b, "event"), 1);
    answer(b, 0, 0x87);
    herald_look(&herald);
    send(b);
    assert_int_equal(sent_so_far(b, "event"), 1);
    answer(b, 1, 0);
    expect_cursor(b, 1);
    expect_fault(b, "the broker does not take events: Not authorized (0x87)");
    bulletin_free(bulletin);
}

static void old_events_are_not_told_and_unanswered_ones_again(void **state)
{
    struct bench *b = *state;
    struct bulletin *bulletin = bulletin_make();
    struct herald herald = herald_of(b, bulletin);
    post_events(b, bulletin, 200); // while there is no connection
    bench_append(b->ledger, 1);
    b->ledger->clock.mono_us += 59000000;
    post_events(b, bulletin, 3);
    bench_append(b->ledger, 1);
    b->ledger->clock.mono_us += 2000000; // the first are more than a minute old
    connect_up(b);
    herald_up(&herald);
    herald_look(&herald);
    assert_int_equal(sent_so_far(b, "event"), 1);
    answer(b, 0, 0);
    herald_look(&herald);
    assert_int_equal(sent_so_far(b, "event"), 2);
    delivery_attach(&b->delivery, NULL); // before the second was answered
    connect_up(b);
    herald_up(&herald);
    herald_look(&herald);
    answer(b, 2, 0);
    herald_look(&herald);
    answer(b, 3, 0);
    herald_look(&herald);
    assert_int_equal(sent_so_far(b, "event"), 4);
    bulletin_free(bulletin);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_moves_over_answers_in_order_only),
        cmocka_unit_test(window_wraps_around),
        cmocka_unit_test(backoff_doubles_within_its_bounds),
        cmocka_unit_test(two_gateways_do_not_come_back_together),
        cmocka_unit_test(rate_lets_through_what_it_says),
        cmocka_unit_test(slow_rate_still_passes),
        WITH_BENCH(blocks_go_in_order_as_far_as_the_window),
        WITH_BENCH(cursor_waits_for_the_oldest),
        WITH_BENCH(refused_block_holds_the_cursor_and_goes_again_alone),
        WITH_BENCH(tries_again_grow_rarer_and_are_told_once),
        WITH_BENCH(without_subscriber_the_cursor_stays),
        WITH_BENCH(without_subscriber_the_cursor_moves_where_that_is_accepted),
        WITH_BENCH(block_too_large_for_the_broker_is_held),
        WITH_BENCH(new_connection_begins_at_the_cursor),
        WITH_BENCH(backlog_goes_no_faster_than_its_rate),
        WITH_BENCH(files_and_definitions_go_before_the_block),
        WITH_BENCH(refused_file_holds_its_block_and_goes_again),
        WITH_BENCH(file_that_nobody_got_goes_again_on_the_next_connection),
        WITH_BENCH(refused_status_and_definitions_hold_nothing_back),
        WITH_BENCH(events_go_once_durable_and_leave_room_for_blocks),
        WITH_BENCH(refused_events_hold_nothing_back),
        WITH_BENCH(old_events_are_not_told_and_unanswered_ones_again),
        WITH_BENCH(with_receipts_nothing_goes_before_it_is_asked_for),
        WITH_BENCH(with_receipts_they_alone_move_the_cursor),
        WITH_BENCH(a_refusal_goes_back_to_what_was_asked_for),
        WITH_BENCH(what_is_asked_for_goes_with_files_that_were_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
