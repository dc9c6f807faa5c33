// measure/dcc: what digital calibration certificates of each schema version say, and why others are
// refused.
#include "certificate_files.h"
#include "measure/dcc.h"

#include <time.h>

#define TEMPERATURE "dcc-3.1.2-temperature.xml"
#define HUMIDITY    "dcc-3.3.0-humidity.xml"
#define VOLTAGE     "dcc-2.4.0-voltage.xml"
#define PRESSURE    "dcc-3.0.0-pressure.xml"

static void a_certificate_says_of_which_instrument_it_is_and_when(void **state)
{
    (void)state;
    struct certificate *is = read_golden(TEMPERATURE);
    assert_int_equal(is->kind, CERTIFICATE_CALIBRATION);
    assert_string_equal(is->id, "T-2026-0007");
    assert_string_equal(is->laboratory, "Hanjiang Institute of Metrology");
    assert_string_equal(is->serial, "K1250012");
    assert_string_equal(is->more_serials[0], "");
    assert_int_equal(is->serial_line, 19);
    assert_string_equal(is->maker, "Vaisala");
    assert_string_equal(is->model, "HMT330");
    assert_int_equal(is->performed, day_of("2026-03-03"));
    assert_int_equal(is->due, day_of("2027-03-02"));
    assert_true(is->valid_until == CERTIFICATE_NO_DATE);
    assert_false(is->has_signature);
    char *text = load_golden(TEMPERATURE);
    struct digest hash = digest_of(NULL, 0, text, strlen(text));
    assert_true(digest_equal(&is->hash, &hash));
    free(text);
    certificate_free(is);
}

// Of a hybrid the first; not what was found before the adjustment.
static void points_are_read_with_one_uncertainty_for_all(void **state)
{
    (void)state;
    struct certificate *is = read_golden(TEMPERATURE);
    assert_int_equal(is->quantity_count, 1);
    const struct certificate_quantity *quantity = &is->quantities[0];
    assert_string_equal(quantity->name, "");
    assert_string_equal(quantity->unit, "\\kelvin");
    assert_false(quantity->by_load);
    assert_int_equal(quantity->point_count, 3);
    expect_point(&quantity->points[0], 273.2, 0.040, 0.061, 2);
    expect_point(&quantity->points[1], 293.27, 0.118, 0.061, 2);
    expect_point(&quantity->points[2], 323.05, -0.095, 0.061, 2);
    certificate_free(is);
}

static void expect_found(const struct certificate *is)
{
    assert_int_equal(is->as_found_count, 1);
    assert_string_equal(is->as_found[0].unit, "\\kelvin");
    assert_int_equal(is->as_found[0].point_count, 3);
    expect_point(&is->as_found[0].points[0], 273.63, 273.63 - 273.15, 0.09, 2);
    expect_point(&is->as_found[0].points[2], 323.2, 323.2 - 323.15, 0.09, 2);
}

// By the status of a condition or by its refType; an adjustment's condition after it says nothing.
static void what_was_found_before_is_read_beside(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        size_t found;
    } cases[] = {
        {"beforeAdjustment", "beforeAdjustment", 1},
        {"beforeAdjustment", " beforeRepair\n", 1},
        {"beforeAdjustment", "afterAdjustment", 0},
        {"beforeAdjustment", "beforeAdjustments", 0},
        {"<dcc:status>beforeAdjustment</dcc:status>", "", 0},
        {"basic_adjustment\">\n          <dcc:status>beforeAdjustment</dcc:status>",
         "basic_beforeAdjustment\">", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = load_changed(TEMPERATURE, cases[i].from, cases[i].to);
        struct certificate *is = read_good(TEMPERATURE, text);
        assert_int_equal(is->quantity_count, 1);
        assert_int_equal(is->as_found_count, cases[i].found);
        if (cases[i].found) {
            expect_found(is);
        }
        certificate_free(is);
        free(text);
    }
    expect_changed(TEMPERATURE, "273.63 293.62 323.20", "273.63 293.62",
                   "c:45: dcc:quantity basic_referenceValue: 3 values, and 2 at line 46 (expected "
                   "as many)");
    expect_changed(TEMPERATURE, "273.63 293.62 323.20", "273.63 293.62 273.63",
                   "c:46: basic_measuredValue: value 3: indication 273.63 behind 293.62: expected "
                   "them to rise, or to fall, all the way, each once (a series up and down is two "
                   "curves)");
    // What was found alone calibrates nothing.
    expect_changed(TEMPERATURE, "<dcc:result refType=\"gp_measuringResult1\">",
                   "<dcc:result refType=\"gp_measuringResult1 basic_beforeAdjustment\">",
                   "c:38: dcc:measurementResults: no table of results that can be read (expected "
                   "quantities whose refType is basic_measuredValue, basic_referenceValue or "
                   "basic_measurementError)");
}

static void newer_uncertainties_falling_values_and_a_probe_are_read(void **state)
{
    (void)state;
    struct certificate *is = read_golden(HUMIDITY);
    assert_string_equal(is->serial, "K1250012");
    assert_string_equal(is->more_serials[0], "PROBE-9");
    assert_string_equal(is->more_serials[1], "");
    assert_true(is->has_signature);
    assert_true(is->due == CERTIFICATE_NO_DATE);
    assert_int_equal(is->quantity_count, 2);
    assert_string_equal(is->quantities[0].unit, "\\one");
    expect_point(&is->quantities[0].points[0], 0.197, -0.004, 0.006, 2);
    expect_point(&is->quantities[0].points[1], 0.499, -0.001, 0.008, 2);
    expect_point(&is->quantities[0].points[2], 0.803, 0.003, 0.010, 2);
    // No indication stated: reference + error; a standard uncertainty has k = 1.
    assert_string_equal(is->quantities[1].unit, "\\degreeCelsius");
    assert_int_equal(is->quantities[1].point_count, 1);
    expect_point(&is->quantities[1].points[0], 20.05, 0.05, 0.03, 1);
    certificate_free(is);
}

static void tables_of_one_point_each_are_one_series(void **state)
{
    (void)state;
    struct certificate *is = read_golden(VOLTAGE);
    assert_string_equal(is->serial, "91K225903");
    assert_string_equal(is->maker, "");
    assert_int_equal(is->quantity_count, 1);
    assert_string_equal(is->quantities[0].unit, "\\kilo\\volt");
    assert_int_equal(is->quantities[0].point_count, 2);
    expect_point(&is->quantities[0].points[0], 0.10002, 0.00002, 0.00003, 2);
    expect_point(&is->quantities[0].points[1], 0.22995, -0.00005, 0.00006, 2.2);
    certificate_free(is);
}

// Error and U in percent of the reference value: 1.01 bar with 1 % is 1.00 bar.
static void relative_errors_become_absolute(void **state)
{
    (void)state;
    struct certificate *is = read_golden(PRESSURE);
    assert_int_equal(is->performed, day_of("2024-02-29"));
    assert_int_equal(is->quantities[0].point_count, 3);
    expect_point(&is->quantities[0].points[0], 1.01, 0.01, 0.002, 2);
    expect_point(&is->quantities[0].points[1], 2.02, 0.02, 0.002, 2);
    expect_point(&is->quantities[0].points[2], 4, 0, 0.004, 2.5);
    certificate_free(is);
}

static void every_schema_version_named_is_taken_and_no_other(void **state)
{
    (void)state;
    static const char *const good[] = {"2.4.0", "3.0.0", "3.1.0", "3.1.2",
                                       "3.2.0", "3.2.1", "3.3.0"};
    static const char *const bad[] = {"2.3.0", "3.4.0", "3.0.0-rc.1", "4.0.0", "", "3.1"};
    char to[64], expected[256];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(to, sizeof to, "schemaVersion=\"%s\"", good[i]);
        char *text = load_changed(TEMPERATURE, "schemaVersion=\"3.1.2\"", to);
        certificate_free(read_good(TEMPERATURE, text));
        free(text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(to, sizeof to, "schemaVersion=\"%s\"", bad[i]);
        snprintf(expected, sizeof expected,
                 "c:4: dcc:digitalCalibrationCertificate: schemaVersion '%s': not known (expected "
                 "2.4.0, or 3.0.0 to 3.3)",
                 bad[i]);
        expect_changed(TEMPERATURE, "schemaVersion=\"3.1.2\"", to, expected);
    }
    expect_changed(TEMPERATURE, "https://ptb.de/dcc", "https://example.org/dcc",
                   "c:4: digitalCalibrationCertificate: not a certificate, in namespace "
                   "'https://example.org/dcc' (expected digitalCalibrationCertificate of "
                   "https://ptb.de/dcc)");
}

// --- what would reach out, or grow

#define DOCTYPE_REFUSED                                                                            \
    "a DOCTYPE: not taken (a certificate needs none, and it could name other files or grow "       \
    "without end)"

static void a_doctype_is_refused_before_anything_in_it_is_done(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY lol \"lol\">\n"
        "<!ENTITY lol2 \"&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;\">\n"
        "<!ENTITY lol3 \"&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;\">\n"
        "<!ENTITY lol4 \"&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;\">\n"
        "<!ENTITY lol5 \"&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;\">\n"
        "<!ENTITY lol6 \"&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;\">\n"
        "<!ENTITY lol7 \"&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;\">\n"
        "<!ENTITY lol8 \"&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;\">\n"
        "]>\n<a>&lol8;</a>\n",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n"
        "<a>&x;</a>",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM \"http://127.0.0.1:9/x.dtd\">\n<a/>",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>\n"
        "<a/>",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE a>\n<a/>",
    };
    clock_t before = clock();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_refused(texts[i], strlen(texts[i]), "c:2: " DOCTYPE_REFUSED);
    }
    assert_true(clock() - before < CLOCKS_PER_SEC);
    char *text = load_changed(TEMPERATURE, "<!-- Made for tests",
                              "<!DOCTYPE a [<!ENTITY x \"1\">]><!-- Made for tests");
    expect_refused(text, strlen(text), "c:2: " DOCTYPE_REFUSED);
    free(text);
}

static void entities_that_nobody_declared_are_no_xml(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "T-2026-0007", "&x;", "c:7: not XML: Entity 'x' not defined");
}

static void a_file_too_large_is_refused_unread(void **state)
{
    (void)state;
    size_t length = CERTIFICATE_BYTES_MAX + 1;
    char *text = malloc(length);
    assert_non_null(text);
    memset(text, ' ', length);
    text[0] = '<';
    expect_refused(text, length, "c: 8388609 bytes (expected at most 8388608)");
    free(text);
}

static void deep_trees_are_refused(void **state)
{
    (void)state;
    // Deeper than libxml2 goes.
    char *text = calloc(1, 4 * 5000 + 1);
    assert_non_null(text);
    for (size_t i = 0; i < 5000; i++) {
        memcpy(text + 3 * i, "<a>", 3);
    }
    struct faults faults = {0};
    struct certificate *certificate;
    assert_int_equal(dcc_read(&certificate, "c", text, strlen(text), 0, &faults), ERROR_INPUT);
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.lines[0], "not XML: Excessive depth"));
    faults_free(&faults);
    free(text);
    // Lists within each other, which are walked.
    char lists[2000] = "";
    for (size_t i = 0; i < 20; i++) {
        strcat(lists, "<dcc:list>");
    }
    strcat(lists, "<dcc:quantity/>");
    for (size_t i = 0; i < 20; i++) {
        strcat(lists, "</dcc:list>");
    }
    strcat(lists, "<dcc:list>");
    char *deep = load_changed(VOLTAGE, "<dcc:list>", lists);
    assert_int_equal(dcc_read(&certificate, "c", deep, strlen(deep), day_of("2026-11-24"), &faults),
                     ERROR_INPUT);
    assert_non_null(strstr(faults.lines[0], "dcc:list: more than 16 lists within each other"));
    faults_free(&faults);
    free(deep);
}

static void what_is_no_xml_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "</dcc:coreData>", "</dcc:core>",
                   "c:10: not XML: Opening and ending tag mismatch: coreData line 6 and core");
    char *text = load_golden(TEMPERATURE);
    text[strlen(text) / 2] = '\0';
    struct faults faults = {0};
    struct certificate *certificate;
    assert_int_equal(dcc_read(&certificate, "c", text, strlen(text), 0, &faults), ERROR_INPUT);
    assert_int_equal(faults.count, 1);
    faults_free(&faults);
    free(text);
    expect_refused("<", 1, "c:1: not XML: StartTag: invalid element name");
    assert_true(dcc_is_xml("\xef\xbb\xbf \n<a", 7));
    assert_false(dcc_is_xml("a: <b", 5));
    assert_false(dcc_is_xml("", 0));
}

// --- what must be there

static void faults_of_the_administrative_data_name_their_element(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "<dcc:uniqueIdentifier>T-2026-0007</dcc:uniqueIdentifier>", "",
                   "c:6: dcc:coreData: dcc:uniqueIdentifier is missing");
    expect_changed(TEMPERATURE, "T-2026-0007", " \n ",
                   "c:7: dcc:uniqueIdentifier: nothing (expected a text)");
    expect_changed(TEMPERATURE, "2026-03-03", "2026-03-32",
                   "c:9: dcc:endPerformanceDate: '2026-03-32': not a date (expected one such as "
                   "2026-03-02)");
    expect_changed(TEMPERATURE, "2026-03-03", "2026-03-03+8",
                   "c:9: dcc:endPerformanceDate: '2026-03-03+8': not a date (expected one such as "
                   "2026-03-02)");
    expect_changed(TEMPERATURE, "2026-03-03", "2026-03-01",
                   "c:9: dcc:endPerformanceDate: before dcc:beginPerformanceDate");
    expect_changed(TEMPERATURE, "2026-03-03", "2026-11-25",
                   "c:9: dcc:endPerformanceDate: 2026-11-25: in the future (today is 2026-11-24)");
    expect_changed(TEMPERATURE, "2027-03-02", "2026-03-03",
                   "c:9: dcc:endPerformanceDate: next calibration 2026-03-03: expected a day after "
                   "2026-03-03, when the measurements ended");
    expect_changed(TEMPERATURE, "<dcc:issuer>manufacturer", "<dcc:issuer>customer",
                   "c:11: dcc:items: no item has an identification issued by its manufacturer "
                   "(expected its serial number)");
    expect_changed(TEMPERATURE, "calibrationLaboratory>", "customer>",
                   "c:5: dcc:administrativeData: dcc:calibrationLaboratory is missing");
    expect_changed(TEMPERATURE, "contact>", "location>",
                   "c:24: dcc:calibrationLaboratory: no name of at most 200 bytes (expected one in "
                   "dcc:contact)");
}

static void faults_of_numbers_name_their_element(void **state)
{
    (void)state;
    expect_changed(TEMPERATURE, "0.040 0.118", "0.040 NaN",
                   "c:83: si:valueXMLList: value 2 'NaN': not a number (expected one such as "
                   "-1.25E-3)");
    expect_changed(TEMPERATURE, "0.040 0.118", "INF 0.118",
                   "c:83: si:valueXMLList: value 1 'INF': not a number (expected one such as "
                   "-1.25E-3)");
    expect_changed(TEMPERATURE, "0.040 0.118", "1e999 0.118",
                   "c:83: si:valueXMLList: value 1 '1e999': not a number (expected one such as "
                   "-1.25E-3)");
    expect_changed(TEMPERATURE, "0.040 0.118", "0x10 0.118",
                   "c:83: si:valueXMLList: value 1 '0x10': not a number (expected one such as "
                   "-1.25E-3)");
    expect_changed(TEMPERATURE, ">0.061<", ">0<",
                   "c:85: si:expandedUncXMLList: value 1: expanded uncertainty 0: expected more "
                   "than 0");
    expect_changed(TEMPERATURE, ">0.061<", ">0.061 0.061 -0.061<",
                   "c:85: si:expandedUncXMLList: value 3: expanded uncertainty -0.061: expected "
                   "more than 0");
    expect_changed(TEMPERATURE, ">0.061<", ">0.061 0.061<",
                   "c:86: si:uncertaintyXMLList: 2 numbers for 3 values (expected 1 or as many)");
    expect_changed(TEMPERATURE, ">2<", ">0<",
                   "c:85: si:expandedUncXMLList: value 1: coverage factor 0: expected at least 1");
    expect_changed(TEMPERATURE, "<si:coverageFactorXMLList>2</si:coverageFactorXMLList>", "",
                   "c:85: si:expandedUncXMLList: no expanded uncertainty with its coverage factor");
    expect_changed(TEMPERATURE, "expandedUncXMLList>", "otherXMLList>",
                   "c:81: dcc:quantity basic_measurementError: no expanded uncertainty (expected "
                   "si:expandedUnc or si:measurementUncertaintyUnivariate, or their lists)");
    expect_changed(HUMIDITY, "expandedMUXMLList>", "coverageIntervalMUXMLList>",
                   "c:66: si:measurementUncertaintyUnivariateXMLList: no expanded uncertainty with "
                   "its coverage factor");
    expect_changed(TEMPERATURE, "0.040 0.118 -0.095", "",
                   "c:83: si:valueXMLList: 0 values (expected at least one)");
    expect_changed(VOLTAGE, ">100<", ">100 101<", "c:39: si:value: 2 values (expected one)");
}

static void faults_of_units_name_their_element(void **state)
{
    (void)state;
    expect_changed(VOLTAGE, "\\kilo\\volt", "\\kilo\\vlt",
                   "c:43: si:unit: unit '\\kilo\\vlt', character 6: unknown 'vlt' (expected a unit "
                   "of the D-SI; did you mean volt?)\n"
                   "c:58: si:unit: unit '\\kilo\\vlt', character 6: unknown 'vlt' (expected a unit "
                   "of the D-SI; did you mean volt?)");
    expect_changed(VOLTAGE, "\\kilo\\volt", "\\ampere",
                   "c:41: dcc:quantity basic_measuredValue: in '\\ampere', and the reference value "
                   "in '\\volt': not of one kind, so that they have no error\n"
                   "c:56: dcc:quantity basic_measuredValue: in '\\ampere', and the reference value "
                   "in '\\volt': not of one kind, so that they have no error");
    expect_changed(HUMIDITY, "\\percent", "\\metre",
                   "c:62: dcc:quantity basic_measurementError: in '\\metre', and the indication in "
                   "'\\one': not of one kind");
    expect_changed(PRESSURE, "\\bar \\bar \\bar", "\\bar \\bar",
                   "c:31: si:unitXMLList: 2 units for 3 values (expected 1 or as many)");
    expect_changed(PRESSURE, "\\bar \\bar \\bar", "\\bar \\metre \\bar",
                   "c:31: si:unitXMLList: '\\metre' beside '\\bar': not of one kind");
}

static void a_unit_may_differ_from_value_to_value(void **state)
{
    (void)state;
    char *text = load_changed(PRESSURE,
                              "<d:valueXMLList>1.01 2.02 4.00</d:valueXMLList>\n"
                              "                    <d:unitXMLList>\\bar \\bar \\bar",
                              "<d:valueXMLList>1.01 2020 400000</d:valueXMLList>"
                              "<d:unitXMLList>\\bar \\milli\\bar \\pascal");
    struct certificate *is = read_good(PRESSURE, text);
    assert_string_equal(is->quantities[0].unit, "\\bar");
    expect_point(&is->quantities[0].points[1], 2.02, 0.02, 0.002, 2);
    expect_point(&is->quantities[0].points[2], 4, 0, 0.004, 2.5);
    certificate_free(is);
    free(text);
}

// Units that the D-SI has not, beside ones that it has.
static void of_a_hybrid_the_first_known_unit_is_taken(void **state)
{
    (void)state;
    char *text = load_changed(TEMPERATURE, "\\degreecelsius", "|grad");
    certificate_free(read_good(TEMPERATURE, text));
    free(text);
    text = load_changed(TEMPERATURE,
                        "<si:realListXMLList>\n                    <si:valueXMLList>273.20",
                        "<si:real><si:value>1</si:value><si:unit>|x</si:unit></si:real>"
                        "<si:realListXMLList><si:valueXMLList>273.20");
    certificate_free(read_good(TEMPERATURE, text));
    free(text);
    expect_changed(HUMIDITY, "\\degreeCelsius", "|grad",
                   "c:82: si:unit: unit '|grad', character 1: unknown '|grad' (expected a unit "
                   "such as kWh, °C or m³/h)");
}

static void tables_that_do_not_agree_are_refused(void **state)
{
    (void)state;
    // A correction under the name of an error.
    expect_changed(TEMPERATURE, "0.040 0.118 -0.095", "-0.040 -0.118 0.095",
                   "c:81: dcc:quantity basic_measurementError: value 1: error -0.04, and measured "
                   "minus reference value is 0.04: apart by more than U");
    expect_changed(TEMPERATURE, "0.040 0.118 -0.095", "0.040 0.118",
                   "c:81: dcc:quantity basic_measurementError: 2 values, and "
                   "3 at line 69 (expected as many)");
    expect_changed(HUMIDITY, "basic_measurementError", "basic_other",
                   "c:56: dcc:quantity basic_measuredValue: alone in its table (expected two of "
                   "basic_measuredValue, basic_referenceValue and basic_measurementError)\n"
                   "c:81: dcc:quantity basic_referenceValue: alone in its table (expected two of "
                   "basic_measuredValue, basic_referenceValue and basic_measurementError)");
    expect_changed(PRESSURE, "refType=\"other basic_measurementError\"",
                   "refType=\"basic_measuredValue\"",
                   "c:35: dcc:quantity basic_measuredValue: a second list of the same refType (the "
                   "first is at line 28)");
    expect_changed(VOLTAGE, "refType=\"basic_", "refType=\"other_",
                   "c:31: dcc:measurementResults: no table of results that can be read (expected "
                   "quantities whose refType is basic_measuredValue, basic_referenceValue or "
                   "basic_measurementError)");
    expect_changed(VOLTAGE, "<si:real><si:value>100</si:value><si:unit>\\volt</si:unit></si:real>",
                   "<si:complex/>",
                   "c:38: dcc:quantity basic_referenceValue: no values (expected si:real or "
                   "si:realListXMLList, or si:hybrid with them)");
}

static void points_out_of_order_or_twice_are_refused(void **state)
{
    (void)state;
    expect_changed(HUMIDITY, "0.803 0.499 0.197", "0.499 0.803 0.197",
                   "c:58: basic_measuredValue: value 3: indication 0.197 behind 0.803: expected "
                   "them to rise, or to fall, all the way, each once (a series up and down is two "
                   "curves)");
    expect_changed(HUMIDITY, "0.803 0.499 0.197", "0.803 0.499 0.499",
                   "c:58: basic_measuredValue: value 3: indication 0.499 behind 0.499: expected "
                   "them to rise, or to fall, all the way, each once (a series up and down is two "
                   "curves)");
    expect_changed(VOLTAGE, "0.22995", "0.10002",
                   "c:58: basic_measuredValue: value 2: indication 0.10002 behind 0.10002: "
                   "expected them to rise, or to fall, all the way, each once (a series up and "
                   "down is two curves)");
}

static void numbers_beyond_the_stated_maximum_are_refused(void **state)
{
    (void)state;
    char *many = calloc(1, 8 * (CERTIFICATE_POINTS_MAX + 2));
    assert_non_null(many);
    for (size_t i = 0; i <= CERTIFICATE_POINTS_MAX; i++) {
        snprintf(many + strlen(many), 8, "%zu ", i);
    }
    expect_changed(HUMIDITY, "0.803 0.499 0.197", many,
                   "c:58: si:valueXMLList: more than 1000 values");
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_says_of_which_instrument_it_is_and_when),
        cmocka_unit_test(points_are_read_with_one_uncertainty_for_all),
        cmocka_unit_test(what_was_found_before_is_read_beside),
        cmocka_unit_test(newer_uncertainties_falling_values_and_a_probe_are_read),
        cmocka_unit_test(tables_of_one_point_each_are_one_series),
        cmocka_unit_test(relative_errors_become_absolute),
        cmocka_unit_test(every_schema_version_named_is_taken_and_no_other),
        cmocka_unit_test(a_doctype_is_refused_before_anything_in_it_is_done),
        cmocka_unit_test(entities_that_nobody_declared_are_no_xml),
        cmocka_unit_test(a_file_too_large_is_refused_unread),
        cmocka_unit_test(deep_trees_are_refused),
        cmocka_unit_test(what_is_no_xml_is_refused_with_its_line),
        cmocka_unit_test(faults_of_the_administrative_data_name_their_element),
        cmocka_unit_test(faults_of_numbers_name_their_element),
        cmocka_unit_test(faults_of_units_name_their_element),
        cmocka_unit_test(a_unit_may_differ_from_value_to_value),
        cmocka_unit_test(of_a_hybrid_the_first_known_unit_is_taken),
        cmocka_unit_test(tables_that_do_not_agree_are_refused),
        cmocka_unit_test(points_out_of_order_or_twice_are_refused),
        cmocka_unit_test(numbers_beyond_the_stated_maximum_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
