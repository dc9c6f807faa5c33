// tally budget: the uncertainty budget of a point at an indication: each part, where it comes from,
// and what nobody has declared.
#include "certificates/budget.h"

#include "certificates/calibrated.h"

#include "base/clock.h"
#include "common/answer.h"
#include "common/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const struct command *command;
    struct place place;
    const char *at;
    bool json;
    struct budget budget;
};

// --- which point

static bool find(struct request *request, const struct calibrations *calibrations)
{
    const struct config *config = request->place.config;
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        size_t length = strlen(instrument->name);
        if (strncmp(request->budget.point, instrument->name, length) != 0 ||
            request->budget.point[length] != '.') {
            continue;
        }
        for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
            if (strcmp(request->budget.point + length + 1, instrument->quantities[slot]->name) ==
                0) {
                request->budget.instrument = instrument;
                request->budget.quantity = instrument->quantities[slot];
                request->budget.calibration = &calibrations->of[i][slot];
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
        if (strcmp(answer_string(instrument, "name"), request->budget.instrument->name) != 0) {
            continue;
        }
        cJSON_ArrayForEach(point, answer_member(instrument, "points"))
        {
            const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(point, 0));
            if (name && strcmp(name, request->budget.quantity->name) == 0) {
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
    request->budget.indication = NAN;
    if (answer_get(request->place.control, "latest", &raw, &answer, &why) == OK) {
        request->budget.indication = latest_of(request, answer);
    }
    cJSON_Delete(answer);
    text_free(&raw);
    return isfinite(request->budget.indication);
}

static bool choose_indication(struct request *request)
{
    char *end;
    if (!request->at) {
        if (latest(request)) {
            return true;
        }
        command_misused(request->command, "no daemon tells what %s reads now: give --at NUMBER",
                        request->budget.point);
        return false;
    }
    request->budget.indication = strtod(request->at, &end);
    if (end == request->at || *end || !isfinite(request->budget.indication)) {
        command_misused(request->command, "--at %s: expected a number", request->at);
        return false;
    }
    return true;
}

// --- what is said

static int print(struct request *request)
{
    struct budget *budget = &request->budget;
    if (!budget->calibration->entry) {
        printf("%s: no certificate is in force: its indications stand uncorrected, their "
               "uncertainty is not known\n",
               budget->point);
        return EXIT_FINDING;
    }
    if (budget->calibration->correction.mode == CORRECTION_INTERVAL) {
        budget_print_loads(budget, request->json);
        return EXIT_GOOD;
    }
    if (!choose_indication(request)) {
        return EXIT_MISUSE;
    }
    budget->t_us = clock_wall_us(&clock_system);
    budget->slope = budget_slope_read(request->place.ledger, budget->point);
    if (budget_make(budget) != CORRECTED) {
        printf("%s: %.10g %s is outside the calibrated range: not corrected\n", budget->point,
               budget->indication, budget->quantity->unit);
        return EXIT_FINDING;
    }
    if (request->json) {
        budget_print_json(budget);
    } else {
        show_set_zone(request->place.config->site.time_zone);
        budget_print_table(budget);
    }
    return EXIT_GOOD;
}

static int perform(struct request *request)
{
    struct calibrated calibrated;
    int status = calibrated_open(&calibrated, request->command, &request->place);
    if (status == EXIT_GOOD && !find(request, calibrated.calibrations)) {
        fprintf(stderr, "%s: no point %s is configured\n", request->command->name,
                request->budget.point);
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
    request.budget.point = argv[optind];
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
             "Of a register that counts up: its errors by load, or the permissible one.\n"
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
