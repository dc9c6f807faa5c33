// Whether a certificate is of an instrument, and its points in the instrument's units
// (certificate.h).
#include "measure/certificate_read.h"
#include "measure/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fitting {
    const char *name; // of the file, for faults
    const struct certificate_target *targets;
    struct unit *units; // of the targets
    size_t target_count;
    // By target: what it has been given to; of what was found, likewise.
    const struct certificate_quantity **taken, **found;
    struct faults *faults;
    bool good;
};

static void refuse(struct fitting *fitting, int line, const char *text)
{
    faults_add(fitting->faults, fitting->name, line, 0, "%s", text);
    fitting->good = false;
}

bool certificate_bears(const struct certificate *certificate, const char *serial)
{
    bool found = strcmp(certificate->serial, serial) == 0;
    for (size_t i = 0; i < CERTIFICATE_SERIALS_MAX - 1; i++) {
        found = found || (certificate->more_serials[i][0] &&
                          strcmp(certificate->more_serials[i], serial) == 0);
    }
    return found && serial[0];
}

// The certificate's serial numbers, "A, B", into out.
static void list_serials(const struct certificate *certificate, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%.60s", certificate->serial);
    for (size_t i = 0; i < CERTIFICATE_SERIALS_MAX - 1 && used < size; i++) {
        if (certificate->more_serials[i][0]) {
            used +=
                (size_t)snprintf(out + used, size - used, ", %.60s", certificate->more_serials[i]);
        }
    }
}

static void check_serial(struct fitting *fitting, const struct certificate *certificate,
                         const char *serial)
{
    char all[CERTIFICATE_TEXT_MAX * 2], text[WHY_MAX];
    if (!certificate_bears(certificate, serial)) {
        list_serials(certificate, all, sizeof all);
        snprintf(text, sizeof text, "serial number %s: the instrument's is %.60s", all,
                 serial[0] ? serial : "not known");
        refuse(fitting, certificate->serial_line, text);
    }
}

// What the unit of a target must be of the same kind as: the load's is the target's per hour.
static struct unit counterpart(const struct certificate_quantity *quantity,
                               const struct unit *target)
{
    return quantity->by_load ? unit_per_hour(target) : *target;
}

// Puts the names of the candidates into out, of all targets or of those taken; returns how many
// there are, and one of them.
static size_t find_candidates(const struct fitting *fitting,
                              const struct certificate_quantity *quantity, const struct unit *unit,
                              bool of_taken, size_t *one, char *out, size_t size)
{
    size_t count = 0, used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < fitting->target_count; i++) {
        struct unit wanted = counterpart(quantity, &fitting->units[i]);
        if ((of_taken && !fitting->taken[i]) || !unit_same_kind(unit, &wanted) ||
            (quantity->by_load && !fitting->targets[i].counts_up)) {
            continue;
        }
        *one = i;
        if (used < size) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", count ? ", " : "",
                                     fitting->targets[i].name);
        }
        count++;
    }
    return count;
}

static bool find_named(struct fitting *fitting, const struct certificate_quantity *quantity,
                       const struct unit *unit, size_t *target)
{
    char text[WHY_MAX];
    for (size_t i = 0; i < fitting->target_count; i++) {
        const struct certificate_target *is = &fitting->targets[i];
        if (strcmp(is->name, quantity->name) != 0) {
            continue;
        }
        struct unit wanted = counterpart(quantity, &fitting->units[i]);
        *target = i;
        if (quantity->by_load && !is->counts_up) {
            snprintf(text, sizeof text, "%.60s at loads: expected of a register that counts up",
                     quantity->name);
        } else if (!unit_same_kind(unit, &wanted)) {
            snprintf(text, sizeof text, "%.60s in '%.80s': cannot be given in %.40s%s",
                     quantity->name, quantity->by_load ? quantity->load_unit : quantity->unit,
                     is->unit, quantity->by_load ? " per hour" : "");
        } else {
            return true;
        }
        refuse(fitting, quantity->line, text);
        return false;
    }
    snprintf(text, sizeof text, "quantity %.60s: the instrument has none of that name",
             quantity->name);
    refuse(fitting, quantity->line, text);
    return false;
}

static bool find_unnamed(struct fitting *fitting, const struct certificate_quantity *quantity,
                         const struct unit *unit, bool as_found, size_t *target)
{
    char names[300], text[WHY_MAX];
    size_t count =
        as_found ? find_candidates(fitting, quantity, unit, true, target, names, sizeof names) : 0;
    if (count == 0) {
        count = find_candidates(fitting, quantity, unit, false, target, names, sizeof names);
    }
    if (count == 1) {
        return true;
    }
    if (count) {
        snprintf(text, sizeof text, "a quantity in '%.80s': which of %s is it?", quantity->unit,
                 names);
    } else {
        snprintf(text, sizeof text, "a quantity in '%.80s': the instrument has none of that kind",
                 quantity->unit);
    }
    refuse(fitting, quantity->line, text);
    return false;
}

// ERROR_INPUT when a number is lost on the way, as only a unit that nobody uses can do.
static int convert(struct certificate_quantity *quantity, const struct unit *from,
                   const struct certificate_target *target, const struct unit *to, struct why *why)
{
    for (size_t i = 0; i < quantity->point_count; i++) {
        struct certificate_point *point = &quantity->points[i];
        point->indication = unit_convert(from, to, point->indication);
        if (!quantity->by_load) {
            point->error = unit_convert_difference(from, to, point->error);
            point->expanded_uncertainty =
                unit_convert_difference(from, to, point->expanded_uncertainty);
        }
        if (certificate_check_point(point, why)) {
            return ERROR_INPUT;
        }
    }
    quantity->mpe_absolute = unit_convert_difference(from, to, quantity->mpe_absolute);
    snprintf(quantity->name, sizeof quantity->name, "%s", target->name);
    snprintf(quantity->unit, sizeof quantity->unit, "%s", target->unit);
    if (quantity->by_load) {
        snprintf(quantity->load_unit, sizeof quantity->load_unit, "%.190s/h", target->unit);
    }
    return OK;
}

static void fit_quantity(struct fitting *fitting, struct certificate_quantity *quantity,
                         bool as_found)
{
    const struct certificate_quantity **taken = as_found ? fitting->found : fitting->taken;
    struct unit unit;
    struct why why;
    char text[WHY_MAX];
    size_t target = 0;
    if (unit_parse(quantity->by_load ? quantity->load_unit : quantity->unit, &unit, &why)) {
        refuse(fitting, quantity->line, why.text);
        return;
    }
    if (quantity->name[0] ? !find_named(fitting, quantity, &unit, &target)
                          : !find_unnamed(fitting, quantity, &unit, as_found, &target)) {
        return;
    }
    if (taken[target]) {
        snprintf(text, sizeof text, "a second result%s for %.60s (the first is at line %d): which?",
                 as_found ? " as found" : "", fitting->targets[target].name, taken[target]->line);
        refuse(fitting, quantity->line, text);
        return;
    }
    taken[target] = quantity;
    struct unit to = counterpart(quantity, &fitting->units[target]);
    if (convert(quantity, &unit, &fitting->targets[target], &to, &why)) {
        refuse(fitting, quantity->line, why.text);
    }
}

static bool copy_quantity(struct certificate *copy, const struct certificate_quantity *from,
                          bool as_found)
{
    struct certificate_quantity *to = certificate_add_quantity(copy, as_found);
    if (!to) {
        return false;
    }
    *to = *from;
    to->points = NULL;
    to->point_count = 0;
    if (from->point_count && certificate_make_points(to, from->point_count)) {
        return false;
    }
    if (from->point_count) {
        memcpy(to->points, from->points, from->point_count * sizeof *to->points);
    }
    return true;
}

static struct certificate *copy_certificate(const struct certificate *certificate)
{
    struct certificate *copy = malloc(sizeof *copy);
    bool good = copy != NULL;
    if (copy) {
        *copy = *certificate;
        copy->quantity_count = copy->as_found_count = 0;
        copy->quantities = copy->as_found = NULL;
    }
    for (size_t i = 0; good && i < certificate->quantity_count; i++) {
        good = copy_quantity(copy, &certificate->quantities[i], false);
    }
    for (size_t i = 0; good && i < certificate->as_found_count; i++) {
        good = copy_quantity(copy, &certificate->as_found[i], true);
    }
    if (!good) {
        certificate_free(copy);
        return NULL;
    }
    return copy;
}

// A unit of a driver that is none of ours fits nothing; that is said once.
static void read_targets(struct fitting *fitting)
{
    struct why why;
    size_t kept = 0;
    for (size_t i = 0; i < fitting->target_count; i++) {
        if (unit_parse(fitting->targets[i].unit, &fitting->units[i], &why)) {
            // Of no kind that a certificate's unit could be.
            fitting->units[i] = (struct unit){.factor = 1, .divisor = 1};
            memset(fitting->units[i].exponents, INT8_MAX, sizeof fitting->units[i].exponents);
        } else {
            kept++;
        }
    }
    if (fitting->target_count && !kept) {
        refuse(fitting, 0, why.text);
    }
}

int certificate_fits(const struct certificate *certificate, const char *name, const char *serial,
                     const struct certificate_target *targets, size_t target_count,
                     struct certificate **out, struct faults *faults)
{
    struct certificate *copy = copy_certificate(certificate);
    struct fitting fitting = {
        .name = name,
        .targets = targets,
        .target_count = target_count,
        .units = calloc(target_count + 1, sizeof *fitting.units),
        .taken = calloc(target_count + 1, sizeof(const struct certificate_quantity *)),
        .found = calloc(target_count + 1, sizeof(const struct certificate_quantity *)),
        .faults = faults,
        .good = true,
    };
    *out = NULL;
    if (!copy || !fitting.units || !fitting.taken || !fitting.found) {
        refuse(&fitting, 0, "out of memory");
    } else {
        read_targets(&fitting);
        check_serial(&fitting, certificate, serial);
        for (size_t i = 0; i < copy->quantity_count; i++) {
            fit_quantity(&fitting, &copy->quantities[i], false);
        }
        for (size_t i = 0; i < copy->as_found_count; i++) {
            // Which quantity an unnamed one is of would be asked twice.
            if (copy->as_found[i].name[0] || fitting.good) {
                fit_quantity(&fitting, &copy->as_found[i], true);
            }
        }
        snprintf(copy->serial, sizeof copy->serial, "%s", serial);
    }
    free(fitting.units);
    free(fitting.taken);
    free(fitting.found);
    if (!fitting.good) {
        certificate_free(copy);
        return ERROR_INPUT;
    }
    *out = copy;
    return OK;
}
