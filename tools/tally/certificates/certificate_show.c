// tally certificate list, show: what certificates say.
#include "certificates/certificate.h"

#include "certificates/curve.h"
#include "certificates/signature.h"
#include "common/outfile.h"
#include "common/show.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <time.h>

// What came of its signature goes into the certificate.
static int check_signature(struct certificate_source *source, const char *path, const char *trusted)
{
    struct signature signature;
    struct why why = {""};
    if (!source->certificate->has_signature) {
        return EXIT_GOOD;
    }
    if (signature_check(&signature, source->bytes.data, source->bytes.length, trusted, &why) !=
        OK) {
        fprintf(stderr, "tally certificate: %s\n", why.text);
        return EXIT_FINDING;
    }
    if (signature.outcome == SIGNATURE_WRONG) {
        fprintf(stderr, "%s: its signature is %s\n", path, signature.text);
        return EXIT_FINDING;
    }
    source->verified = signature.outcome == SIGNATURE_VERIFIED;
    snprintf(source->certificate->signature, sizeof source->certificate->signature, "%s",
             signature.text);
    return EXIT_GOOD;
}

int certificate_source_read(struct certificate_source *source, const char *path,
                            const char *trusted)
{
    struct faults faults = {0};
    char chunk[65536];
    size_t got;
    *source = (struct certificate_source){.bytes = text_make(CERTIFICATE_BYTES_MAX + 1)};
    FILE *file = fopen(path, "rb");
    while (file && (got = fread(chunk, 1, sizeof chunk, file)) > 0 && !source->bytes.failed) {
        text_append(&source->bytes, chunk, got);
    }
    if (!file || ferror(file)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    bool good = file && !ferror(file);
    if (file) {
        fclose(file);
    }
    if (!good) {
        return EXIT_FINDING;
    }
    if (source->bytes.failed || source->bytes.length > CERTIFICATE_BYTES_MAX) {
        fprintf(stderr, "%s: larger than a certificate may be (%u MiB)\n", path,
                CERTIFICATE_BYTES_MAX >> 20);
        return EXIT_FINDING;
    }
    if (certificate_read(&source->certificate, path, source->bytes.data, source->bytes.length,
                         (int64_t)(time(NULL) / 86400), &faults) != OK) {
        return faults_print(&faults);
    }
    faults_free(&faults);
    return check_signature(source, path, trusted);
}

void certificate_source_free(struct certificate_source *source)
{
    text_free(&source->bytes);
    certificate_free(source->certificate);
}

static void print_date(const char *what, int64_t day)
{
    char date[CERTIFICATE_DATE_SIZE];
    if (day != CERTIFICATE_NO_DATE) {
        certificate_format_date(day, date);
        printf("%-12s %s\n", what, date);
    }
}

static void print_line(const char *what, const char *text)
{
    struct text clean = text_make(1024);
    if (text[0]) {
        show_append_clean(&clean, text, 200);
        printf("%-12s %s\n", what, clean.data ? clean.data : "");
    }
    text_free(&clean);
}

static void print_points(const struct certificate_quantity *quantity)
{
    static const char *const headings[] = {">indication", ">error", ">U", ">k"};
    struct show_table table = show_table_make(4, headings);
    struct text out = text_make(1u << 20);
    double part = quantity->by_load ? 100 : 1;
    for (size_t i = 0; i < quantity->point_count; i++) {
        const struct certificate_point *p = &quantity->points[i];
        show_table_add_format(&table, "%.10g", p->indication);
        show_table_add_format(&table, "%.6g", p->error * part);
        show_table_add_format(&table, "%.6g", p->expanded_uncertainty * part);
        show_table_add_format(&table, "%.4g", p->coverage_factor);
    }
    show_table_append(&table, &out);
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
    show_table_free(&table);
}

static void print_permitted(const struct certificate_quantity *quantity)
{
    if (quantity->mpe_absolute > 0) {
        printf(" %.6g %s", quantity->mpe_absolute, quantity->unit);
    }
    if (quantity->mpe_relative > 0) {
        printf("%s %.6g%%", quantity->mpe_absolute > 0 ? " or" : "", quantity->mpe_relative * 100);
    }
}

static void print_quantity(const struct certificate_quantity *quantity, bool as_found)
{
    printf("\n%s%s%s%s", quantity->name[0] ? quantity->name : "a quantity",
           as_found ? ", as found" : "", quantity->by_load ? ", by load in " : ", in ",
           quantity->by_load ? quantity->load_unit : quantity->unit);
    if (quantity->point_count == 0) {
        printf(": class %s, maximum permissible error", quantity->class);
        print_permitted(quantity);
        puts("");
        return;
    }
    fputs(quantity->by_load ? "; error and U in %" : "", stdout);
    if (quantity->mpe_absolute > 0 || quantity->mpe_relative > 0) {
        fputs("; tolerance", stdout);
        print_permitted(quantity);
    }
    puts("");
    print_points(quantity);
    curve_print(stdout, quantity, quantity->by_load ? "part of 1" : quantity->unit);
}

void certificate_print(const struct certificate *certificate)
{
    char hex[DIGEST_HEX];
    text_format_hex(certificate->hash.bytes, DIGEST_SIZE, hex);
    printf("%-12s %s\n", "kind",
           certificate->kind == CERTIFICATE_CALIBRATION ? "calibration" : "verification");
    print_line("number", certificate->id);
    print_line("laboratory", certificate->laboratory);
    print_line("maker", certificate->maker);
    print_line("model", certificate->model);
    print_line("serial", certificate->serial);
    for (size_t i = 0; i < CERTIFICATE_SERIALS_MAX - 1; i++) {
        print_line("", certificate->more_serials[i]);
    }
    print_date("performed", certificate->performed);
    print_date("due", certificate->due);
    print_date("valid until", certificate->valid_until);
    printf("%-12s %s\n", "sha256", hex);
    print_line("signature", certificate->signature);
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        print_quantity(&certificate->quantities[i], false);
    }
    for (size_t i = 0; i < certificate->as_found_count; i++) {
        print_quantity(&certificate->as_found[i], true);
    }
}

// One file for each quantity that has a curve: "error.svg", then "error-2.svg" …
static int draw(const struct certificate *certificate, const char *path)
{
    size_t drawn = 0;
    size_t stem = strlen(path);
    stem -= stem > 4 && strcmp(path + stem - 4, ".svg") == 0 ? 4 : 0;
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        const struct certificate_quantity *quantity = &certificate->quantities[i];
        char name[PATH_MAX], title[3 * CERTIFICATE_TEXT_MAX];
        struct outfile file;
        struct why why = {""};
        if (quantity->point_count < 2) {
            continue;
        }
        drawn++;
        if (drawn == 1) {
            snprintf(name, sizeof name, "%s", path);
        } else {
            snprintf(name, sizeof name, "%.*s-%zu.svg", (int)stem, path, drawn);
        }
        snprintf(title, sizeof title, "%s, %s", certificate->id, quantity->name);
        int error = outfile_open(&file, name, &why);
        if (!error) {
            curve_svg(file.to, quantity, title, quantity->unit);
        }
        error = outfile_close(&file, error, &why);
        if (error) {
            fprintf(stderr, "tally certificate: %s\n", why.text);
            return EXIT_FINDING;
        }
    }
    if (!drawn) {
        fprintf(stderr, "tally certificate: it has no curve to draw\n");
    }
    return drawn ? EXIT_GOOD : EXIT_FINDING;
}

// That it has ended, when it lies in a gateway's folder and has.
static int print_ended(const char *path)
{
    struct text bytes = text_make(ENDED_BYTES_MAX);
    struct faults faults = {0};
    struct ended ended;
    char beside[PATH_MAX + sizeof SHELF_ENDED], utc[32];
    snprintf(beside, sizeof beside, "%s" SHELF_ENDED, path);
    FILE *file = fopen(beside, "rbe");
    if (!file) {
        text_free(&bytes);
        return EXIT_GOOD;
    }
    char *room = text_reserve(&bytes, ENDED_BYTES_MAX);
    text_commit(&bytes, room ? fread(room, 1, ENDED_BYTES_MAX, file) : 0);
    fclose(file);
    int error = ended_read(&ended, beside, bytes.data ? bytes.data : "", bytes.length, &faults);
    text_free(&bytes);
    if (error) {
        return faults_print(&faults);
    }
    clock_format_utc(ended.at_us, utc);
    printf("\nended        %s by %s: %s\n", utc, ended.account, ended.reason);
    return EXIT_GOOD;
}

int certificate_show(struct certificate_request *request)
{
    struct certificate_source source;
    int status = certificate_source_read(&source, request->file, request->trusted);
    if (status == EXIT_GOOD) {
        certificate_print(source.certificate);
        status = print_ended(request->file);
    }
    if (status == EXIT_GOOD) {
        status = request->svg ? draw(source.certificate, request->svg) : status;
    }
    certificate_source_free(&source);
    return status;
}

// --- list

static void list_one(struct show_table *table, const struct shelf_entry *entry)
{
    const struct certificate *certificate = entry->certificate;
    char performed[CERTIFICATE_DATE_SIZE], last[CERTIFICATE_DATE_SIZE] = "—", hex[DIGEST_HEX];
    int64_t day = shelf_last_day(certificate);
    certificate_format_date(certificate->performed, performed);
    if (day != CERTIFICATE_NO_DATE) {
        certificate_format_date(day, last);
    }
    text_format_hex(certificate->hash.bytes, DIGEST_SIZE, hex);
    show_table_add(table, certificate->serial);
    show_table_add(table, certificate->id);
    show_table_add(table, certificate->laboratory);
    show_table_add(table, performed);
    show_table_add(table, last);
    show_table_add_format(table, "%.16s", hex);
    struct text ended = text_make(64);
    if (entry->ended) {
        show_append_local(&ended, entry->ended->at_us);
    }
    show_table_add(table, ended.length ? ended.data : "—");
    text_free(&ended);
}

int certificate_list(struct certificate_request *request)
{
    static const char *const headings[] = {"serial", "number", "laboratory", "performed",
                                           "until",  "sha256", "ended"};
    char folder[PATH_MAX];
    struct shelf shelf;
    struct faults faults = {0};
    struct why why = {""};
    int status = place_find(&request->place);
    if (status != EXIT_GOOD) {
        return status;
    }
    snprintf(folder, sizeof folder, "%s/%s", request->place.ledger, SHELF_FOLDER);
    if (shelf_load(&shelf, folder, &faults, &why) != OK) {
        fprintf(stderr, "tally certificate: %s: %s\n", folder, why.text);
        faults_free(&faults);
        return EXIT_FINDING;
    }
    struct show_table table = show_table_make(7, headings);
    struct text out = text_make(4u << 20);
    show_set_zone(request->place.config->site.time_zone);
    for (size_t i = 0; i < shelf.count; i++) {
        list_one(&table, &shelf.entries[i]);
    }
    show_table_append(&table, &out);
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
    show_table_free(&table);
    shelf_free(&shelf);
    if (faults.count) {
        return faults_print(&faults);
    }
    faults_free(&faults);
    return EXIT_GOOD;
}
