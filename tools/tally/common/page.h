// The frame of a report as a page to print: HTML that is XML too, and needs nothing beside it: no
// script, no font, no other file. Writes to struct text; prints nothing.
#ifndef TALLY_TOOLS_PAGE_H
#define TALLY_TOOLS_PAGE_H

#include "base/text.h"
#include "common/show.h"

// Up to where the page's own begins, in its body.
void page_begin(struct text *out, const char *title);
void page_end(struct text *out);
// What is clean already (show_append_clean), with HTML's own characters written out. NULL is "".
void page_append_escaped(struct text *out, const char *clean);
// Any words: cleaned, then escaped.
void page_append_word(struct text *out, const char *string);
// A table, its headings repeated on each sheet that is printed; as show_table_append.
void page_append_table(struct text *out, const struct show_table *table);

#endif
