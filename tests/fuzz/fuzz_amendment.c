// Fuzzes the reader of amendments: what it lets through is written again with the same bytes.
#include "../../tools/tally/amendments/amendment.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *body = calloc(1, length + 1);
    struct amendment amendment;
    struct why why = {""};
    expect(body);
    memcpy(body, bytes, length);
    if (amendment_parse(&amendment, body, &why)) {
        expect(why.text[0]);
    } else if (strlen(body) <= 900) { // more is no entry
        struct text out = text_make(1024);
        expect(amendment_write(&amendment, &out) == OK && strcmp(out.data, body) == 0);
        text_free(&out);
    }
    free(body);
    return 0;
}
