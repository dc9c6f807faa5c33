#include "common/statement.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT_MAX 32

const char *statement_account(void)
{
    const struct passwd *entry = getpwuid(getuid());
    return entry ? entry->pw_name : "unknown";
}

bool statement_is_account(const char *account)
{
    size_t length = strspn(account, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789._-");
    return length >= 1 && length <= ACCOUNT_MAX && !account[length];
}

bool statement_is_reason(const char *reason)
{
    if (!reason || !*reason || strlen(reason) > STATEMENT_REASON_MAX) {
        return false;
    }
    for (; *reason; reason++) {
        if ((unsigned char)*reason < ' ') {
            return false;
        }
    }
    return true;
}
