// Reading the certificates of tests/golden/certificates, as they are and with a text in them
// exchanged.
#ifndef TALLY_TESTS_CERTIFICATE_FILES_H
#define TALLY_TESTS_CERTIFICATE_FILES_H

#include "measure/certificate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline int64_t day_of(const char *date)
{
    int64_t day = 0;
    assert_int_equal(certificate_parse_date(date, &day), OK);
    return day;
}

// The file's text, to be freed.
static inline char *load_golden(const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/certificates/%s", file);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, in) > 0);
    fclose(in);
    return text;
}

// With every `from` as `to`, of which there must be one at least; to be freed.
static inline char *load_changed(const char *file, const char *from, const char *to)
{
    char *text = load_golden(file), *out = calloc(1, strlen(text) * 40 + 65536), *p = text;
    assert_non_null(out);
    assert_non_null(strstr(text, from));
    for (char *at = strstr(p, from); at; at = strstr(p, from)) {
        strncat(out, p, (size_t)(at - p));
        strcat(out, to);
        p = at + strlen(from);
    }
    strcat(out, p);
    free(text);
    return out;
}

// Reads a text that is good.
static inline struct certificate *read_good(const char *file, const char *text)
{
    struct faults faults = {0};
    struct certificate *certificate = NULL;
    int result =
        certificate_read(&certificate, file, text, strlen(text), day_of("2026-11-24"), &faults);
    for (size_t i = 0; i < faults.count; i++) {
        print_error("%s\n", faults.lines[i]);
    }
    assert_int_equal(result, OK);
    assert_int_equal(faults.count, 0);
    return certificate;
}

static inline struct certificate *read_golden(const char *file)
{
    char *text = load_golden(file);
    struct certificate *certificate = read_good(file, text);
    free(text);
    return certificate;
}

static inline void expect_lines(const struct faults *faults, const char *expected)
{
    char got[8192] = "";
    for (size_t i = 0; i < faults->count; i++) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? "\n" : "",
                 faults->lines[i]);
    }
    assert_string_equal(got, expected);
}

// Reads a text and expects these faults, one a line.
static inline void expect_refused(const char *text, size_t length, const char *expected)
{
    struct faults faults = {0};
    struct certificate *certificate = (struct certificate *)&faults;
    int result = certificate_read(&certificate, "c", text, length, day_of("2026-11-24"), &faults);
    expect_lines(&faults, expected);
    assert_int_equal(result, ERROR_INPUT);
    assert_null(certificate);
    faults_free(&faults);
}

static inline void expect_changed(const char *file, const char *from, const char *to,
                                  const char *expected)
{
    char *text = load_changed(file, from, to);
    expect_refused(text, strlen(text), expected);
    free(text);
}

static inline void expect_point(const struct certificate_point *point, double indication,
                                double error, double u, double k)
{
    const double got[] = {point->indication, point->error, point->expanded_uncertainty,
                          point->coverage_factor};
    const double expected[] = {indication, error, u, k};
    for (size_t i = 0; i < 4; i++) {
        double apart = fabs(got[i] - expected[i]);
        if (!(apart <= 1e-15 * (fabs(indication) + 100))) {
            fail_msg("number %zu of a point: %.17g, expected %.17g", i + 1, got[i], expected[i]);
        }
    }
}

#endif
