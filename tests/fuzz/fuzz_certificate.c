// Fuzzes the readers of certificates, DCC and paper, and their fitting to an instrument: nothing
// may crash, whatever is refused is refused with a reason, and what is taken keeps the rules that a
// correction builds on.
#include "measure/certificate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define TODAY 20781 // 2026-11-24

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_points(const struct certificate_quantity *quantity)
{
    for (size_t i = 0; i < quantity->point_count; i++) {
        const struct certificate_point *point = &quantity->points[i];
        expect(isfinite(point->indication) && isfinite(point->error));
        expect(isfinite(point->expanded_uncertainty) && point->expanded_uncertainty > 0);
        expect(isfinite(point->coverage_factor) && point->coverage_factor >= 1);
        expect(i == 0 || point->indication > quantity->points[i - 1].indication);
    }
}

static void check(const struct certificate *certificate)
{
    bool calibration = certificate->kind == CERTIFICATE_CALIBRATION;
    expect(certificate->id[0] && certificate->laboratory[0] && certificate->serial[0]);
    expect(certificate->performed <= TODAY && certificate->performed != CERTIFICATE_NO_DATE);
    expect(certificate->due == CERTIFICATE_NO_DATE || certificate->due > certificate->performed);
    expect(certificate->quantity_count > 0);
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        const struct certificate_quantity *quantity = &certificate->quantities[i];
        expect(calibration == (quantity->point_count > 0));
        expect(calibration || quantity->mpe_absolute > 0 || quantity->mpe_relative > 0);
        check_points(quantity);
    }
    for (size_t i = 0; i < certificate->as_found_count; i++) {
        expect(certificate->as_found[i].point_count > 0);
        check_points(&certificate->as_found[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct certificate_target targets[] = {{"temperature", "°C", false},
                                                        {"voltage-l1", "V", false},
                                                        {"relative-humidity", "%", false},
                                                        {"pressure", "mbar", false},
                                                        {"active-energy-import", "kWh", true}};
    struct faults faults = {0};
    struct certificate *certificate, *fitted;
    int result = certificate_read(&certificate, "c", bytes, length, TODAY, &faults);
    expect((result == 0) == (faults.count == 0) && (result == 0) == (certificate != NULL));
    if (result == 0) {
        check(certificate);
        result = certificate_fits(certificate, "c", certificate->serial, targets,
                                  sizeof targets / sizeof targets[0], &fitted, &faults);
        expect((result == 0) == (faults.count == 0) && (result == 0) == (fitted != NULL));
        if (fitted) {
            check(fitted);
        }
        certificate_free(fitted);
    }
    certificate_free(certificate);
    faults_free(&faults);
    return 0;
}
