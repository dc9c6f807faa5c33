// Which signatures are looked at: those that cover all of the document, by known algorithms.
#include "certificates/signature_inside.h"

#include <string.h>

#define REFERENCES_MAX 8
#define DEPTH_MAX      256 // libxml2's own

#define DSIG   "http://www.w3.org/2000/09/xmldsig#"
#define MORE   "http://www.w3.org/2001/04/xmldsig-more#"
#define XMLENC "http://www.w3.org/2001/04/xmlenc#"

static const char enveloped[] = DSIG "enveloped-signature";
// With comments or without: those who read certificates read no comments.
static const char *const canonical[] = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    NULL};
static const char *const digests[] = {XMLENC "sha256", MORE "sha384", XMLENC "sha512", NULL};
static const char *const signers[] = {MORE "rsa-sha256",
                                      MORE "rsa-sha384",
                                      MORE "rsa-sha512",
                                      MORE "ecdsa-sha256",
                                      MORE "ecdsa-sha384",
                                      MORE "ecdsa-sha512",
                                      NULL};

static bool is_signature_part(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns &&
           strcmp((const char *)node->ns->href, SIGNATURE_NAMESPACE) == 0 &&
           strcmp((const char *)node->name, name) == 0;
}

static xmlNode *find(xmlNode *node, const char *name)
{
    while (node && !is_signature_part(node, name)) {
        node = node->next;
    }
    return node;
}

xmlNode *signature_child(const xmlNode *node, const char *name)
{
    return node ? find(node->children, name) : NULL;
}

xmlNode *signature_next(const xmlNode *node, const char *name)
{
    return find(node->next, name);
}

static bool algorithm_is(const xmlNode *node, const char *name)
{
    xmlChar *algorithm = node ? xmlGetNoNsProp(node, (const xmlChar *)"Algorithm") : NULL;
    bool same = algorithm && strcmp((const char *)algorithm, name) == 0;
    xmlFree(algorithm);
    return same;
}

// Whether an element's algorithm is one of the list; else it is said.
static bool algorithm_known(struct signature *signature, const xmlNode *node,
                            const char *const *list)
{
    for (; *list && !algorithm_is(node, *list); list++) {
    }
    if (!*list) {
        xmlChar *algorithm = node ? xmlGetNoNsProp(node, (const xmlChar *)"Algorithm") : NULL;
        signature_say(signature, SIGNATURE_UNVERIFIED, "an algorithm that is not taken, %.100s",
                      algorithm ? (const char *)algorithm : "none");
        xmlFree(algorithm);
    }
    return *list;
}

// How many elements of a signature there are at or below a node.
static size_t count_signatures(const xmlNode *node, int depth)
{
    size_t count = 0;
    for (; node && depth < DEPTH_MAX; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            count += is_signature_part(node, "Signature");
            count += count_signatures(node->children, depth + 1);
        }
    }
    return count;
}

// Whether the transforms are these: the signature taken out or not, then at most one canonical
// form.
static bool check_transforms(struct signature *signature, const xmlNode *reference, bool whole)
{
    const xmlNode *list = signature_child(reference, "Transforms");
    const xmlNode *at = signature_child(list, "Transform");
    if (whole) {
        if (!algorithm_is(at, enveloped)) {
            signature_say(signature, SIGNATURE_UNVERIFIED,
                          "it takes something else out of the document than itself");
            return false;
        }
        at = signature_next(at, "Transform");
    }
    if (at && !algorithm_known(signature, at, canonical)) {
        return false;
    }
    if (at && signature_next(at, "Transform")) {
        signature_say(signature, SIGNATURE_UNVERIFIED, "more transforms than are taken");
        return false;
    }
    return true;
}

static bool has_id(const xmlNode *node, const char *id, int depth)
{
    bool found = false;
    for (; node && !found && depth < DEPTH_MAX; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            xmlChar *own = xmlGetNoNsProp(node, (const xmlChar *)"Id");
            found = own && strcmp((const char *)own, id) == 0;
            xmlFree(own);
            found = found || has_id(node->children, id, depth + 1);
        }
    }
    return found;
}

// What one reference is of: all of the document (then *whole is counted), or a part of the
// signature.
static bool check_reference(struct signature *signature, const xmlNode *node,
                            const xmlNode *reference, size_t *whole)
{
    xmlChar *uri = xmlGetNoNsProp(reference, (const xmlChar *)"URI");
    bool all = uri && !*uri;
    bool inside = uri && *uri == '#' && has_id(node->children, (const char *)uri + 1, 0);
    xmlFree(uri);
    if (!all && !inside) {
        signature_say(signature, SIGNATURE_UNVERIFIED,
                      "it is of a part of the document, or of something else (expected of all)");
        return false;
    }
    *whole += all;
    return check_transforms(signature, reference, all) &&
           algorithm_known(signature, signature_child(reference, "DigestMethod"), digests);
}

static bool check_form(struct signature *signature, const xmlNode *node)
{
    const xmlNode *info = signature_child(node, "SignedInfo");
    size_t count = 0, whole = 0;
    if (!info || signature_next(info, "SignedInfo") || !signature_child(node, "SignatureValue")) {
        signature_say(signature, SIGNATURE_UNVERIFIED, "it is not of the form required");
        return false;
    }
    if (!algorithm_known(signature, signature_child(info, "CanonicalizationMethod"), canonical) ||
        !algorithm_known(signature, signature_child(info, "SignatureMethod"), signers)) {
        return false;
    }
    for (const xmlNode *at = signature_child(info, "Reference"); at;
         at = signature_next(at, "Reference"), count++) {
        if (count == REFERENCES_MAX || !check_reference(signature, node, at, &whole)) {
            break;
        }
    }
    if (signature->text[0]) {
        return false;
    }
    if (count == REFERENCES_MAX || whole != 1) {
        signature_say(signature, SIGNATURE_UNVERIFIED, "it does not cover the document once");
        return false;
    }
    return true;
}

xmlNode *signature_find(struct signature *signature, xmlDoc *document)
{
    xmlNode *root = xmlDocGetRootElement(document), *node = signature_child(root, "Signature");
    if (!node) {
        return NULL;
    }
    if (document->intSubset || count_signatures(root, 0) != 1) {
        signature_say(signature, SIGNATURE_UNVERIFIED,
                      "more than one signature in it (expected one, of all of it)");
        return NULL;
    }
    return check_form(signature, node) ? node : NULL;
}
