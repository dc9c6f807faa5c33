// tally budget: the uncertainty budget of a point at an indication: each part, where it comes from,
// and what nobody has declared.
#include "calibrated.h"

#include "answer.h"
#include "measure/rounding.h"
#include "show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const struct command *command;
    struct place place;
    const char *point, *at;
    bool json;
    double indication;
    // What was found.
    const struct config_instrument *instrument;
    const struct driver_quantity *quantity;
    const struct calibration *calibration;
};

// A part of the budget; not declared where u is 0.
struct part {
    const char *name, *source;
    double u;
};
#define PARTS 5

// --- which point

static bool find(struct request *request, const struct calibrations *calibrations)
{
    const struct config *config = request->place.config;
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        size_t length = strlen(instrument->name);
        if (strncmp(request->point, instrument->name, length) != 0 ||
            request->point[length] != '.') {
            continue;
        }
        for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
            if (strcmp(request->point + length + 1, instrument->quantities[slot]->name) == 0) {
                request->instrument = instrument;
                request->quantity = instrument->quantities[slot];
                request->calibration = &calibrations->of[i][slot];
                return true;
            }
        }
    }
    return false;
}

// The number that the running daemon's answer to "latest" (docs/STATUS.md) has for the point; NaN.
static double latest_of(const struct request *request, const cJSON *answer)
{
    const cJSON *instrument, *point;
    cJSON_ArrayForEach(instrument, answer_member(answer, "instruments"))
    {
        if (strcmp(answer_string(instrument, "name"), request->instrument->name) != 0) {
            continue;
        }
        cJSON_ArrayForEach(point, answer_member(instrument, "points"))
        {
            const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(point, 0));
            if (name && strcmp(name, request->quantity->name) == 0) {
                const cJSON *number = cJSON_GetArrayItem(point, 2);
                return cJSON_IsNumber(number) ? number->valuedouble : NAN;
            }
        }
    }
    return NAN;
}

// The latest reading, from the running daemon. False: there is none.
static bool latest(struct request *request)
{
    struct text raw = text_make(16u << 20);
    struct why why = {""};
    cJSON *answer = NULL;
    request->indication = NAN;
    if (answer_get(request->place.control, "latest", &raw, &answer, &why) == OK) {
        request->indication = latest_of(request, answer);
    }
    cJSON_Delete(answer);
    text_free(&raw);
    return isfinite(request->indication);
}

static bool choose_indication(struct request *request)
{
    char *end;
    if (!request->at) {
        if (latest(request)) {
            return true;
        }
        command_misused(request->command, "no daemon tells what %s reads now: give --at NUMBER",
                        request->point);
        return false;
    }
    request->indication = strtod(request->at, &end);
    if (end == request->at || *end || !isfinite(request->indication)) {
        command_misused(request->command, "--at %s: expected a number", request->at);
        return false;
    }
    return true;
}

// --- what is said

static void list_parts(const struct request *request, const struct correction_budget *budget,
                       struct part parts[PARTS])
{
    bool verified = request->calibration->correction.point_count == 0;
    parts[0] = (struct part){"calibration",
                             verified ? "maximum permissible error / √3 (verification)"
                                      : "U/k of the certificate, between its points",
                             budget->calibration};
    parts[1] = (struct part){"resolution", "a digit / √12 (driver)", budget->resolution};
    parts[2] = (struct part){"drift", "", budget->drift};
    parts[3] = (struct part){"influences", "", budget->influence};
    parts[4] = (struct part){"time", "", 0};
}

static void print_row(const struct part *part, double combined)
{
    if (part->u > 0) {
        double share = 100 * part->u * part->u / (combined * combined);
        printf("%-12s %12.4g %6.1f%%  %s\n", part->name, part->u, share, part->source);
    } else {
        printf("%-12s %12s %7s  not declared\n", part->name, "—", "—");
    }
}

static void print_table(const struct request *request, const struct correction_budget *budget)
{
    const struct certificate *certificate = request->calibration->entry->certificate;
    const char *unit = request->quantity->unit;
    double expanded = budget->k * budget->combined;
    int place = rounding_place(expanded);
    struct part parts[PARTS];
    struct text value = text_make(64), uncertainty = text_make(64);
    rounding_append(&value, request->indication - budget->error, place);
    rounding_append(&uncertainty, expanded, place);
    list_parts(request, budget, parts);
    printf("point        %s\nindication   %.10g %s\n", request->point, request->indication, unit);
    printf("certificate  %s of %s\nerror        %.6g %s\n", certificate->id,
           certificate->laboratory, budget->error, unit);
    printf("corrected    %s %s\nU            %s %s, k = %.3g\n\n", value.data, unit,
           uncertainty.data, unit, budget->k);
    printf("%-12s %12s %7s  %s\n", "part", "u", "of u²", "from");
    for (size_t i = 0; i < PARTS; i++) {
        print_row(&parts[i], budget->combined);
    }
    printf("%-12s %12.4g\n", "combined", budget->combined);
    if (request->quantity->ratio_pt || request->quantity->ratio_ct) {
        puts("\nU excludes the current and voltage transformers, which have no certificate here.");
    }
    text_free(&value);
    text_free(&uncertainty);
}

static void append_number(struct text *out, const char *name, double number)
{
    text_append_format(out, ",\"%s\":", name);
    value_append_double(out, number);
}

static void print_json(const struct request *request, const struct correction_budget *budget)
{
    struct part parts[PARTS];
    struct text out = text_make(1u << 16);
    char hex[DIGEST_HEX];
    text_format_hex(request->calibration->entry->certificate->hash.bytes, DIGEST_SIZE, hex);
    list_parts(request, budget, parts);
    text_append_string(&out, "{\"point\":");
    text_append_json(&out, request->point);
    text_append_string(&out, ",\"unit\":");
    text_append_json(&out, request->quantity->unit);
    text_append_format(&out, ",\"certificate\":\"%s\"", hex);
    append_number(&out, "indication", request->indication);
    append_number(&out, "error", budget->error);
    append_number(&out, "corrected", request->indication - budget->error);
    append_number(&out, "uncertainty", budget->k * budget->combined);
    append_number(&out, "k", budget->k);
    append_number(&out, "combined", budget->combined);
    text_append_string(&out, ",\"parts\":{");
    for (size_t i = 0; i < PARTS; i++) {
        text_append_format(&out, "%s\"%s\":", i ? "," : "", parts[i].name);
        if (parts[i].u > 0) {
            value_append_double(&out, parts[i].u);
        } else {
            text_append_string(&out, "null");
        }
    }
    text_append_string(&out, "}}\n");
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
}

static int print(struct request *request)
{
    struct correction_budget budget;
    if (!request->calibration->entry) {
        const struct shelf_entry *ended = request->calibration->ended;
        printf("%s: no certificate is in force: its indications stand uncorrected, their "
               "uncertainty is not known\n",
               request->point);
        if (ended) {
            printf("%s has ended: %s\n", ended->certificate->id, ended->ended->reason);
        }
        return EXIT_FINDING;
    }
    if (request->calibration->correction.mode == CORRECTION_INTERVAL) {
        printf("%s: a register that counts up: its differences are corrected, not its readings\n",
               request->point);
        return EXIT_FINDING;
    }
    if (!choose_indication(request)) {
        return EXIT_MISUSE;
    }
    if (correction_budget(&request->calibration->correction, request->indication,
                          (struct correction_time){0}, &budget) != CORRECTED) {
        printf("%s: %.10g %s is outside the calibrated range: not corrected\n", request->point,
               request->indication, request->quantity->unit);
        return EXIT_FINDING;
    }
    if (request->json) {
        print_json(request, &budget);
    } else {
        print_table(request, &budget);
    }
    return EXIT_GOOD;
}

static int perform(struct request *request)
{
    struct calibrated calibrated;
    int status = calibrated_open(&calibrated, request->command, &request->place);
    if (status == EXIT_GOOD && !find(request, calibrated.calibrations)) {
        fprintf(stderr, "%s: no point %s is configured\n", request->command->name, request->point);
        status = EXIT_FINDING;
    }
    status = status == EXIT_GOOD ? print(request) : status;
    calibrated_close(&calibrated);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"at", required_argument, NULL, 'a'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.command = command};
    int option, status;
    while ((option = command_option(command, argc, argv, &request.place, &status)) > 0) {
        if (option == 'a') {
            request.at = optarg;
        } else {
            request.json = true;
        }
    }
    if (option < 0) {
        return status;
    }
    if (optind == argc) {
        return command_misused(command, "of which point? give its name");
    }
    request.point = argv[optind];
    status = place_find(&request.place);
    status = status == EXIT_GOOD ? perform(&request) : status;
    place_free(&request.place);
    return status;
}

const struct command command_budget = {
    .name = "tally budget",
    .summary = "the uncertainty budget of a point",
    .usage = "usage: tally budget INSTRUMENT.QUANTITY [--at NUMBER] [--json] [-c FILE]\n"
             "\n"
             "Prints each part of the uncertainty of a reading, where it comes from, and which\n"
             "parts nobody has declared; the corrected value and U = k·u of an indication.\n"
             "\n"
             "      --at NUMBER    the indication; otherwise the latest, from the running daemon\n"
             "      --json         for programs\n"
             "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
             "                     /etc/tally/tally.yaml\n"
             "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
             "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 1,
    .run = run};
