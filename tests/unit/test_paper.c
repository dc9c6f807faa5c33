// measure/paper and measure/certificate_fits: certificates copied from paper, every fault of bad
// ones, and whose instrument's they are.
#include "certificate_files.h"
#include "measure/paper.h"

#define TEMPERATURE  "paper-temperature.yaml"
#define LOAD         "paper-load.yaml"
#define VERIFICATION "paper-verification.yaml"
#define ADJUSTED     "paper-adjusted.yaml"

static void a_calibration_is_read(void **state)
{
    (void)state;
    struct certificate *is = read_golden(TEMPERATURE);
    assert_int_equal(is->kind, CERTIFICATE_CALIBRATION);
    assert_string_equal(is->id, "J2026-0412");
    assert_string_equal(is->laboratory, "Hanjiang Institute of Metrology");
    assert_string_equal(is->maker, "Vaisala");
    assert_string_equal(is->model, "HMT330");
    assert_string_equal(is->serial, "K1250012");
    assert_int_equal(is->performed, day_of("2026-03-03"));
    assert_int_equal(is->due, day_of("2027-03-02"));
    assert_true(is->valid_until == CERTIFICATE_NO_DATE);
    assert_int_equal(is->quantity_count, 2);
    const struct certificate_quantity *quantity = &is->quantities[0];
    assert_string_equal(quantity->name, "temperature");
    assert_string_equal(quantity->unit, "°C");
    assert_int_equal(quantity->line, 8);
    assert_int_equal(quantity->point_count, 3);
    expect_point(&quantity->points[0], 0.05, 0.04, 0.06, 2);
    expect_point(&quantity->points[1], 20.12, 0.118, 0.06, 2);
    expect_point(&quantity->points[2], 49.90, -0.095, 0.08, 2.2);
    // Falling, and in percent of the reference value: 50.5 with 1 % is 50.
    quantity = &is->quantities[1];
    expect_point(&quantity->points[0], 50.5, 0.5, 1, 2);
    expect_point(&quantity->points[1], 80.3, 0.3, 1, 2);
    certificate_free(is);
}

static void a_calibration_at_loads_is_read(void **state)
{
    (void)state;
    struct certificate *is = read_golden(LOAD);
    const struct certificate_quantity *quantity = &is->quantities[0];
    assert_true(quantity->by_load);
    assert_string_equal(quantity->unit, "kWh");
    assert_string_equal(quantity->load_unit, "W");
    expect_point(&quantity->points[0], 230, 0.0042, 0.001, 2);
    expect_point(&quantity->points[2], 23000, -0.0008, 0.001, 2);
    certificate_free(is);
}

static void a_verification_is_read(void **state)
{
    (void)state;
    struct certificate *is = read_golden(VERIFICATION);
    assert_int_equal(is->kind, CERTIFICATE_VERIFICATION);
    assert_int_equal(is->valid_until, day_of("2032-05-19"));
    assert_string_equal(is->quantities[0].class, "B");
    assert_true(is->quantities[0].mpe_relative == 0.01);
    assert_true(is->quantities[0].mpe_absolute == 0);
    assert_int_equal(is->quantities[0].point_count, 0);
    assert_string_equal(is->quantities[1].class, "");
    assert_true(is->quantities[1].mpe_relative == 0.002);
    assert_true(is->quantities[1].mpe_absolute == 0.5);
    certificate_free(is);
}

static void what_was_found_and_what_may_be_are_read_apart_from_what_corrects(void **state)
{
    (void)state;
    struct certificate *is = read_golden(ADJUSTED);
    assert_int_equal(is->quantity_count, 1);
    assert_int_equal(is->quantities[0].point_count, 2);
    expect_point(&is->quantities[0].points[0], 0.02, 0.02, 0.06, 2);
    assert_true(is->quantities[0].mpe_absolute == 0.2 && is->quantities[0].mpe_relative == 0.005);
    assert_int_equal(is->as_found_count, 1);
    assert_string_equal(is->as_found[0].unit, "K");
    assert_int_equal(is->as_found[0].line, 15);
    expect_point(&is->as_found[0].points[0], 273.25, 0.1, 0.08, 2);
    expect_point(&is->as_found[0].points[1], 323.45, 0.3, 0.08, 2);
    certificate_free(is);
}

static void what_was_found_is_checked_as_what_corrects(void **state)
{
    (void)state;
    expect_changed(ADJUSTED, "indication: 273.25", "indication: 323.45",
                   "c:18:48: indication 323.45 behind 323.45: expected them to rise, or to fall, "
                   "all the way, each once (a series up and down is two curves)");
    expect_changed(ADJUSTED, "uncertainty: 0.08", "uncertainty: -0.08",
                   "c:18:14: expanded uncertainty -0.08: expected more than 0\n"
                   "c:18:48: expanded uncertainty -0.08: expected more than 0");
    expect_changed(
        ADJUSTED, "uncertainty: 0.08", "uncertainty: 0.08\n    tolerance: 0.08",
        "c:18:5: unknown key 'tolerance' (known here: quantity, unit, load_unit, points, "
        "k, uncertainty, uncertainty_percent)");
    expect_changed(ADJUSTED, "tolerance: 0.2\n    tolerance_percent: 0.5",
                   "tolerance: 0\n    tolerance_percent: -1",
                   "c:11:16: tolerance 0: expected more than 0\n"
                   "c:12:24: tolerance_percent -1: expected more than 0");
    expect_changed(LOAD, "uncertainty_percent: 0.1", "uncertainty_percent: 0.1\n    tolerance: 1",
                   "c:12:16: tolerance: expected 'tolerance_percent' where the quantity has a "
                   "'load_unit'");
    expect_changed(VERIFICATION, "verification:", "as_found: []\nverification:",
                   "c:7:11: as_found: empty (expected at least one quantity)");
}

static void dates_at_fault_are_refused(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "performed: 2026-03-03", "performed: 2026-11-25",
                   "c:5:12: performed 2026-11-25: in the future (today is 2026-11-24)");
    expect_changed(TEMPERATURE, "2027-03-02", "2026-03-03",
                   "c:6:6: due 2026-03-03: expected a day after 2026-03-03, when the measurements "
                   "ended");
    expect_changed(VERIFICATION, "2032-05-19", "2026-01-01",
                   "c:6:14: valid_until 2026-01-01: expected a day after 2026-05-20, when the "
                   "measurements ended");
    expect_changed(TEMPERATURE, "2027-03-02", "2027-02-29",
                   "c:6:6: due 2027-02-29: not a date (expected one such as 2026-03-02)");
    expect_changed(TEMPERATURE, "2027-03-02", "02.03.2027",
                   "c:6:6: due 02.03.2027: not a date (expected one such as 2026-03-02)");
    expect_changed(TEMPERATURE, "performed: 2026-03-03\n", "",
                   "c:2:1: certificate: key 'performed' is missing");
    // Today is no future.
    char *text = load_changed(TEMPERATURE, "performed: 2026-03-03", "performed: 2026-11-24");
    certificate_free(read_good(TEMPERATURE, text));
    free(text);
}

static void numbers_at_fault_are_refused_at_their_point(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "uncertainty: 0.06", "uncertainty: 0",
                   "c:13:9: expanded uncertainty 0: expected more than 0\n"
                   "c:14:9: expanded uncertainty 0: expected more than 0");
    expect_changed(TEMPERATURE, "uncertainty: 0.08", "uncertainty: -0.08",
                   "c:15:9: expanded uncertainty -0.08: expected more than 0");
    expect_changed(TEMPERATURE, "k: 2.2", "k: 0", "c:15:9: coverage factor 0: expected at least 1");
    expect_changed(TEMPERATURE, "k: 2.2", "k: 0.99",
                   "c:15:9: coverage factor 0.99: expected at least 1");
    expect_changed(TEMPERATURE, "error: 0.118", "error: .nan",
                   "c:14:36: error .nan: not a number (expected one such as 0.01)");
    expect_changed(TEMPERATURE, "error: 0.118", "error: inf",
                   "c:14:36: error inf: not a number (expected one such as 0.01)");
    expect_changed(TEMPERATURE, "error_percent: 1,", "error_percent: -100,",
                   "c:20:9: indication or error: no finite number");
}

static void points_out_of_order_or_twice_are_refused(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "indication: 49.90", "indication: 10",
                   "c:15:9: indication 10 behind 20.12: expected them to rise, or to fall, all the "
                   "way, each once (a series up and down is two curves)");
    expect_changed(TEMPERATURE, "indication: 49.90", "indication: 20.12",
                   "c:15:9: indication 20.12 behind 20.12: expected them to rise, or to fall, all "
                   "the way, each once (a series up and down is two curves)");
    expect_changed(LOAD, "load: 23000", "load: 2300",
                   "c:15:9: indication 2300 behind 2300: expected them to rise, or to fall, all "
                   "the way, each once (a series up and down is two curves)");
}

static void keys_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "error: 0.118", "error: 0.118, reference: 20",
                   "c:14:9: point: expected one of 'error', 'error_percent', 'reference' and "
                   "'correction'");
    expect_changed(TEMPERATURE, ", error: 0.118", "",
                   "c:14:9: point: expected one of 'error', 'error_percent', 'reference' and "
                   "'correction'");
    expect_changed(TEMPERATURE, "    k: 2\n", "",
                   "c:12:9: point: expected the coverage factor 'k', here or beside 'points' for "
                   "all\n"
                   "c:13:9: point: expected the coverage factor 'k', here or beside 'points' for "
                   "all");
    expect_changed(TEMPERATURE, "    uncertainty: 0.06\n", "",
                   "c:12:9: point: expected one of 'uncertainty' and 'uncertainty_percent', here "
                   "or beside 'points' for all\n"
                   "c:13:9: point: expected one of 'uncertainty' and 'uncertainty_percent', here "
                   "or beside 'points' for all");
    expect_changed(LOAD, "load: 230,", "indication: 230,",
                   "c:13:9: point: expected 'load' where the quantity has a 'load_unit', otherwise "
                   "'indication'");
    expect_changed(LOAD, "error_percent: 0.42", "error: 0.42",
                   "c:13:9: point: expected 'error_percent'");
    expect_changed(LOAD, "    uncertainty_percent: 0.1\n", "    uncertainty: 0.1\n",
                   "c:13:9: point: expected 'uncertainty_percent', here or beside 'points' for "
                   "all\n"
                   "c:14:9: point: expected 'uncertainty_percent', here or beside 'points' for "
                   "all\n"
                   "c:15:9: point: expected 'uncertainty_percent', here or beside 'points' for "
                   "all");
    expect_changed(TEMPERATURE, "error: 0.118", "eror: 0.118",
                   "c:14:29: unknown key 'eror'; did you mean 'error'?");
    expect_changed(VERIFICATION, ", mpe_percent: 1}", "}",
                   "c:8:5: quantity: expected its maximum permissible error, 'mpe' in the unit or "
                   "'mpe_percent' of the indication, or both (the greater holds)");
    expect_changed(VERIFICATION, "mpe: 0.5", "mpe: -0.5", "c:9:42: mpe -0.5: expected more than 0");
    expect_changed(VERIFICATION, "verification:", "calibration: []\nverification:",
                   "c:9:3: both 'calibration' and 'verification' (expected one of them)");
    expect_changed(VERIFICATION, "mpe: 0.5, mpe_percent: 0.2", "mpe: 0, mpe_percent: 0",
                   "c:9:42: mpe 0: expected more than 0\n"
                   "c:9:58: mpe_percent 0: expected more than 0");
}

static void every_fault_is_reported(void **state)
{
    (void)state;
    static const char text[] = "certificate: X\n"
                               "laboratory: ''\n"
                               "instrument: {serial: ''}\n"
                               "performed: tomorrow\n"
                               "colour: red\n"
                               "calibration:\n"
                               "  - {quantity: Temp, unit: degC, points: []}\n"
                               "  - {unit: V, points: [{indication: x, error: 1, uncertainty: y, "
                               "k: 2}]}\n"
                               "  - 7\n";
    expect_refused(text, strlen(text),
                   "c:5:1: unknown key 'colour' (known here: certificate, laboratory, instrument, "
                   "performed, due, valid_until, signature, calibration, verification, as_found)\n"
                   "c:2:13: laboratory: nothing (expected a text)\n"
                   "c:3:22: serial: nothing (expected a text)\n"
                   "c:4:12: performed tomorrow: not a date (expected one such as 2026-03-02)\n"
                   "c:7:16: quantity Temp: expected the name of one of the driver's, as in "
                   "voltage-l1\n"
                   "c:7:28: unit 'degC', character 1: unknown 'degC' (expected a unit such as kWh, "
                   "°C or m³/h)\n"
                   "c:7:42: points: 0 of them (expected 1 to 1000)\n"
                   "c:8:37: indication x: not a number (expected one such as 0.01)\n"
                   "c:8:63: uncertainty y: not a number (expected one such as 0.01)\n"
                   "c:9:5: quantity: a single value (expected a group of keys)");
    expect_changed(VERIFICATION, "  - {quantity", "  # {quantity",
                   "c:2:1: neither 'calibration' nor 'verification' (expected one of them)");
    expect_refused("", 0, "c: the file is empty");
    expect_refused("- a", 3, "c:1:1: certificate: a list (expected a group of keys)");
    expect_changed(TEMPERATURE, "due:", "performed: 2026-03-03\ndue:",
                   "c:6:1: key 'performed' a second time (first at 5:1)");
    expect_changed(VERIFICATION, "verification:", "verification: []\nx:",
                   "c:8:1: unknown key 'x' (known here: certificate, laboratory, instrument, "
                   "performed, due, valid_until, signature, calibration, verification, as_found)\n"
                   "c:7:15: verification: empty (expected at least one quantity)");
}

// --- whose it is

static const struct certificate_target hmt330[] = {{"relative-humidity", "%", false},
                                                   {"temperature", "°C", false},
                                                   {"water-by-volume", "V", false}};
static const struct certificate_target meter[] = {{"voltage-l1", "mV", false},
                                                  {"active-power", "W", false},
                                                  {"active-energy-import", "kWh", true},
                                                  {"reactive-energy-import", "kvarh", true},
                                                  {"unknown", "furlong", false}};

static struct certificate *fit(const char *file, const char *serial,
                               const struct certificate_target *targets, size_t count)
{
    struct faults faults = {0};
    struct certificate *is = read_golden(file), *fitted = NULL;
    int result = certificate_fits(is, "c", serial, targets, count, &fitted, &faults);
    expect_lines(&faults, "");
    assert_int_equal(result, OK);
    certificate_free(is);
    return fitted;
}

// With the certificate as it was read, or with a name given to its first quantity.
static void expect_misfit(const char *file, const char *serial, const char *name,
                          const struct certificate_target *targets, size_t count,
                          const char *expected)
{
    struct faults faults = {0};
    struct certificate *is = read_golden(file), *fitted = is;
    if (name) {
        snprintf(is->quantities[0].name, sizeof is->quantities[0].name, "%s", name);
    }
    int result = certificate_fits(is, "c", serial, targets, count, &fitted, &faults);
    expect_lines(&faults, expected);
    assert_int_equal(result, ERROR_INPUT);
    assert_null(fitted);
    faults_free(&faults);
    certificate_free(is);
}

// Kelvin into degrees Celsius, the error as it is; the quantity found by its kind.
static void points_come_in_the_units_of_the_instrument(void **state)
{
    (void)state;
    struct certificate *is = fit("dcc-3.1.2-temperature.xml", "K1250012", hmt330, 3);
    assert_string_equal(is->quantities[0].name, "temperature");
    assert_string_equal(is->quantities[0].unit, "°C");
    expect_point(&is->quantities[0].points[0], 0.05, 0.04, 0.061, 2);
    expect_point(&is->quantities[0].points[1], 20.12, 0.118, 0.061, 2);
    expect_point(&is->quantities[0].points[2], 49.90, -0.095, 0.061, 2);
    certificate_free(is);
    is = fit("dcc-3.3.0-humidity.xml", "PROBE-9", hmt330, 3);
    assert_string_equal(is->serial, "PROBE-9");
    assert_string_equal(is->quantities[0].name, "relative-humidity");
    expect_point(&is->quantities[0].points[0], 19.7, -0.4, 0.6, 2);
    assert_string_equal(is->quantities[1].name, "temperature");
    certificate_free(is);
    is = fit("dcc-2.4.0-voltage.xml", "91K225903", meter, 5);
    expect_point(&is->quantities[0].points[0], 100020, 20, 30, 2);
    certificate_free(is);
}

// As close as two doubles that went through a percentage come.
static void expect_same(double one, double other)
{
    assert_true(fabs(one - other) <= 4e-16 * fabs(one));
}

static void expect_same_quantity(const struct certificate_quantity *one,
                                 const struct certificate_quantity *other)
{
    assert_string_equal(one->name, other->name);
    assert_string_equal(one->unit, other->unit);
    assert_string_equal(one->class, other->class);
    assert_string_equal(one->load_unit, other->load_unit);
    assert_int_equal(one->by_load, other->by_load);
    assert_int_equal(one->point_count, other->point_count);
    expect_same(one->mpe_absolute, other->mpe_absolute);
    expect_same(one->mpe_relative, other->mpe_relative);
    for (size_t i = 0; i < one->point_count; i++) {
        const struct certificate_point *p = &one->points[i], *q = &other->points[i];
        assert_true(p->indication == q->indication && p->coverage_factor == q->coverage_factor);
        expect_same(p->error, q->error);
        expect_same(p->expanded_uncertainty, q->expanded_uncertainty);
    }
}

static void loads_come_in_the_unit_of_the_register_per_hour(void **state)
{
    (void)state;
    struct certificate *is = fit(LOAD, "20114532", meter, 5);
    assert_string_equal(is->quantities[0].unit, "kWh");
    assert_string_equal(is->quantities[0].load_unit, "kWh/h");
    expect_point(&is->quantities[0].points[0], 0.23, 0.0042, 0.001, 2);
    // As `tally certificate add` keeps it, and the daemon reads it.
    struct certificate *again;
    struct text text = text_make(1u << 20);
    struct faults faults = {0};
    paper_write(&text, is);
    assert_int_equal(paper_read(&again, "c", text.data, text.length, INT64_MAX, &faults), OK);
    expect_same_quantity(&is->quantities[0], &again->quantities[0]);
    text_free(&text);
    certificate_free(again);
    certificate_free(is);
    is = fit(VERIFICATION, "20114532", meter, 5);
    assert_true(is->quantities[0].mpe_relative == 0.01);
    assert_true(is->quantities[1].mpe_absolute == 500);
    certificate_free(is);
}

static void another_instrument_s_certificate_does_not_fit(void **state)
{
    (void)state;
    expect_misfit("dcc-3.1.2-temperature.xml", "K1250013", NULL, hmt330, 3,
                  "c:19: serial number K1250012: the instrument's is K1250013");
    expect_misfit("dcc-3.3.0-humidity.xml", "", NULL, hmt330, 3,
                  "c:22: serial number K1250012, PROBE-9: the instrument's is not known");
    expect_misfit(TEMPERATURE, "k1250012", NULL, hmt330, 3,
                  "c:4: serial number K1250012: the instrument's is k1250012");
}

static void quantities_that_the_instrument_has_not_do_not_fit(void **state)
{
    (void)state;
    expect_misfit("dcc-3.1.2-temperature.xml", "K1250012", NULL, meter, 5,
                  "c:69: a quantity in '\\kelvin': the instrument has none of that kind");
    expect_misfit(TEMPERATURE, "K1250012", "dew-point", hmt330, 3,
                  "c:8: quantity dew-point: the instrument has none of that name");
    expect_misfit(TEMPERATURE, "K1250012", "water-by-volume", hmt330, 3,
                  "c:8: water-by-volume in '°C': cannot be given in V");
    expect_misfit(TEMPERATURE, "K1250012", "relative-humidity", hmt330, 3,
                  "c:8: relative-humidity in '°C': cannot be given in %");
    expect_misfit(LOAD, "20114532", "active-power", meter, 5,
                  "c:7: active-power at loads: expected of a register that counts up");
    expect_misfit(LOAD, "20114532", "reactive-energy-import", meter, 5,
                  "c:7: reactive-energy-import in 'W': cannot be given in kvarh per hour");
    expect_misfit("dcc-2.4.0-voltage.xml", "91K225903", NULL, meter + 4, 1,
                  "c: unit 'furlong', character 1: unknown 'furlong' (expected a unit such as kWh, "
                  "°C or m³/h)\n"
                  "c:41: a quantity in '\\kilo\\volt': the instrument has none of that kind");
}

static void which_quantity_it_is_is_asked_and_may_be_answered(void **state)
{
    (void)state;
    static const struct certificate_target two[] = {{"temperature", "°C", false},
                                                    {"dew-point", "°C", false}};
    expect_misfit("dcc-3.1.2-temperature.xml", "K1250012", NULL, two, 2,
                  "c:69: a quantity in '\\kelvin': which of temperature, dew-point is it?");
    struct faults faults = {0};
    struct certificate *is = read_golden("dcc-3.1.2-temperature.xml"), *fitted;
    snprintf(is->quantities[0].name, sizeof is->quantities[0].name, "dew-point");
    assert_int_equal(certificate_fits(is, "c", "K1250012", two, 2, &fitted, &faults), OK);
    assert_string_equal(fitted->quantities[0].name, "dew-point");
    certificate_free(fitted);
    certificate_free(is);
    // Two results for one quantity: before an adjustment and after it, say.
    char *text = load_changed(TEMPERATURE, "quantity: relative-humidity\n    unit: \"%\"",
                              "quantity: temperature\n    unit: K");
    is = read_good(TEMPERATURE, text);
    assert_int_equal(certificate_fits(is, "c", "K1250012", two, 2, &fitted, &faults), ERROR_INPUT);
    expect_lines(&faults, "c:16: a second result for temperature (the first is at line 8): which?");
    faults_free(&faults);
    certificate_free(is);
    free(text);
}

// Without a name it is of the quantity that the certificate speaks of, in that one's unit.
static void what_was_found_fits_the_quantity_that_it_was_found_of(void **state)
{
    (void)state;
    static const struct certificate_target two[] = {{"dew-point", "°C", false},
                                                    {"temperature", "°C", false}};
    struct faults faults = {0};
    struct certificate *is = read_golden(ADJUSTED), *fitted;
    assert_int_equal(certificate_fits(is, "c", "K1250012", two, 2, &fitted, &faults), OK);
    assert_int_equal(fitted->quantity_count, 1);
    assert_int_equal(fitted->as_found_count, 1);
    assert_string_equal(fitted->as_found[0].name, "temperature");
    assert_string_equal(fitted->as_found[0].unit, "°C");
    assert_true(fabs(fitted->as_found[0].points[1].indication - 50.3) < 1e-12);
    expect_point(&fitted->as_found[0].points[1], fitted->as_found[0].points[1].indication, 0.3,
                 0.08, 2);
    certificate_free(fitted);
    snprintf(is->as_found[0].name, sizeof is->as_found[0].name, "humidity");
    assert_int_equal(certificate_fits(is, "c", "K1250012", two, 2, &fitted, &faults), ERROR_INPUT);
    expect_lines(&faults, "c:15: quantity humidity: the instrument has none of that name");
    assert_null(fitted);
    faults_free(&faults);
    certificate_free(is);
    char *text = load_changed(ADJUSTED, "as_found:\n",
                              "as_found:\n  - {quantity: temperature, unit: K, points: "
                              "[{indication: 1, error: 1, uncertainty: 1, k: 2}]}\n");
    is = read_good(ADJUSTED, text);
    faults = (struct faults){0};
    assert_int_equal(certificate_fits(is, "c", "K1250012", two, 2, &fitted, &faults), ERROR_INPUT);
    expect_lines(&faults, "c:16: a second result as found for temperature (the first is at line "
                          "15): which?");
    faults_free(&faults);
    certificate_free(is);
    free(text);
}

// What came of a signature is for tally to write, beside the file.
static void a_signature_is_no_part_of_what_people_bring(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "performed:", "signature: verified\nperformed:",
                   "c: signature: not in a certificate from paper");
    char *text = load_changed(TEMPERATURE, "performed:", "signature: verified\nperformed:");
    struct faults faults = {0};
    struct certificate *certificate;
    assert_int_equal(paper_read(&certificate, "c", text, strlen(text), INT64_MAX, &faults), OK);
    assert_string_equal(certificate->signature, "verified");
    struct text again = text_make(65536);
    paper_write(&again, certificate);
    assert_non_null(strstr(again.data, "\nsignature: \"verified\"\n"));
    text_free(&again);
    certificate_free(certificate);
    free(text);
}

static void dates_are_days(void **state)
{
    (void)state;
    assert_int_equal(day_of("1970-01-01"), 0);
    assert_int_equal(day_of("1969-12-31"), -1);
    assert_int_equal(day_of("1957-08-13"), -4524);
    assert_int_equal(day_of("2000-02-29"), 11016);
    for (int64_t day = -20000; day < 100000; day += 37) {
        char text[CERTIFICATE_DATE_SIZE];
        certificate_format_date(day, text);
        assert_int_equal(day_of(text), day);
    }
    static const char *const bad[] = {
        "",           "2026-3-2",   "2026-02-30",           "1899-12-31",
        "3000-01-01", "20260302xx", "2026-03-02T00:00:00Z", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t day = 42;
        assert_int_equal(certificate_parse_date(bad[i], &day), ERROR_INPUT);
        assert_int_equal(day, 42);
    }
}

static void what_is_written_is_read_as_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {TEMPERATURE,
                                        LOAD,
                                        VERIFICATION,
                                        ADJUSTED,
                                        "dcc-2.4.0-voltage.xml",
                                        "dcc-3.0.0-pressure.xml",
                                        "dcc-3.1.2-temperature.xml",
                                        "dcc-3.3.0-humidity.xml"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct certificate *is = read_golden(names[i]), *again;
        struct text text = text_make(1u << 20);
        struct faults faults = {0};
        paper_write(&text, is);
        if (paper_read(&again, names[i], text.data, text.length, INT64_MAX, &faults) != OK) {
            fail_msg("%s", faults.lines[0]);
        }
        assert_string_equal(is->id, again->id);
        assert_string_equal(is->laboratory, again->laboratory);
        assert_string_equal(is->serial, again->serial);
        assert_string_equal(is->maker, again->maker);
        assert_string_equal(is->model, again->model);
        assert_true(is->kind == again->kind && is->performed == again->performed &&
                    is->due == again->due && is->valid_until == again->valid_until);
        assert_int_equal(is->quantity_count, again->quantity_count);
        for (size_t k = 0; k < is->quantity_count; k++) {
            expect_same_quantity(&is->quantities[k], &again->quantities[k]);
        }
        assert_int_equal(is->as_found_count, again->as_found_count);
        for (size_t k = 0; k < is->as_found_count; k++) {
            expect_same_quantity(&is->as_found[k], &again->as_found[k]);
        }
        certificate_free(is);
        certificate_free(again);
        text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(a_calibration_is_read),
        cmocka_unit_test(a_calibration_at_loads_is_read),
        cmocka_unit_test(a_verification_is_read),
        cmocka_unit_test(what_was_found_and_what_may_be_are_read_apart_from_what_corrects),
        cmocka_unit_test(what_was_found_is_checked_as_what_corrects),
        cmocka_unit_test(what_was_found_fits_the_quantity_that_it_was_found_of),
        cmocka_unit_test(dates_at_fault_are_refused),
        cmocka_unit_test(numbers_at_fault_are_refused_at_their_point),
        cmocka_unit_test(points_out_of_order_or_twice_are_refused),
        cmocka_unit_test(keys_that_do_not_go_together_are_refused),
        cmocka_unit_test(every_fault_is_reported),
        cmocka_unit_test(points_come_in_the_units_of_the_instrument),
        cmocka_unit_test(loads_come_in_the_unit_of_the_register_per_hour),
        cmocka_unit_test(another_instrument_s_certificate_does_not_fit),
        cmocka_unit_test(quantities_that_the_instrument_has_not_do_not_fit),
        cmocka_unit_test(which_quantity_it_is_is_asked_and_may_be_answered),
        cmocka_unit_test(a_signature_is_no_part_of_what_people_bring),
        cmocka_unit_test(dates_are_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
