#include "live/terminal.h"

#include "base/error.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ESCAPE_WAIT_MS 30 // the bytes of one key come together

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

static void write_all(const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&wait, 1, 1000);
        } else if (written < 0 && errno != EINTR) {
            return;
        }
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
}

static void write_string(const char *string)
{
    write_all(string, strlen(string));
}

static void read_size(struct terminal *terminal)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col;
    terminal->rows = known ? size.ws_row : 24;
    terminal->columns = known ? size.ws_col : 80;
}

static void enter(struct terminal *terminal)
{
    struct termios raw = terminal->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    terminal->raw = true;
    write_string("\033[?1049h\033[?25l"); // the alternate screen, no cursor
    read_size(terminal);
}

static void leave(struct terminal *terminal)
{
    write_string("\033[0m\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    terminal->raw = false;
}

int terminal_open(struct terminal *terminal)
{
    memset(terminal, 0, sizeof *terminal);
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal->before) < 0) {
        return ERROR_SYSTEM;
    }
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        sigaddset(&set, ending[i]);
    }
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, &terminal->blocked);
    terminal->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signals < 0) {
        sigprocmask(SIG_SETMASK, &terminal->blocked, NULL);
        return ERROR_SYSTEM;
    }
    enter(terminal);
    return OK;
}

void terminal_close(struct terminal *terminal)
{
    if (terminal->raw) {
        leave(terminal);
        close(terminal->signals);
        sigprocmask(SIG_SETMASK, &terminal->blocked, NULL);
    }
}

static enum key take_signal(struct terminal *terminal)
{
    struct signalfd_siginfo info;
    if (read(terminal->signals, &info, sizeof info) != sizeof info) {
        return KEY_OTHER;
    }
    if (info.ssi_signo == SIGWINCH) {
        read_size(terminal);
        return KEY_REDRAW;
    }
    if (info.ssi_signo == SIGTSTP) {
        leave(terminal);
        raise(SIGSTOP);
        enter(terminal); // continued
        return KEY_REDRAW;
    }
    terminal->signal = (int)info.ssi_signo;
    return KEY_SIGNAL;
}

static enum key read_escape(const char *bytes, size_t length)
{
    static const struct {
        const char *bytes;
        enum key key;
    } keys[] = {{"\033[A", KEY_UP},   {"\033OA", KEY_UP},       {"\033[B", KEY_DOWN},
                {"\033OB", KEY_DOWN}, {"\033[5~", KEY_PAGE_UP}, {"\033[6~", KEY_PAGE_DOWN},
                {"\033[H", KEY_HOME}, {"\033OH", KEY_HOME},     {"\033[1~", KEY_HOME},
                {"\033[F", KEY_END},  {"\033OF", KEY_END},      {"\033[4~", KEY_END}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (length == strlen(keys[i].bytes) && memcmp(bytes, keys[i].bytes, length) == 0) {
            return keys[i].key;
        }
    }
    return KEY_OTHER;
}

// Reads one key, byte by byte, so that keys that come together are each taken.
static enum key take_key(void)
{
    char bytes[8];
    size_t length = 0;
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    do {
        if (read(STDIN_FILENO, bytes + length, 1) != 1) {
            return KEY_QUIT;
        }
        length++;
        bool ended = length > 2 && bytes[length - 1] >= '@' && bytes[length - 1] <= '~';
        if (bytes[0] != '\033' || ended) {
            break;
        }
    } while (length < sizeof bytes && poll(&wait, 1, ESCAPE_WAIT_MS) == 1);
    switch (bytes[0]) {
    case '\033': return read_escape(bytes, length);
    case 'q':
    case 'Q': return KEY_QUIT;
    case 'k': return KEY_UP;
    case 'j': return KEY_DOWN;
    case ' ': return KEY_PAGE_DOWN;
    case 'b': return KEY_PAGE_UP;
    case 'g': return KEY_HOME;
    case 'G': return KEY_END;
    case 'L' - '@': return KEY_REDRAW;
    default: return KEY_OTHER;
    }
}

enum key terminal_key(struct terminal *terminal, int timeout_ms)
{
    struct pollfd waits[] = {{.fd = terminal->signals, .events = POLLIN},
                             {.fd = STDIN_FILENO, .events = POLLIN}};
    int ready = poll(waits, 2, timeout_ms < 0 ? 0 : timeout_ms);
    if (ready <= 0) {
        return KEY_NONE;
    }
    return waits[0].revents ? take_signal(terminal) : take_key();
}

void terminal_draw(const struct text *frame)
{
    write_all(frame->data, frame->length);
}
