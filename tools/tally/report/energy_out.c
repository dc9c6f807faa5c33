#include "report/energy_out.h"

#include "common/outfile.h"
#include "report/energy_xlsx.h"

#include <errno.h>
#include <string.h>

static int write_rows(const struct energy_head *head, const struct account *const *accounts,
                      size_t count, struct why *why)
{
    int error = energy_rows_begin(head);
    for (size_t i = 0; !error && i < count; i++) {
        error = energy_rows_write(head, accounts[i], i == 0);
    }
    if (!error) {
        energy_rows_end(head);
    }
    if (!error && (fflush(head->to) || ferror(head->to))) {
        error = why_set(why, ERROR_SYSTEM, "cannot write the report: %s", strerror(errno));
    }
    return error;
}

int energy_out_write(struct energy_head *head, bool xlsx, const struct account *const *accounts,
                     size_t count, const char *path, struct why *why)
{
    if (xlsx) {
        return energy_xlsx_write(head, accounts, count, path, why);
    }
    if (!path) {
        head->to = stdout;
        return write_rows(head, accounts, count, why);
    }
    struct outfile file;
    int error = outfile_open(&file, path, why);
    head->to = file.to;
    error = error ? error : write_rows(head, accounts, count, why);
    return outfile_close(&file, error, why);
}
