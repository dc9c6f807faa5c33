#include "daemon/signing.h"

#include "base/log.h"

static bool wants_receipts(const struct config *config)
{
    for (size_t i = 0; i < config->uplink_count; i++) {
        if (config->uplinks[i].has_centre) {
            return true;
        }
    }
    return false;
}

int signing_load(struct signing *signing, const struct config *config, struct why *why)
{
    if (signing->key) {
        return OK; // it goes on with a new log
    }
    int error = signing_key_load(&signing->key, config->gateway.key, why);
    if (error != ERROR_ABSENT) {
        return error;
    }
    if (wants_receipts(config)) {
        return why_set(why, error,
                       "%s: no such key, and a centre gives receipts for signed logs only: make "
                       "one with `tally key init`",
                       config->gateway.key);
    }
    log_info("the log is not signed: there is no key %s (`tally key init` makes one)",
             config->gateway.key);
    return OK;
}

const char *signing_hindrance(const struct signing *signing, const struct config *config)
{
    return !signing->key && wants_receipts(config)
               ? "a centre gives receipts for signed logs only: make a key (`tally key init`) and "
                 "restart"
               : NULL;
}

int signing_start(struct signing *signing, const struct config *config, struct ledger *ledger,
                  struct present *present, struct why *why)
{
    if (!signing->key) {
        return OK;
    }
    const struct signer_options options = {.directory = config->gateway.data,
                                           .ledger = ledger,
                                           .key = signing->key,
                                           .interval_us = config->gateway.checkpoint_interval_us,
                                           .held = wants_receipts(config),
                                           .clock = present->parts.clock};
    int error = signer_start(&signing->signer, &options, why);
    if (!error) {
        present_signer(present, signing->signer);
    }
    return error;
}

void signing_take(struct signing *signing, const struct config *config)
{
    if (signing->signer) {
        signer_reconfigure(signing->signer, config->gateway.checkpoint_interval_us,
                           wants_receipts(config));
    }
}

void signing_finish(struct signing *signing)
{
    signer_stop(signing->signer);
}

void signing_end(struct signing *signing, struct present *present)
{
    present_signer(present, NULL);
    signer_free(signing->signer);
    signing->signer = NULL;
}

void signing_free(struct signing *signing)
{
    signing_key_free(signing->key);
    signing->key = NULL;
}
