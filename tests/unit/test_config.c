// config: a good file gives what it says; each bad one gives exactly the faults it has.
#include "base/error.h"
#include "bus/plan.h"
#include "config/config.h"
#include "measure/counting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <glob.h>
#include <time.h>
#include <unistd.h>

#define BAD_CONFIGS "tests/bad-config"
#define TEXT_MAX    ((size_t)1 << 20)

// Faults as `tally check` prints them: of the file, and of its plan when it has none.
static void check_file(const char *path, struct text *out)
{
    struct faults faults = {0};
    struct config *config;
    if (config_load(&config, path, NULL, &faults) == OK) {
        plan_check(config, &faults, NULL);
        counting_check(config, &faults);
        config_free(config);
    } else {
        assert_null(config);
        assert_true(faults.count > 0);
    }
    for (size_t i = 0; i < faults.count; i++) {
        text_append_format(out, "%s\n", faults.lines[i]);
    }
    faults_free(&faults);
}

static void read_expected(const char *yaml, struct text *out)
{
    char path[256];
    snprintf(path, sizeof path, "%.*s.txt", (int)(strlen(yaml) - strlen(".yaml")), yaml);
    FILE *file = fopen(path, "re");
    if (!file) {
        fail_msg("%s: there is none", path);
    }
    char *to = text_reserve(out, 65536);
    text_commit(out, fread(to, 1, 65536, file));
    fclose(file);
}

static void each_bad_configuration_gives_its_exact_faults(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(chdir(BAD_CONFIGS), 0); // so that faults name the bare file
    assert_int_equal(glob("[0-9]*.yaml", 0, NULL, &files), 0);
    size_t bad = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct text found = text_make(TEXT_MAX), expected = text_make(TEXT_MAX);
        check_file(files.gl_pathv[i], &found);
        read_expected(files.gl_pathv[i], &expected);
        if (!found.length || strcmp(found.data, expected.data) != 0) {
            print_error("%s\nexpected:\n%sfound:\n%s", files.gl_pathv[i], expected.data,
                        found.data ? found.data : "nothing\n");
            bad++;
        }
        text_free(&found);
        text_free(&expected);
    }
    size_t count = files.gl_pathc;
    globfree(&files);
    assert_int_equal(chdir("../.."), 0);
    assert_int_equal(bad, 0);
    assert_true(count >= 30);
}

// A configuration written to a file beside the drivers of the bad ones.
static struct config *load_text(const char *text, struct faults *faults)
{
    char path[] = "/tmp/tally-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct config *config;
    config_load(&config, path, BAD_CONFIGS "/drivers", faults);
    unlink(path);
    return config;
}

static struct config *load_good(const char *text)
{
    struct faults faults = {0};
    struct config *config = load_text(text, &faults);
    if (!config) {
        fail_msg("%s", faults.count ? faults.lines[0] : "no fault");
    }
    assert_int_equal(faults.count, 0);
    return config;
}

#define SITE "site: {name: Hanjiang 纺织, code: 91350100M000100Y43, time_zone: Asia/Shanghai}\n"

static void defaults_are_those_of_the_header(void **state)
{
    (void)state;
    struct config *config =
        load_good(SITE "gateway: {name: gw-01, data: /var/lib/tally}\n"
                       "buses: [{name: a, rtu: /dev/ttyS1, baud: 19200}]\n"
                       "instruments:\n"
                       "  - {name: m, bus: a, unit: 247, driver: meter, every: 1s}\n");
    assert_string_equal(config->site.name, "Hanjiang 纺织");
    assert_string_equal(config->gateway.data, "/var/lib/tally");
    assert_string_equal(config->gateway.control, "/var/lib/tally/control");
    assert_int_equal(config->gateway.block_interval_us, 10000000);
    assert_int_equal(config->gateway.block_readings, 1000);
    assert_false(config->gateway.prompt);
    assert_int_equal(config->gateway.keep_us, (int64_t)3 * 365 * 86400 * 1000000);
    assert_int_equal(config->gateway.keep_bytes, 0);
    const struct config_bus *bus = &config->buses[0];
    assert_int_equal(bus->transport, TRANSPORT_RTU);
    assert_int_equal(bus->baud, 19200);
    assert_int_equal(bus->stop_bits, 1);
    assert_int_equal(bus->parity, PARITY_EVEN);
    assert_int_equal(bus->direction, DIRECTION_AUTO);
    assert_true(bus->low_latency);
    assert_int_equal(bus->timeout_us, 500000);
    assert_int_equal(bus->late_max_us, 1000000);
    const struct config_instrument *instrument = &config->instruments[0];
    assert_int_equal(instrument->unit, 247);
    assert_string_equal(instrument->serial, "");
    assert_false(instrument->align);
    assert_int_equal(instrument->quantity_count, 4);
    assert_string_equal(instrument->quantities[3]->name, "energy-import");
    assert_int_equal(instrument->ratio_ct.magnitude, 1);
    assert_int_equal(instrument->line, 5);
    assert_int_equal(config->uplink_count, 0);
    config_free(config);
}

static void every_key_is_taken(void **state)
{
    (void)state;
    struct config *config = load_good(
        SITE
        "gateway: {name: gw-01, data: d, control: /run/t, block_interval: 1s,\n"
        "  block_readings: 5, prompt: yes, keep: 0d, keep_size: 4GiB}\n"
        "buses:\n"
        "  - {name: a, rtu: ttyS1, baud: 300, parity: odd, stop_bits: 2, direction: kernel,\n"
        "     low_latency: no, timeout: 50ms, late_max: 2s}\n"
        "  - {name: b, tcp: \"[2001:db8::1]:502\"}\n"
        "  - {name: c, rtu_over_tcp: gateway.example:4001}\n"
        "instruments:\n"
        "  - {name: m, bus: c, unit: 7, driver: meter, serial: 20114532, every: 1d,\n"
        "     align: yes, ratios: {pt: 100, ct: 0.5}, quantities: [power-active, current-l1]}\n"
        "  - {name: n, bus: b, unit: 0, driver: meter, serial: \"0012\", every: 20ms}\n"
        "alarms: {hook: [/bin/true, \"two words\", \"\"], timeout: 2min}\n"
        "uplinks:\n"
        "  - {name: u, broker: \"mqtts://[::1]\", ca: ca.pem, certificate: /x/gw.pem, key: k,\n"
        "     receipts: none, required: yes, no_subscribers: accept, compress: yes,\n"
        "     drain_rate: 0, reconnect_min: 10ms, reconnect_max: 1h}\n"
        "  - {name: v, broker: \"mqtts://mqtt.example:1\", ca: a, certificate: b, key: c}\n");
    assert_string_equal(config->gateway.data, "/tmp/d");
    assert_string_equal(config->gateway.control, "/run/t");
    assert_int_equal(config->gateway.block_readings, 5);
    assert_true(config->gateway.prompt);
    assert_int_equal(config->gateway.keep_us, 0);
    assert_int_equal(config->gateway.keep_bytes, (int64_t)4 << 30);
    assert_string_equal(config->buses[0].device, "/tmp/ttyS1");
    assert_int_equal(config->buses[0].direction, DIRECTION_KERNEL);
    assert_int_equal(config->buses[0].stop_bits, 2);
    assert_int_equal(config->buses[0].parity, PARITY_ODD);
    assert_false(config->buses[0].low_latency);
    assert_int_equal(config->buses[0].late_max_us, 2000000);
    assert_string_equal(config->buses[1].host, "2001:db8::1");
    assert_string_equal(config->buses[1].service, "502");
    assert_int_equal(config->buses[2].transport, TRANSPORT_RTU_OVER_TCP);
    assert_string_equal(config->buses[2].host, "gateway.example");
    const struct config_instrument *m = &config->instruments[0];
    assert_int_equal(m->bus, 2);
    assert_true(m->align);
    assert_string_equal(m->serial, "20114532");
    assert_int_equal(m->quantity_count, 2);
    assert_string_equal(m->quantities[0]->name, "power-active");
    assert_int_equal(m->ratio_pt.magnitude, 100);
    assert_int_equal(m->ratio_ct.exponent, -1);
    assert_string_equal(config->instruments[1].serial, "0012");
    assert_ptr_equal(config->instruments[1].driver, m->driver);
    assert_int_equal(config->driver_count, 1);
    const struct config_uplink *u = &config->uplinks[0];
    assert_string_equal(u->host, "::1");
    assert_int_equal(u->port, 8883);
    assert_string_equal(u->ca, "/tmp/ca.pem");
    assert_string_equal(u->certificate, "/x/gw.pem");
    assert_true(u->required && u->no_subscribers_accept && u->compress);
    assert_int_equal(u->drain_rate, 0);
    assert_int_equal(u->reconnect_min_us, 10000);
    assert_int_equal(config->uplinks[1].port, 1);
    assert_int_equal(config->uplinks[1].drain_rate, 1000);
    assert_false(config->uplinks[1].required);
    assert_string_equal(config->alarms.hook[0], "/bin/true");
    assert_string_equal(config->alarms.hook[1], "two words");
    assert_string_equal(config->alarms.hook[2], "");
    assert_null(config->alarms.hook[3]);
    assert_int_equal(config->alarms.timeout_us, 120000000);
    config_free(config);
    config_free(NULL);
}

static void assert_decimal(struct decimal found, const char *expected)
{
    struct text text = text_make(64);
    value_append_plain(&text, &(struct value){.kind = VALUE_DECIMAL, .decimal = found});
    assert_string_equal(text.data, expected);
    text_free(&text);
}

static void groups_are_taken_with_the_registers_of_those_they_name(void **state)
{
    (void)state;
    struct config *config =
        load_good(SITE "gateway: {name: gw-01, data: d}\n"
                       "buses: [{name: a, tcp: \"192.0.2.1:502\"}]\n"
                       "instruments:\n"
                       "  - {name: m, bus: a, unit: 1, driver: meter, every: 15s}\n"
                       "  - {name: n, bus: a, unit: 2, driver: meter, every: 15s}\n"
                       "  - {name: c, bus: a, unit: 3, driver: counters, every: 15s}\n"
                       "groups:\n"
                       "  - {name: both, plus: [m.energy-import], minus: [n.energy-import],\n"
                       "     kind: electricity, site: yes, independent: yes}\n"
                       "  - {name: rest, plus: [c.heat], minus: [both]}\n"
                       "  - {name: water, plus: [c.volume], kind: water, site: no}\n");
    static const char *const points[] = {"c.heat", "m.energy-import", "n.energy-import"};
    assert_int_equal(config->group_count, 3);
    const struct config_group *both = &config->groups[0], *rest = &config->groups[1];
    assert_true(both->site && both->independent && !rest->site && !rest->independent);
    assert_string_equal(both->kind, "electricity");
    assert_string_equal(both->unit, "kWh");
    assert_null(rest->kind);
    assert_int_equal(both->part_count, 2);
    assert_true(!both->parts[0].minus && both->parts[1].minus);
    assert_int_equal(rest->part_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rest->parts[i].point, points[i]);
        assert_int_equal(rest->parts[i].minus, i == 1);
    }
    assert_string_equal(config->groups[2].unit, "m³");
    assert_false(config->groups[2].site);
    config_free(config);
}

static void limits_are_taken(void **state)
{
    (void)state;
    struct config *config = load_good(
        SITE "gateway: {name: gw-01, data: d}\n"
             "buses: [{name: a, tcp: \"192.0.2.1:502\"}]\n"
             "instruments:\n"
             "  - name: m\n"
             "    bus: a\n"
             "    unit: 1\n"
             "    driver: meter\n"
             "    every: 15s\n"
             "    quantities: [energy-import, voltage-l1, current-l1]\n"
             "    limits:\n"
             "      current-l1: {rate: 1.5/h, frozen: 10min, silence: 1h,\n"
             "        completeness: {below: 99.5%, over: 6h, hysteresis: 0.0001%}}\n"
             "      energy-import: {check_energy: {power: current-l1, within: 2.5%, over: 1d,\n"
             "        counts: both, floor: 0.5}}\n"
             "      voltage-l1: {min: 198, warning_min: 205.5, warning_max: 235, max: 242,\n"
             "        hysteresis: 0.6, delay: 30s, decision: guarded}\n"
             "  - {name: n, bus: a, unit: 2, driver: meter, every: 0s, limits: {}}\n"
             "  - {name: o, bus: a, unit: 3, driver: meter, every: 1s,\n"
             "     limits: {voltage-l1: {warning_max: -3}}}\n"
             "  - {name: p, bus: a, unit: 4, driver: meter, every: 1s}\n");
    const struct config_instrument *m = &config->instruments[0];
    const struct config_energy_check *energy = &m->limits[0]->energy;
    assert_int_equal(energy->power, 2); // that it is no power is counting_check's to say
    assert_int_equal(energy->within_ppm, 25000);
    assert_int_equal(energy->over_us, INT64_C(86400000000));
    assert_int_equal(energy->gap_us, 60000000);
    assert_int_equal(energy->counts, COUNTS_BOTH);
    assert_true(energy->has_floor && energy->line == 14);
    assert_decimal(energy->floor, "0.5");
    const struct config_limits *voltage = m->limits[1], *current = m->limits[2];
    static const char *const bounds[] = {"198", "205.5", "235", "242"};
    static const char *const back[] = {"198.6", "206.1", "234.4", "241.4"};
    for (int i = 0; i < BOUND_COUNT; i++) {
        assert_true(voltage->has_bound[i] && !current->has_bound[i]);
        assert_decimal(voltage->bound[i], bounds[i]);
        assert_decimal(voltage->back[i], back[i]);
    }
    assert_decimal(voltage->hysteresis, "0.6");
    assert_int_equal(voltage->delay_us, 30000000);
    assert_int_equal(voltage->decision, DECISION_GUARDED);
    assert_int_equal(voltage->rate.magnitude + (uint64_t)voltage->frozen_us, 0);
    assert_decimal(current->rate, "1.5");
    assert_int_equal(current->rate_per_us, INT64_C(3600000000));
    assert_int_equal(current->frozen_us, 600000000);
    assert_int_equal(current->silence_us, INT64_C(3600000000));
    assert_int_equal(current->decision, DECISION_SIMPLE);
    assert_int_equal(current->completeness.below_ppm, 995000);
    assert_int_equal(current->completeness.hysteresis_ppm, 1);
    assert_int_equal(current->completeness.over_us, INT64_C(21600000000));
    assert_int_equal(voltage->completeness.over_us, 0);
    assert_null(config->instruments[1].limits[0]);
    const struct config_limits *o = config->instruments[2].limits[0];
    assert_true(o->has_bound[BOUND_WARNING_MAX] && !o->has_bound[BOUND_MAX]);
    assert_decimal(o->back[BOUND_WARNING_MAX], "-3");
    assert_null(config->instruments[3].limits);
    config_free(config);
}

static void empty_lists_are_good(void **state)
{
    (void)state;
    struct config *config = load_good(SITE "gateway: {name: gw-01, data: d}\n"
                                           "buses: []\ninstruments: []\nuplinks:\n");
    assert_int_equal(config->bus_count + config->instrument_count + config->uplink_count, 0);
    config_free(config);
}

// One slip in a good configuration of one bus and one instrument, and what is in its only fault.
static void some_slips_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *bus, *instrument, *fault;
    } cases[] = {
        {"UTC", "rtu: /x, baud: 9600", "unit: 1, serial: 12E", NULL},
        {"Etc/GMT+8", "rtu: /x, baud: 9600", "unit: 1, serial: 1.5.2", NULL},
        {"right/UTC", "rtu: /x, baud: 9600", "unit: 1", "time_zone right/UTC: not a time zone"},
        {"/etc/localtime", "rtu: /x, baud: 9600", "unit: 1", "/etc/localtime: not a time zone"},
        {"Asia", "rtu: /x, baud: 9600", "unit: 1", "time_zone Asia: not a time zone"},
        {"UTC", "rtu: /x, baud: 9600", "unit: 0", "unit 0: out of range (expected 1 to 247)"},
        {"UTC", "rtu: /x, baud: 9600", "unit: 1, serial: 0x12", "serial 0x12: put it in quotes"},
        {"UTC", "rtu: /x, baud: 9600", "unit: 1, serial: 1.5e+3", "serial 1.5e+3: put it"},
        {"UTC", "rtu: /x", "unit: 1", "bus: key 'baud' is missing"},
        {"UTC", "rtu_over_tcp: \"h:1\"", "unit: 248", "unit 248: out of range"},
        {"UTC", "tcp: \"h:1\"", "unit: 255", NULL},
        {"UTC", "tcp: \"h:0\"", "unit: 1", "'0' is not a port"},
        {"UTC", "tcp: \"[::1]\"", "unit: 1", "the port is missing"},
        {"UTC", "tcp: \"[::1:502\"", "unit: 1", "']' is missing"},
        {"UTC", "tcp: \"[::g]:502\"", "unit: 1", "not an address"},
        {"UTC", "tcp: \"[::1]x502\"", "unit: 1", "'x502' is not a port"},
        {"UTC", "tcp: \"a b:502\"", "unit: 1", "not an address"},
        {"UTC", "tcp: \":502\"", "unit: 1", "not an address"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1000];
        snprintf(text, sizeof text,
                 "site: {name: s, code: 91350100M000100Y43, time_zone: %s}\n"
                 "gateway: {name: g, data: d}\nbuses: [{name: b, %s}]\n"
                 "instruments: [{name: m, bus: b, driver: meter, every: 1h, %s}]\n",
                 cases[i].zone, cases[i].bus, cases[i].instrument);
        struct faults faults = {0};
        struct config *config = load_text(text, &faults);
        if (!cases[i].fault ? !config : faults.count != 1) {
            fail_msg("case %zu: %zu faults, %s", i, faults.count,
                     faults.count ? *faults.lines : "");
        }
        if (cases[i].fault && !strstr(faults.lines[0], cases[i].fault)) {
            fail_msg("case %zu: %s", i, faults.lines[0]);
        }
        config_free(config);
        faults_free(&faults);
    }
}

static void a_port_under_two_names_is_one_port(void **state)
{
    (void)state;
    char link[] = "/tmp/tally-link-XXXXXX", text[600];
    int fd = mkstemp(link);
    close(fd);
    unlink(link);
    assert_int_equal(symlink("/dev/null", link), 0);
    snprintf(text, sizeof text,
             SITE "gateway: {name: g, data: d}\n"
                  "buses:\n  - {name: a, rtu: /dev/null, baud: 9600}\n"
                  "  - {name: b, rtu: %s, baud: 9600}\ninstruments: []\n",
             link);
    struct faults faults = {0};
    struct config *config = load_text(text, &faults);
    unlink(link);
    assert_null(config);
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.lines[0], "the bus at line 4 is on it already"));
    faults_free(&faults);
}

static void a_missing_file_is_a_fault(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct config *config;
    assert_int_equal(config_load(&config, "/nonexistent/tally.yaml", NULL, &faults), ERROR_INPUT);
    assert_null(config);
    assert_string_equal(faults.lines[0],
                        "/nonexistent/tally.yaml: cannot be opened: No such file or directory");
    faults_free(&faults);
}

// A configuration that ends with `count` instruments of a driver, on ten buses.
static struct text large_site(const char *driver, int count)
{
    struct text text = text_make(TEXT_MAX);
    text_append_string(&text, SITE "gateway: {name: gw-01, data: d}\nbuses:\n");
    for (int i = 0; i < 10; i++) {
        text_append_format(&text, "  - {name: b%d, tcp: \"192.0.2.1:%d\"}\n", i, 500 + i);
    }
    text_append_string(&text, "instruments:\n");
    for (int i = 0; i < count; i++) {
        text_append_format(&text, "  - {name: m%d, bus: b%d, unit: %d, driver: %s, every: 1h}\n", i,
                           i / 250, i % 250, driver);
    }
    return text;
}

static void the_number_of_instruments_is_bounded(void **state)
{
    (void)state;
    struct text text = large_site("meter", CONFIG_INSTRUMENTS_MAX);
    struct config *config = load_good(text.data);
    assert_int_equal(config->instrument_count, CONFIG_INSTRUMENTS_MAX);
    assert_int_equal(config->driver_count, 1);
    config_free(config);
    text_append_string(&text, "  - {name: more, bus: b9, unit: 1, driver: meter, every: 1h}\n");
    struct faults faults = {0};
    assert_null(load_text(text.data, &faults));
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.lines[0], "instruments: 2049 (expected at most 2048)"));
    faults_free(&faults);
    text_free(&text);
}

static void the_number_of_points_is_bounded(void **state)
{
    (void)state;
    struct text text = large_site("wide", CONFIG_POINTS_MAX / 12 + 1);
    struct faults faults = {0};
    assert_null(load_text(text.data, &faults));
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.lines[0], "instruments: 20004 points in all (expected at most "
                                            "20000)"));
    faults_free(&faults);
    text_free(&text);
}

static void credit_codes_are_checked_by_gb_32100(void **state)
{
    (void)state;
    char expected = 0;
    assert_int_equal(config_check_credit_code("91350100M000100Y43", &expected), OK);
    assert_int_equal(config_check_credit_code("11320000MB151840XJ", &expected), OK);
    assert_int_equal(config_check_credit_code("91310115MA1H8R7C6D", &expected), ERROR_RANGE);
    char mended[] = "91310115MA1H8R7C6?";
    mended[17] = expected;
    assert_int_equal(config_check_credit_code(mended, &expected), OK);
    assert_int_equal(config_check_credit_code("91350100M000100Y4", &expected), ERROR_INPUT);
    assert_int_equal(config_check_credit_code("91350100M000100Y433", &expected), ERROR_INPUT);
    assert_int_equal(config_check_credit_code("91350100m000100y43", &expected), ERROR_INPUT);
    assert_int_equal(config_check_credit_code("9135010OM000100Y43", &expected), ERROR_INPUT);
    assert_int_equal(config_check_credit_code("", &expected), ERROR_INPUT);
}

// A good file with bytes changed at random is good or has faults, and nothing else happens.
static void damaged_files_give_faults_or_a_configuration(void **state)
{
    (void)state;
    static const char good[] =
        SITE "gateway: {name: gw-01, data: d, keep: 30d, keep_size: 4GiB}\n"
             "buses:\n  - {name: a, rtu: /dev/ttyS1, baud: 9600}\n"
             "  - {name: b, tcp: \"[::1]:502\"}\n"
             "instruments:\n"
             "  - {name: m, bus: a, unit: 7, driver: meter, serial: \"2\", every: 1s,\n"
             "     ratios: {pt: 10, ct: 5}, quantities: [power-active, current-l1],\n"
             "     limits: {current-l1: {min: 1, max: 5, hysteresis: 0.1, rate: 5/min}}}\n"
             "uplinks:\n"
             "  - {name: u, broker: \"mqtts://x\", ca: a, certificate: b, key: k}\n";
    static const char bytes[] = "{}[],:&*!\"'#\n\t -x0\xff";
    unsigned seed = (unsigned)time(NULL);
    srand(seed);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 3000; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (int changes = 1 + rand() % 4; changes; changes--) {
            size_t at = (size_t)rand() % (sizeof good - 1);
            text[at] = bytes[(size_t)rand() % (sizeof bytes - 1)];
        }
        struct faults faults = {0};
        struct config *config = load_text(text, &faults);
        assert_true((config != NULL) == (faults.count == 0));
        if (config) {
            plan_check(config, &faults, NULL);
        }
        config_free(config);
        faults_free(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bad_configuration_gives_its_exact_faults),
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(every_key_is_taken),
        cmocka_unit_test(limits_are_taken),
        cmocka_unit_test(groups_are_taken_with_the_registers_of_those_they_name),
        cmocka_unit_test(empty_lists_are_good),
        cmocka_unit_test(some_slips_are_told_apart),
        cmocka_unit_test(a_port_under_two_names_is_one_port),
        cmocka_unit_test(a_missing_file_is_a_fault),
        cmocka_unit_test(the_number_of_instruments_is_bounded),
        cmocka_unit_test(the_number_of_points_is_bounded),
        cmocka_unit_test(credit_codes_are_checked_by_gb_32100),
        cmocka_unit_test(damaged_files_give_faults_or_a_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
