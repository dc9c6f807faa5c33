// Writes a certificate in the form that paper_read reads (paper.h).
#include "base/value.h"
#include "measure/paper.h"

static void append_key(struct text *out, const char *key)
{
    text_append_format(out, ", %s: ", key);
}

static void append_text(struct text *out, const char *key, const char *text)
{
    if (text[0]) {
        append_key(out, key);
        text_append_json(out, text);
    }
}

static void append_number(struct text *out, const char *key, double number)
{
    append_key(out, key);
    value_append_double(out, number);
}

static void append_date(struct text *out, const char *key, int64_t day)
{
    char date[CERTIFICATE_DATE_SIZE];
    if (day != CERTIFICATE_NO_DATE) {
        certificate_format_date(day, date);
        text_append_format(out, "%s: %s\n", key, date);
    }
}

static void append_points(struct text *out, const struct certificate_quantity *quantity)
{
    double part = quantity->by_load ? 100 : 1;
    text_append_string(out, ", points: [\n");
    for (size_t i = 0; i < quantity->point_count; i++) {
        const struct certificate_point *p = &quantity->points[i];
        text_append_format(out, "    {%s: ", quantity->by_load ? "load" : "indication");
        value_append_double(out, p->indication);
        append_number(out, quantity->by_load ? "error_percent" : "error", p->error * part);
        append_number(out, quantity->by_load ? "uncertainty_percent" : "uncertainty",
                      p->expanded_uncertainty * part);
        append_number(out, "k", p->coverage_factor);
        text_append_string(out, i + 1 < quantity->point_count ? "},\n" : "}]");
    }
}

static void append_permitted(struct text *out, const struct certificate_quantity *quantity,
                             const char *absolute, const char *relative)
{
    if (quantity->mpe_absolute > 0) {
        append_number(out, absolute, quantity->mpe_absolute);
    }
    if (quantity->mpe_relative > 0) {
        append_number(out, relative, quantity->mpe_relative * 100);
    }
}

static void append_quantity(struct text *out, const struct certificate_quantity *quantity)
{
    text_append_string(out, "  - {unit: ");
    text_append_json(out, quantity->unit);
    append_text(out, "quantity", quantity->name);
    if (quantity->point_count) {
        append_text(out, "load_unit", quantity->by_load ? quantity->load_unit : "");
        append_permitted(out, quantity, "tolerance", "tolerance_percent");
        append_points(out, quantity);
    } else {
        append_text(out, "class", quantity->class);
        append_permitted(out, quantity, "mpe", "mpe_percent");
    }
    text_append_string(out, "}\n");
}

void paper_write(struct text *out, const struct certificate *certificate)
{
    text_append_string(out, "certificate: ");
    text_append_json(out, certificate->id);
    text_append_string(out, "\nlaboratory: ");
    text_append_json(out, certificate->laboratory);
    text_append_string(out, "\ninstrument: {serial: ");
    text_append_json(out, certificate->serial);
    append_text(out, "maker", certificate->maker);
    append_text(out, "model", certificate->model);
    text_append_string(out, "}\n");
    if (certificate->signature[0]) {
        text_append_string(out, "signature: ");
        text_append_json(out, certificate->signature);
        text_append_string(out, "\n");
    }
    append_date(out, "performed", certificate->performed);
    append_date(out, "due", certificate->due);
    append_date(out, "valid_until", certificate->valid_until);
    text_append_format(out, "%s:\n",
                       certificate->kind == CERTIFICATE_CALIBRATION ? "calibration"
                                                                    : "verification");
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        append_quantity(out, &certificate->quantities[i]);
    }
    text_append_string(out, certificate->as_found_count ? "as_found:\n" : "");
    for (size_t i = 0; i < certificate->as_found_count; i++) {
        append_quantity(out, &certificate->as_found[i]);
    }
}
