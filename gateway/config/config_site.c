// The site of tally.yaml: its credit code and time zone.
#include "base/error.h"
#include "config/config_read.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZONE_FOLDER   "/usr/share/zoneinfo/"
#define ZONE_MAX      64
#define ZONES_MAX     1024
#define CODE_LENGTH   18
#define CODE_ALPHABET "0123456789ABCDEFGHJKLMNPQRTUWXY"
#define SITE_NAME_MAX 200

int config_check_credit_code(const char *code, char *expected)
{
    if (strlen(code) != CODE_LENGTH || strspn(code, CODE_ALPHABET) != CODE_LENGTH) {
        return ERROR_INPUT;
    }
    int sum = 0, weight = 1;
    for (int i = 0; i < CODE_LENGTH - 1; i++) {
        sum += weight * (int)(strchr(CODE_ALPHABET, code[i]) - CODE_ALPHABET);
        weight = weight * 3 % 31;
    }
    *expected = CODE_ALPHABET[(31 - sum % 31) % 31];
    return code[CODE_LENGTH - 1] == *expected ? OK : ERROR_RANGE;
}

static const char *read_code(struct config_reader *reader, const struct node *node)
{
    const char *code = NULL;
    char expected = 0;
    if (!node || !document_string(reader->document, node, "code", 1, 60, &code)) {
        return NULL;
    }
    int error = config_check_credit_code(code, &expected);
    if (error == OK) {
        return code;
    }
    size_t good = strspn(code, CODE_ALPHABET);
    if (error == ERROR_RANGE) {
        document_fault(reader->document, node,
                       "code %s: its check character does not fit the others (expected %.17s%c, if "
                       "those are right)",
                       code, code, expected);
    } else if (code[good] && isprint((unsigned char)code[good])) {
        document_fault(reader->document, node,
                       "code %s: has '%c' (expected 18 of 0-9 and A-Z without I, O, S, V, Z)", code,
                       code[good]);
    } else {
        document_fault(reader->document, node,
                       "code %s: %zu characters long (expected a unified social credit code of 18)",
                       code, strlen(code));
    }
    return NULL;
}

// Area/Place of letters, digits, '_', '+' and '-': no way out of the folder.
static bool zone_is_name(const char *zone)
{
    bool start = true;
    for (const char *p = zone; *p; p++) {
        bool word = isalnum((unsigned char)*p) || (!start && strchr("_+-", *p));
        if (!word && (start || *p != '/')) {
            return false;
        }
        start = *p == '/';
    }
    return !start && strlen(zone) <= ZONE_MAX && strncmp(zone, "right/", 6) != 0 &&
           strncmp(zone, "posix/", 6) != 0;
}

// Whether the zone is a file of tzfile(5).
static bool zone_exists(const char *zone)
{
    char path[sizeof ZONE_FOLDER + ZONE_MAX], magic[4] = "";
    snprintf(path, sizeof path, "%s%s", ZONE_FOLDER, zone);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, magic, sizeof magic);
    close(fd);
    return got == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

// The nearest zone that the list of inhabited zones has, into out; false when there is none.
static bool zone_nearest(const char *zone, char out[ZONE_MAX + 1])
{
    FILE *list = fopen(ZONE_FOLDER "zone.tab", "re");
    char line[256], *names[ZONES_MAX];
    size_t count = 0;
    while (list && count < ZONES_MAX && fgets(line, sizeof line, list)) {
        char name[ZONE_MAX + 1];
        if (line[0] != '#' && sscanf(line, "%*s %*s %64s", name) == 1) {
            names[count] = strdup(name);
            count += names[count] != NULL;
        }
    }
    if (list) {
        fclose(list);
    }
    const char *near = document_nearest(zone, (const char *const *)names, count);
    if (near) {
        snprintf(out, ZONE_MAX + 1, "%s", near);
    }
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    return near != NULL;
}

static const char *read_zone(struct config_reader *reader, const struct node *node)
{
    const char *zone = NULL;
    char near[ZONE_MAX + 1];
    if (!node || !document_string(reader->document, node, "time_zone", 1, ZONE_MAX, &zone)) {
        return NULL;
    }
    if (strcmp(zone, "UTC") == 0 || (zone_is_name(zone) && zone_exists(zone))) {
        return zone;
    }
    if (access(ZONE_FOLDER, F_OK) != 0) {
        document_fault(reader->document, node,
                       "time_zone %s: cannot be checked: %s is not there (install tzdata)", zone,
                       ZONE_FOLDER);
    } else if (zone_nearest(zone, near)) {
        document_fault(reader->document, node, "time_zone %s: not a time zone; did you mean '%s'?",
                       zone, near);
    } else {
        document_fault(reader->document, node,
                       "time_zone %s: not a time zone (expected one of " ZONE_FOLDER
                       ", such as Asia/Shanghai)",
                       zone);
    }
    return NULL;
}

void config_read_site(struct config_reader *reader, const struct node *node)
{
    const struct node *name, *code, *zone;
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &name},
                                        {"code", true, NODE_SCALAR, &code},
                                        {"time_zone", true, NODE_SCALAR, &zone}};
    document_read_keys(reader->document, node, "site", keys, sizeof keys / sizeof keys[0]);
    if (name) {
        document_string(reader->document, name, "name", 1, SITE_NAME_MAX,
                        &reader->config->site.name);
    }
    reader->config->site.code = read_code(reader, code);
    reader->config->site.time_zone = read_zone(reader, zone);
}
