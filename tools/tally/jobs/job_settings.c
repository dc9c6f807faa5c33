// What the configurations in force during a job say of its instruments: limits, and where they are.
#include "jobs/job_collect.h"

#include "base/arena.h"
#include "config/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 4096

static bool is_open(const struct job_setting *setting, const char *subject, bool is_location)
{
    return !setting->to_n && setting->is_location == is_location &&
           strcmp(setting->subject, subject) == 0;
}

static int add(struct job_report *report, const struct job_setting *setting)
{
    struct job_setting *grown =
        realloc(report->settings, (report->setting_count + 1) * sizeof *grown);
    if (!grown) {
        return ERROR_MEMORY;
    }
    report->settings = grown;
    struct job_setting *fresh = &grown[report->setting_count++];
    *fresh = *setting;
    fresh->subject = arena_copy(&report->arena, setting->subject, strlen(setting->subject));
    fresh->words = arena_copy(&report->arena, setting->words, strlen(setting->words));
    return fresh->subject && fresh->words ? OK : ERROR_MEMORY;
}

// What is in force from now on; nothing when it is what was.
static int state(struct job_report *report, const struct job_setting *setting)
{
    for (size_t i = 0; i < report->setting_count; i++) {
        struct job_setting *before = &report->settings[i];
        if (!is_open(before, setting->subject, setting->is_location)) {
            continue;
        }
        if (strcmp(before->words, setting->words) == 0) {
            return OK;
        }
        before->to_n = setting->from_n;
    }
    return setting->words[0] ? add(report, setting) : OK;
}

// "min 20, max 30"
static void append_limits(struct text *out, const struct node *limits)
{
    for (const struct node *node = limits->first; node; node = node->next) {
        if (node->kind == NODE_SCALAR) {
            text_append_format(out, "%s%s %s", out->length ? ", " : "", node->key, node->scalar);
        }
    }
}

static int take_limits(struct job_report *report, struct job_setting setting, const char *name,
                       const struct node *limits)
{
    int error = OK;
    for (const struct node *node = limits ? limits->first : NULL; node && !error;
         node = node->next) {
        struct text words = text_make(WORDS_MAX);
        char point[160];
        snprintf(point, sizeof point, "%s.%s", name, node->key);
        append_limits(&words, node);
        setting.subject = point;
        setting.words = words.length ? words.data : "";
        error = state(report, &setting);
        text_free(&words);
    }
    return error;
}

// Those that the configuration does not have any more end with it.
static void end_limits(struct job_report *report, const char *name, const struct node *limits,
                       uint64_t n)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < report->setting_count; i++) {
        struct job_setting *before = &report->settings[i];
        bool ours = !before->to_n && !before->is_location &&
                    strncmp(before->subject, name, length) == 0 && before->subject[length] == '.';
        if (ours && !(limits && node_child(limits, before->subject + length + 1))) {
            before->to_n = n;
        }
    }
}

static const char *scalar_of(const struct node *mapping, const char *key)
{
    const struct node *node = node_child(mapping, key);
    return node && node->kind == NODE_SCALAR ? node->scalar : "";
}

static int take_instrument(struct job_report *report, const struct node *instrument,
                           const struct digest *config, uint64_t n)
{
    struct job_setting setting = {.config = *config, .from_n = n};
    const char *name = scalar_of(instrument, "name");
    const struct node *limits = node_child(instrument, "limits");
    if (!job_has_instrument(report->job, name)) {
        return OK;
    }
    limits = limits && limits->kind == NODE_MAPPING ? limits : NULL;
    end_limits(report, name, limits, n);
    int error = take_limits(report, setting, name, limits);
    setting.subject = name;
    setting.words = scalar_of(instrument, "location");
    setting.is_location = true;
    return error ? error : state(report, &setting);
}

int job_settings_take(struct job_report *report, const struct digest *config, uint64_t n,
                      struct why *why)
{
    struct text bytes = text_make(DOCUMENT_BYTES_MAX);
    struct document document = {.root = NULL};
    struct faults faults = {0};
    int error = ledger_reader_file(report->reader, config, &bytes, why);
    if (!error) {
        // It was in force: what is wrong with it to this reader is left out.
        document_read_text(&document, "configuration", bytes.data ? bytes.data : "", bytes.length,
                           &faults);
        const struct node *list = document.root && document.root->kind == NODE_MAPPING
                                      ? node_child(document.root, "instruments")
                                      : NULL;
        for (const struct node *node = list ? list->first : NULL; node && !error;
             node = node->next) {
            error = node->kind == NODE_MAPPING ? take_instrument(report, node, config, n) : OK;
        }
    }
    document_free(&document);
    faults_free(&faults);
    text_free(&bytes);
    return error;
}
