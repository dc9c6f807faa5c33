// libFuzzer over the reader of YAML: any bytes give a tree or a fault, and the tree can be walked.
//
// clang -fsanitize=fuzzer,address,undefined; tools/run-fuzz builds it.
#include "base/error.h"
#include "config/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

// Reads each scalar in every way; what is wanted is that nothing is read beyond its end.
static void walk(struct document *document, const struct node *node)
{
    for (; node; node = node->next) {
        static const char *const words[] = {"none", "even", "odd"};
        struct decimal decimal;
        const char *text;
        int64_t number;
        bool flag;
        int choice;
        document_string(document, node, "k", 1, 40, &text);
        document_int(document, node, "k", -5, 5, &number);
        document_bool(document, node, "k", &flag);
        document_decimal(document, node, "k", &decimal);
        document_duration(document, node, "k", 0, 1000000, &number);
        document_size(document, node, "k", 0, 1000000, &number);
        document_choice(document, node, "k", words, 3, &choice);
        walk(document, node->first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct faults faults = {0};
    struct document document;
    if (document_read_text(&document, "f", (const char *)bytes, length, &faults) == OK) {
        const struct node *name, *list;
        const struct document_key keys[] = {{"name", true, NODE_SCALAR, &name},
                                            {"list", false, NODE_SEQUENCE, &list}};
        document_read_keys(&document, document.root, "root", keys, 2);
        walk(&document, document.root);
    } else if (!faults.count) {
        abort();
    }
    document_free(&document);
    faults_free(&faults);
    return 0;
}
