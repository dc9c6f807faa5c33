#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/poller.h"

#include "fake_peer.h"

#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#define UNITS_MAX 6

// A small plant: buses, each with a peer, and units on them. Each unit has two requests: registers
// 16 to 19 (two points), and register 400 (one point).
struct plant {
    struct peer peers[2];
    struct config config;
    struct config_bus buses[2];
    struct config_instrument instruments[UNITS_MAX];
    struct driver driver;
    struct driver_quantity quantities[3];
    const struct driver_quantity *list[3];
    struct clock clock;
    _Atomic int64_t wall_shift_us;
    struct sample_queue *queue;
    struct poller *poller;

    // What was taken from the queue.
    int readings[UNITS_MAX], missed[UNITS_MAX][8], rounds, wrong, events[8], marked;
    int64_t last_t_us[UNITS_MAX];
    int64_t entries_us[256]; // of register 400 of any unit: readings and misses
    int entry_count;
    int64_t resumed_us; // when go_on started the poller
    int wanted;         // readings of unit 1
    int unaligned;
    char texts[4096];
};

static struct plant *plant_of(const struct clock *clock)
{
    return (struct plant *)((char *)clock - offsetof(struct plant, clock));
}

static int64_t shifted_wall(const struct clock *clock)
{
    return clock_wall_us(&clock_system) + atomic_load(&plant_of(clock)->wall_shift_us);
}

static int64_t plain_mono(const struct clock *clock)
{
    (void)clock;
    return clock_mono_us(&clock_system);
}

static void format_serial(const struct driver_quantity *quantity, const uint8_t *wire,
                          struct text *out)
{
    (void)quantity;
    text_append_format(out, "%d", wire[0] << 8 | wire[1]);
}

// A plant with these units on one bus, unit numbers from 1.
static void build(struct plant *plant, size_t units, int64_t every_us)
{
    *plant = (struct plant){0};
    static const uint16_t addresses[3] = {16, 18, 400};
    for (size_t i = 0; i < 3; i++) {
        plant->quantities[i] = (struct driver_quantity){.name = "point",
                                                        .function = 3,
                                                        .address = addresses[i],
                                                        .count = i < 2 ? 2 : 1,
                                                        .type = i < 2 ? TYPE_UINT32 : TYPE_UINT16};
        plant->list[i] = &plant->quantities[i];
    }
    plant->driver = (struct driver){.id = "peer",
                                    .max_registers = 125,
                                    .max_gap = 16,
                                    .quantity_count = 3,
                                    .quantities = plant->quantities};
    plant->buses[0] = (struct config_bus){.name = "lab",
                                          .transport = TRANSPORT_TCP,
                                          .host = "127.0.0.1",
                                          .service = plant->peers[0].service,
                                          .timeout_us = 40000,
                                          .late_max_us = 60000};
    for (size_t i = 0; i < units; i++) {
        plant->instruments[i] = (struct config_instrument){.name = "unit",
                                                           .unit = (uint8_t)(i + 1),
                                                           .driver = &plant->driver,
                                                           .serial = "",
                                                           .every_us = every_us,
                                                           .quantity_count = 3,
                                                           .quantities = plant->list};
    }
    plant->config = (struct config){.bus_count = 1,
                                    .buses = plant->buses,
                                    .instrument_count = units,
                                    .instruments = plant->instruments};
    plant->clock = (struct clock){.wall_us = shifted_wall, .mono_us = plain_mono};
    plant->peers[0].tcp_frames = true;
}

static void start(struct plant *plant, const struct config *config, const struct poller *before)
{
    struct why why = {""};
    struct poller_options options = {.config = config,
                                     .clock = &plant->clock,
                                     .queue = plant->queue,
                                     .round_marks = true,
                                     .format_serial = format_serial,
                                     .before = before};
    if (poller_start(&plant->poller, &options, &why) != OK) {
        fail_msg("%s", why.text);
    }
}

static void run(struct plant *plant)
{
    assert_int_equal(sample_queue_make(&plant->queue, 1 << 20), OK);
    start(plant, &plant->config, NULL);
}

static void note_event(struct plant *plant, const struct sample *sample, const uint8_t *text)
{
    size_t used = strlen(plant->texts);
    plant->events[sample->event]++;
    snprintf(plant->texts + used, sizeof plant->texts - used, "%.*s\n", (int)sample->length, text);
}

static void note(struct plant *plant, const struct sample *sample, const uint8_t *payload)
{
    uint32_t i = sample->instrument;
    if (sample->request && sample->request->address == 400 && plant->entry_count < 256) {
        plant->entries_us[plant->entry_count++] = sample->t_us;
    }
    switch (sample->kind) {
    case SAMPLE_REGISTERS:
        plant->readings[i] += sample->request->slot_count;
        plant->marked += sample->identity_mismatch;
        plant->wrong += !peer_data_right(plant->instruments[i].unit, sample->request->address,
                                         sample->request->count, payload);
        plant->wrong += sample->length != 2u * sample->request->count;
        plant->last_t_us[i] = sample->t_us;
        break;
    case SAMPLE_MISSED: plant->missed[i][sample->miss] += sample->request->slot_count; break;
    case SAMPLE_EVENT: note_event(plant, sample, payload); break;
    case SAMPLE_ROUND: plant->rounds++; break;
    }
}

// Takes what comes for so long, or until `enough` says so (NULL: never).
static bool take(struct plant *plant, int64_t most_us, bool (*enough)(const struct plant *plant))
{
    int64_t until = peer_now_ns() + most_us * 1000;
    while (peer_now_ns() < until) {
        struct sample sample;
        const uint8_t *payload;
        if (sample_queue_take(plant->queue, 20000, &sample, &payload) == 1) {
            note(plant, &sample, payload);
        }
        if (enough && enough(plant)) {
            return true;
        }
    }
    return false;
}

static void drain(struct plant *plant)
{
    struct sample sample;
    const uint8_t *payload;
    while (sample_queue_take(plant->queue, 0, &sample, &payload) == 1) {
        note(plant, &sample, payload);
    }
}

// A reload: stops, and so much later goes on with another configuration.
static void go_on(struct plant *plant, const struct config *next, useconds_t pause_us)
{
    struct poller *before = plant->poller;
    poller_stop(before, next);
    usleep(pause_us);
    plant->resumed_us = shifted_wall(&plant->clock);
    start(plant, next, before);
    drain(plant);
    drain(plant); // the queue has two buffers
    poller_free(before);
}

static void stop(struct plant *plant)
{
    poller_stop(plant->poller, NULL);
    sample_queue_close(plant->queue);
    drain(plant);
    poller_free(plant->poller);
    sample_queue_free(plant->queue);
    assert_int_equal(plant->wrong, 0);
}

static bool each_has_thirty(const struct plant *plant)
{
    for (size_t i = 0; i < plant->config.instrument_count; i++) {
        if (plant->readings[i] < 30) {
            return false;
        }
    }
    return true;
}

static void every_instrument_is_read_and_the_status_says_so(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 3, 50000);
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    assert_true(take(&plant, 10000000, each_has_thirty));
    struct poller_instrument_status instrument;
    struct poller_bus_status bus;
    poller_instrument_status(plant.poller, 1, &instrument);
    poller_bus_status(plant.poller, 0, &bus);
    assert_true(instrument.healthy && !instrument.quarantined);
    assert_true(instrument.readings >= 30 && instrument.polls >= 10);
    assert_string_equal(instrument.last_fault, "");
    assert_true(instrument.last_t_us > 0);
    assert_true(bus.connected);
    assert_true(bus.exchanges >= 60 && bus.faults == 0);
    assert_true(bus.load > 0 && bus.load < 1);
    stop(&plant);
    assert_true(plant.rounds > 5);
    assert_int_equal(atomic_load(&plant.peers[0].connections), 1);
    peer_stop(&plant.peers[0]);
}

static atomic_int mute_unit;

static enum peer_fault one_is_mute(struct peer *peer, const struct frame_request *request)
{
    (void)peer;
    return request->unit == atomic_load(&mute_unit) ? PEER_SILENT : PEER_GOOD;
}

static bool unit_2_is_held(const struct plant *plant)
{
    return plant->missed[1][MISS_QUARANTINED] > 0;
}

static bool unit_2_is_back(const struct plant *plant)
{
    return plant->events[EVENT_INSTRUMENT_BACK] > 0;
}

static void a_silent_instrument_is_held_and_comes_back(enum bus_transport transport)
{
    static struct plant plant;
    build(&plant, 4, 50000);
    plant.buses[0].transport = transport;
    plant.buses[0].baud = 115200;
    plant.buses[0].stop_bits = 1;
    plant.buses[0].device = plant.peers[0].device;
    plant.peers[0].choose = one_is_mute;
    atomic_store(&mute_unit, 2);
    if (transport == TRANSPORT_RTU) {
        plant.peers[0].tcp_frames = false;
        plant.peers[0].character_ns = bus_character_ns(&plant.buses[0]);
        assert_true(peer_start_pty(&plant.peers[0]));
    } else {
        assert_true(peer_start_tcp(&plant.peers[0]));
    }
    run(&plant);
    assert_true(take(&plant, 10000000, unit_2_is_held));
    assert_int_equal(plant.events[EVENT_INSTRUMENT_SILENT], 1);
    struct poller_instrument_status status;
    poller_instrument_status(plant.poller, 1, &status);
    assert_true(status.quarantined && !status.healthy);
    assert_string_equal(status.last_fault, "timeout at 0x0010");
    // Three polls failed, each with all its points.
    assert_int_equal(plant.missed[1][MISS_TIMEOUT], 9);
    int before = plant.readings[0];
    take(&plant, 1000000, NULL);
    assert_true(plant.readings[0] - before >= 3 * 15); // 20 polls of 3 points, were it alone
    atomic_store(&mute_unit, 0);
    assert_true(take(&plant, 20000000, unit_2_is_back));
    stop(&plant);
    assert_int_equal(plant.events[EVENT_INSTRUMENT_SILENT], 1);
    assert_int_equal(plant.events[EVENT_INSTRUMENT_BACK], 1);
    assert_int_equal(plant.events[EVENT_BUS_LOST], 0);
    assert_true(plant.readings[1] > 0);
    peer_stop(&plant.peers[0]);
}

static void a_silent_instrument_on_tcp_is_held_and_comes_back(void **state)
{
    (void)state;
    a_silent_instrument_is_held_and_comes_back(TRANSPORT_TCP);
}

static void a_silent_instrument_on_a_line_is_held_and_comes_back(void **state)
{
    (void)state;
    a_silent_instrument_is_held_and_comes_back(TRANSPORT_RTU);
}

static bool bus_was_lost(const struct plant *plant)
{
    return plant->missed[0][MISS_DISCONNECTED] >= 30;
}

static bool bus_is_back(const struct plant *plant)
{
    return plant->events[EVENT_BUS_BACK] > 0;
}

static void a_lost_bus_comes_back_by_itself_and_is_told_once(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 2, 50000);
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    assert_true(take(&plant, 10000000, each_has_thirty));
    peer_stop(&plant.peers[0]);
    assert_true(take(&plant, 10000000, bus_was_lost));
    struct poller_bus_status bus;
    poller_bus_status(plant.poller, 0, &bus);
    assert_false(bus.connected);
    assert_non_null(strstr(bus.last_fault, "refused"));
    assert_int_equal(plant.events[EVENT_BUS_LOST], 1);
    assert_true(peer_start_tcp(&plant.peers[0]));
    assert_true(take(&plant, 20000000, bus_is_back));
    int before = plant.readings[0];
    take(&plant, 500000, NULL);
    assert_true(plant.readings[0] > before);
    stop(&plant);
    assert_int_equal(plant.events[EVENT_BUS_LOST], 1);
    assert_int_equal(plant.events[EVENT_BUS_BACK], 1);
    assert_int_equal(plant.events[EVENT_INSTRUMENT_SILENT], 0);
    peer_stop(&plant.peers[0]);
}

static enum peer_fault refuses_18_and_19(struct peer *peer, const struct frame_request *request)
{
    peer->exception = 2;
    return request->address <= 19 && request->address + request->count > 18 ? PEER_EXCEPTION
                                                                            : PEER_GOOD;
}

static void a_refused_range_is_cut_out_and_the_rest_still_read(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 30000);
    plant.peers[0].choose = refuses_18_and_19;
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    assert_true(take(&plant, 10000000, each_has_thirty));
    int asked = atomic_load(&plant.peers[0].requests);
    stop(&plant);
    assert_int_equal(plant.events[EVENT_INSTRUMENT_REFUSES], 1);
    assert_non_null(strstr(plant.texts, "registers 0x0012 to 0x0013 (point)"));
    int polls = plant.missed[0][MISS_EXCEPTION]; // one point refused in each
    assert_in_range(plant.readings[0], 2 * polls - 2, 2 * polls + 2);
    // Two requests a poll, and three more while the range was sought.
    assert_in_range(asked, 2 * (polls - 1), 2 * polls + 3);
    peer_stop(&plant.peers[0]);
}

static bool has_ten(const struct plant *plant)
{
    return plant->readings[0] >= 10;
}

static void another_serial_number_marks_the_readings(void **state)
{
    (void)state;
    const struct {
        const char *declared, *event;
        bool marked;
    } cases[] = {
        {"4896", "serial number read and matched: \"4896\"", false}, // register 800 of unit 1
        {"4897", "mismatch: serial number read \"4896\", declared \"4897\"", true},
        {"", "serial number read: \"4896\"; none is declared", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct plant plant;
        build(&plant, 1, 30000);
        plant.instruments[0].serial = cases[i].declared;
        plant.driver.has_serial = true;
        plant.driver.serial =
            (struct driver_quantity){.name = "serial", .function = 3, .address = 800, .count = 1};
        plant.driver.report_id = true;
        assert_true(peer_start_tcp(&plant.peers[0]));
        run(&plant);
        assert_true(take(&plant, 10000000, has_ten));
        struct poller_instrument_status status;
        poller_instrument_status(plant.poller, 0, &status);
        assert_int_equal(status.identity_mismatch, cases[i].marked);
        stop(&plant);
        assert_int_equal(plant.events[EVENT_INSTRUMENT_IDENTITY], 2);
        assert_non_null(strstr(plant.texts, cases[i].event));
        assert_non_null(strstr(plant.texts, "server id: \"PEER-\\xff\""));
        // The very first reading bears the mark already.
        assert_int_equal(plant.marked > 0, cases[i].marked);
        assert_true(!cases[i].marked || 2 * plant.marked >= plant.readings[0]);
        peer_stop(&plant.peers[0]);
    }
}

static void aligned_polls_are_on_the_wall_clock_also_after_it_was_set(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 500000);
    plant.instruments[0].align = true;
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    const int64_t shifts[] = {0, 3600 * INT64_C(1000000) + 123456, -3600 * INT64_C(1000000)};
    for (size_t i = 0; i < 3; i++) {
        atomic_store(&plant.wall_shift_us, shifts[i]);
        take(&plant, 1600000, NULL);
        int before = plant.readings[0];
        plant.last_t_us[0] = 0;
        take(&plant, 1100000, NULL);
        assert_in_range(plant.readings[0] - before, 3, 9);
        // A quarter of the interval is far more than a poll takes.
        assert_in_range(plant.last_t_us[0] % 500000, 0, 125000);
    }
    stop(&plant);
    assert_int_equal(plant.events[EVENT_CLOCK_STEPPED], 2);
    assert_non_null(strstr(plant.texts, "set forward by 3600.123 s"));
    assert_int_equal(plant.missed[0][MISS_OVERRUN], 0);
    peer_stop(&plant.peers[0]);
}

static enum peer_fault all_are_slow(struct peer *peer, const struct frame_request *request)
{
    (void)request;
    peer->late_us = 20000;
    peer->late_most_us = 1000000;
    return PEER_LATE;
}

static bool has_missed_ten(const struct plant *plant)
{
    return plant->missed[0][MISS_OVERRUN] >= 30;
}

static void polls_that_cannot_be_made_in_time_are_counted_and_not_made_up_for(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 10000);
    plant.buses[0].timeout_us = 1000000;
    plant.peers[0].choose = all_are_slow;
    assert_true(peer_start_tcp(&plant.peers[0]));
    int64_t start = peer_now_ns();
    run(&plant);
    assert_true(take(&plant, 10000000, has_missed_ten));
    stop(&plant);
    int64_t polls = (plant.readings[0] + plant.missed[0][MISS_OVERRUN]) / 3;
    assert_true(polls <= (peer_now_ns() - start) / 10000000 + 2);
    assert_true(plant.readings[0] > 0);
    peer_stop(&plant.peers[0]);
}

// A full queue, from which nobody takes: the stop must end all the same.
static void a_stop_ends_although_nobody_takes(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 0);
    assert_true(peer_start_tcp(&plant.peers[0]));
    struct why why;
    assert_int_equal(sample_queue_make(&plant.queue, 1), OK);
    struct poller_options options = {
        .config = &plant.config, .clock = &plant.clock, .queue = plant.queue, .round_marks = true};
    assert_int_equal(poller_start(&plant.poller, &options, &why), OK);
    usleep(300000);
    poller_stop(plant.poller, NULL);
    poller_free(plant.poller);
    sample_queue_free(plant.queue);
    peer_stop(&plant.peers[0]);
}

static void a_worker_that_rests_uses_no_time(void **state)
{
    (void)state;
    static struct plant plant;
    struct rusage before, after;
    build(&plant, 3, 3600 * INT64_C(1000000));
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    take(&plant, 500000, NULL);
    int asked = atomic_load(&plant.peers[0].requests);
    getrusage(RUSAGE_SELF, &before);
    take(&plant, 1000000, NULL);
    getrusage(RUSAGE_SELF, &after);
    stop(&plant);
    assert_int_equal(atomic_load(&plant.peers[0].requests), asked);
    assert_int_equal(asked, 6); // each once, at once
    // The peer and the taker above wake 50 times a second each; spinning would switch far more.
    assert_true(after.ru_nvcsw - before.ru_nvcsw < 1000);
    peer_stop(&plant.peers[0]);
}

// The scheduling policy of this process's thread of that name; -1: there is none.
static int policy_of(const char *thread)
{
    int policy = -1;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[64 + sizeof task->d_name], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (!file) {
            continue; // "..", or it has just ended
        }
        if (fgets(name, sizeof name, file)) {
            name[strcspn(name, "\n")] = '\0';
            policy = strcmp(name, thread) ? policy : sched_getscheduler(atoi(task->d_name));
        }
        fclose(file);
    }
    closedir(tasks);
    return policy;
}

static void *try_real_time(void *allowed)
{
    struct sched_param priority = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    *(bool *)allowed = pthread_setschedparam(pthread_self(), SCHED_RR, &priority) == 0;
    return NULL;
}

static bool one_has_thirty(const struct plant *plant)
{
    return plant->readings[0] >= 30;
}

static void the_worker_of_a_line_waits_behind_nobody_where_it_may(void **state)
{
    (void)state;
    static struct plant plant;
    bool allowed = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, try_real_time, &allowed), 0);
    pthread_join(thread, NULL);
    for (int serial = 0; serial < 2; serial++) {
        build(&plant, 1, 0);
        if (serial) {
            plant.buses[0].transport = TRANSPORT_RTU;
            plant.buses[0].baud = 115200;
            plant.buses[0].stop_bits = 1;
            plant.buses[0].parity = PARITY_EVEN;
            plant.buses[0].device = plant.peers[0].device;
            plant.peers[0].tcp_frames = false;
            plant.peers[0].character_ns = bus_character_ns(&plant.buses[0]);
            assert_true(peer_start_pty(&plant.peers[0]));
        } else {
            assert_true(peer_start_tcp(&plant.peers[0]));
        }
        run(&plant);
        assert_true(take(&plant, 10000000, one_has_thirty));
        // A bus without a wire time of its own never asks for it.
        assert_int_equal(policy_of("bus lab"), serial && allowed ? SCHED_RR : SCHED_OTHER);
        stop(&plant);
        peer_stop(&plant.peers[0]);
    }
}

static bool has_wanted(const struct plant *plant)
{
    return plant->readings[0] >= plant->wanted;
}

static void take_three_polls(struct plant *plant)
{
    plant->wanted = plant->readings[0] + 9;
    assert_true(take(plant, 10000000, has_wanted));
}

// Whether the due time that had come last when it went on was met, late. Misses bear due times.
static bool met_last_of_pause(const struct plant *plant, int from, int64_t step_us)
{
    for (int i = from; i < plant->entry_count; i++) {
        int64_t t_us = plant->entries_us[i];
        if (t_us >= plant->resumed_us && t_us % step_us) {
            return t_us / step_us == plant->resumed_us / step_us;
        }
    }
    return false;
}

// The entries from `from` on, each the next multiple of `step_us`.
static void assert_each_slot_once(const struct plant *plant, int from, int to, int64_t step_us)
{
    for (int i = from + 1; i < to; i++) {
        int64_t slots = plant->entries_us[i] / step_us - plant->entries_us[i - 1] / step_us;
        assert_int_equal(slots, 1);
    }
}

static void due_times_in_a_change_are_met_late_or_counted_and_none_twice(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 200000);
    plant.instruments[0].align = true;
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    take_three_polls(&plant);
    // Four or five due times pass; the last of them is met, where the machine has time for it
    // before the next.
    int missed = 0, before = 0;
    bool met = false;
    for (int i = 0; i < 6 && !met; i++) {
        missed = plant.missed[0][MISS_STOPPED];
        before = plant.entry_count;
        go_on(&plant, &plant.config, 900000);
        take_three_polls(&plant);
        assert_true(plant.missed[0][MISS_STOPPED] - missed >= 3 * 3);
        met = met_last_of_pause(&plant, before, 200000);
    }
    assert_true(met);
    missed = plant.missed[0][MISS_STOPPED];
    before = plant.entry_count;
    assert_each_slot_once(&plant, 0, before, 200000);

    // With other times: two or three of the new ones pass, the last of them is met.
    struct config next = plant.config;
    struct config_instrument slower = plant.instruments[0];
    slower.every_us = 400000;
    next.instruments = &slower;
    go_on(&plant, &next, 900000);
    before = plant.entry_count;
    take(&plant, 1300000, NULL);
    stop(&plant);
    assert_true(plant.missed[0][MISS_STOPPED] - missed >= 3 * 1);
    assert_each_slot_once(&plant, before, plant.entry_count, 400000);
    peer_stop(&plant.peers[0]);
}

static void what_a_stop_cuts_off_is_missed(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 100000);
    plant.instruments[0].align = true;
    plant.buses[0].timeout_us = 10000000;
    plant.peers[0].choose = one_is_mute;
    atomic_store(&mute_unit, 1);
    assert_true(peer_start_tcp(&plant.peers[0]));
    run(&plant);
    take(&plant, 500000, NULL);
    stop(&plant);
    // The poll that waits for its answer, and the due times since, of three points each.
    int due = (int)((plant.entries_us[plant.entry_count - 1] - plant.entries_us[0]) / 100000 + 1);
    assert_true(due >= 4);
    assert_int_equal(plant.entry_count, due);
    assert_int_equal(plant.missed[0][MISS_STOPPED], 3 * due);
    assert_each_slot_once(&plant, 0, plant.entry_count, 100000);
    peer_stop(&plant.peers[0]);
}

static enum peer_fault register_300_is_late(struct peer *peer, const struct frame_request *request)
{
    peer->late_us = 450000;
    peer->late_most_us = 1000000;
    return request->address == 300 ? PEER_LATE : PEER_GOOD;
}

// The answer to what the poller before asked comes while the next one polls.
static void an_answer_that_a_stop_left_behind_is_not_taken_for_the_next(void **state)
{
    (void)state;
    static struct plant plant;
    build(&plant, 1, 0);
    plant.quantities[1].address = 300; // as long as the request for 16
    plant.instruments[0].quantity_count = 2;
    plant.buses[0] = (struct config_bus){.name = "lab",
                                         .transport = TRANSPORT_RTU,
                                         .device = plant.peers[0].device,
                                         .baud = 115200,
                                         .stop_bits = 1,
                                         .timeout_us = 600000,
                                         .late_max_us = 700000};
    plant.peers[0].tcp_frames = false;
    plant.peers[0].character_ns = bus_character_ns(&plant.buses[0]);
    plant.peers[0].choose = register_300_is_late;
    assert_true(peer_start_pty(&plant.peers[0]));
    run(&plant);
    for (int i = 0; i < 3; i++) {
        int asked = atomic_load(&plant.peers[0].requests);
        for (int64_t until = peer_now_ns() + 5000000000;
             atomic_load(&plant.peers[0].requests) < asked + 2 && peer_now_ns() < until;) {
            usleep(5000);
        }
        go_on(&plant, &plant.config, 0);
    }
    take(&plant, 2000000, NULL);
    stop(&plant); // asserts that each value is of its own register
    assert_true(plant.readings[0] > 0);
    peer_stop(&plant.peers[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instrument_is_read_and_the_status_says_so),
        cmocka_unit_test(a_silent_instrument_on_tcp_is_held_and_comes_back),
        cmocka_unit_test(a_silent_instrument_on_a_line_is_held_and_comes_back),
        cmocka_unit_test(a_lost_bus_comes_back_by_itself_and_is_told_once),
        cmocka_unit_test(a_refused_range_is_cut_out_and_the_rest_still_read),
        cmocka_unit_test(another_serial_number_marks_the_readings),
        cmocka_unit_test(aligned_polls_are_on_the_wall_clock_also_after_it_was_set),
        cmocka_unit_test(polls_that_cannot_be_made_in_time_are_counted_and_not_made_up_for),
        cmocka_unit_test(a_stop_ends_although_nobody_takes),
        cmocka_unit_test(due_times_in_a_change_are_met_late_or_counted_and_none_twice),
        cmocka_unit_test(what_a_stop_cuts_off_is_missed),
        cmocka_unit_test(an_answer_that_a_stop_left_behind_is_not_taken_for_the_next),
        cmocka_unit_test(a_worker_that_rests_uses_no_time),
        cmocka_unit_test(the_worker_of_a_line_waits_behind_nobody_where_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
