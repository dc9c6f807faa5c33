#include "certificates/curve.h"

#include "measure/correction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 61
#define ROWS    15

// What is drawn: indications across, errors from low to high up.
struct frame {
    double left, right, low, high;
};

// Error and U at an indication within the points, as readings are corrected.
static void at(const struct certificate_quantity *quantity, double indication, double *error,
               double *expanded_uncertainty)
{
    const struct correction_parts none = {.resolution = 0};
    const struct correction correction = correction_make(quantity, false, &none);
    struct correction_budget budget = {.error = 0};
    correction_budget(&correction, indication, (struct correction_time){0}, &budget);
    *error = budget.error;
    *expanded_uncertainty = budget.k * budget.combined;
}

static struct frame frame_of(const struct certificate_quantity *quantity)
{
    struct frame frame = {.left = quantity->points[0].indication,
                          .right = quantity->points[quantity->point_count - 1].indication};
    for (size_t i = 0; i < quantity->point_count; i++) {
        double error, band;
        at(quantity, quantity->points[i].indication, &error, &band);
        frame.low = fmin(frame.low, error - band);
        frame.high = fmax(frame.high, error + band);
    }
    return frame;
}

static int row_of(const struct frame *frame, double error)
{
    return (int)lround((frame->high - error) / (frame->high - frame->low) * (ROWS - 1));
}

void curve_print(FILE *to, const struct certificate_quantity *quantity, const char *unit)
{
    char cells[ROWS][COLUMNS + 1];
    if (quantity->point_count < 2) {
        return;
    }
    const struct frame frame = frame_of(quantity);
    memset(cells, ' ', sizeof cells);
    for (int row = 0; row < ROWS; row++) {
        cells[row][COLUMNS] = '\0';
    }
    memset(cells[row_of(&frame, 0)], '-', COLUMNS);
    for (int column = 0; column < COLUMNS; column++) {
        double error, band;
        double indication = frame.left + (frame.right - frame.left) * column / (COLUMNS - 1);
        at(quantity, fmin(indication, frame.right), &error, &band);
        for (int row = row_of(&frame, error + band); row <= row_of(&frame, error - band); row++) {
            cells[row][column] = ':';
        }
        cells[row_of(&frame, error)][column] = '*';
    }
    for (size_t i = 0; i < quantity->point_count; i++) {
        const struct certificate_point *p = &quantity->points[i];
        long column =
            lround((p->indication - frame.left) / (frame.right - frame.left) * (COLUMNS - 1));
        cells[row_of(&frame, p->error)][column] = 'o';
    }
    fprintf(to, "  error, %s (o: calibrated, ':' within U)\n", unit);
    for (int row = 0; row < ROWS; row++) {
        bool labelled = row == 0 || row == ROWS - 1 || row == row_of(&frame, 0);
        double error = row == row_of(&frame, 0) ? 0 : row == 0 ? frame.high : frame.low;
        if (labelled) {
            fprintf(to, "  %10.3g |%s\n", error, cells[row]);
        } else {
            fprintf(to, "  %10s |%s\n", "", cells[row]);
        }
    }
    fprintf(to, "  %10s  %-*.6g%*.6g\n", "", COLUMNS / 2, frame.left, COLUMNS - COLUMNS / 2,
            frame.right);
}

// --- SVG

#define WIDTH  640
#define HEIGHT 360
#define MARGIN 60

static double x_of(const struct frame *frame, double indication)
{
    return MARGIN +
           (indication - frame->left) / (frame->right - frame->left) * (WIDTH - 2 * MARGIN);
}

static double y_of(const struct frame *frame, double error)
{
    return MARGIN + (frame->high - error) / (frame->high - frame->low) * (HEIGHT - 2 * MARGIN);
}

static void print_escaped(FILE *to, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc(*text, to);
        }
    }
}

static void print_label(FILE *to, double x, double y, const char *anchor, double number)
{
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%.6g</text>\n", x, y, anchor,
            number);
}

static void print_axes(FILE *to, const struct frame *frame)
{
    double left = x_of(frame, frame->left), right = x_of(frame, frame->right);
    double zero = y_of(frame, 0);
    fprintf(to, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#666\" fill=\"none\"/>\n", left, zero, right);
    print_label(to, left - 6, zero + 4, "end", 0);
    print_label(to, left - 6, y_of(frame, frame->high) + 4, "end", frame->high);
    print_label(to, left - 6, y_of(frame, frame->low) + 4, "end", frame->low);
    print_label(to, left, HEIGHT - MARGIN + 20, "middle", frame->left);
    print_label(to, right, HEIGHT - MARGIN + 20, "middle", frame->right);
}

void curve_svg(FILE *to, const struct certificate_quantity *quantity, const char *title,
               const char *unit)
{
    if (quantity->point_count < 2) {
        return;
    }
    const struct frame frame = frame_of(quantity);
    const struct certificate_point *points = quantity->points;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n<text x=\"%d\" y=\"24\" "
            "text-anchor=\"middle\" font-size=\"14\">",
            WIDTH, HEIGHT, WIDTH / 2);
    print_escaped(to, title);
    fprintf(to, "</text>\n<text x=\"%d\" y=\"44\">error, ", MARGIN);
    print_escaped(to, unit);
    fprintf(to, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">indication, ", WIDTH / 2,
            HEIGHT - 16);
    print_escaped(to, unit);
    fputs("</text>\n<path fill=\"#bcd\" stroke=\"none\" d=\"", to);
    for (size_t i = 0; i < quantity->point_count; i++) {
        double error, band;
        at(quantity, points[i].indication, &error, &band);
        fprintf(to, "%c%.1f %.1f", i ? 'L' : 'M', x_of(&frame, points[i].indication),
                y_of(&frame, error + band));
    }
    for (size_t i = quantity->point_count; i-- > 0;) {
        double error, band;
        at(quantity, points[i].indication, &error, &band);
        fprintf(to, "L%.1f %.1f", x_of(&frame, points[i].indication), y_of(&frame, error - band));
    }
    fputs("Z\"/>\n<path fill=\"none\" stroke=\"#036\" d=\"", to);
    for (size_t i = 0; i < quantity->point_count; i++) {
        fprintf(to, "%c%.1f %.1f", i ? 'L' : 'M', x_of(&frame, points[i].indication),
                y_of(&frame, points[i].error));
    }
    fputs("\"/>\n", to);
    for (size_t i = 0; i < quantity->point_count; i++) {
        fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"#036\"/>\n",
                x_of(&frame, points[i].indication), y_of(&frame, points[i].error));
    }
    print_axes(to, &frame);
    fputs("</svg>\n", to);
}
