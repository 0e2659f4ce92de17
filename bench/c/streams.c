/* The load of the stream benchmark: so many connections, each taking one stream after another.
 *
 *     streams PORT REQUEST_FILE STREAMS RAMP_MS WINDOW_MS
 *
 * One thread, epoll, loopback only. REQUEST_FILE holds the raw request. The first requests are spread evenly over
 * RAMP_MS, so that the streams are out of step as real ones are. Then the line "window" is printed, counting starts, and
 * after WINDOW_MS one line of JSON tells what arrived: `events` (server-sent events), `ended` streams, `failed` ones,
 * and medians in microseconds: `first_byte_us` from the request to the first byte of the body, `whole_us` to its end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES = 65536, READ_BYTES = 65536, EVENTS = 512, STATUS_BYTES = 12 };

typedef struct {
    int fd, in_body, has_byte;
    uint64_t start_us, tail; /* `tail`: the last eight bytes received */
    char status[STATUS_BYTES];
    int status_used;
} stream;

typedef struct {
    double *values;
    size_t used, room;
} samples;

static int poller, port, is_counting;
static char request[REQUEST_BYTES];
static size_t request_bytes;
static uint64_t events, ended, failed;
static samples first_byte, whole;

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void note(samples *all, double value) {
    if (!is_counting) return;
    if (all->used == all->room) {
        all->room = all->room ? all->room * 2 : 4096;
        all->values = realloc(all->values, all->room * sizeof *all->values);
    }
    all->values[all->used++] = value;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(samples *all) {
    if (!all->used) return 0;
    qsort(all->values, all->used, sizeof *all->values, by_size);
    return all->values[all->used / 2];
}

static void dial(stream *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, sizeof address)) {
        perror("streams: cannot connect");
        exit(1);
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &interest);
}

static void ask(stream *s) {
    s->in_body = s->has_byte = s->status_used = 0;
    s->tail = 0;
    s->start_us = now_us();
    if (send(s->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) failed++;
}

static void again(stream *s, int is_good) {
    if (is_good) {
        if (is_counting) ended++;
        note(&whole, (double)(now_us() - s->start_us));
    } else {
        failed++; /* counted outside the window too: none may fail */
        close(s->fd);
        dial(s);
    }
    ask(s);
}

static int ends_with(uint64_t tail, const char *word, int bytes) {
    uint64_t wanted = 0, mask = (1ull << (8 * bytes)) - 1;
    for (int i = 0; i < bytes; i++) wanted = wanted << 8 | (unsigned char)word[i];
    return (tail & mask) == wanted;
}

/* One byte at a time, so that it does not matter how reads cut the answer. Returns 1 at the end of the answer. */
static int take(stream *s, char byte) {
    s->tail = s->tail << 8 | (unsigned char)byte;
    if (!s->in_body) {
        if (s->status_used < STATUS_BYTES) s->status[s->status_used++] = byte;
        s->in_body = ends_with(s->tail, "\r\n\r\n", 4);
        if (s->in_body) s->tail = 0;
        return 0;
    }
    if (byte != '\n') return 0;
    if (ends_with(s->tail, "\n\n", 2)) events += (uint64_t)is_counting;
    return ends_with(s->tail, "0\r\n\r\n", 5);
}

static void receive(stream *s) {
    static char bytes[READ_BYTES];
    ssize_t count = recv(s->fd, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return again(s, 0);
    int is_end = 0;
    for (ssize_t i = 0; i < count; i++) {
        is_end = take(s, bytes[i]);
        if (s->in_body && s->status_used && memcmp(s->status + 9, "200", 3)) return again(s, 0);
    }
    if (s->in_body && !s->has_byte && s->tail) {
        s->has_byte = 1;
        note(&first_byte, (double)(now_us() - s->start_us));
    }
    if (is_end) again(s, 1);
}

int main(int count, char **words) {
    if (count != 6) return fputs("usage: streams PORT REQUEST_FILE STREAMS RAMP_MS WINDOW_MS\n", stderr), 2;
    port = atoi(words[1]);
    FILE *file = fopen(words[2], "rb");
    if (!file) return perror("streams: request file"), 1;
    request_bytes = fread(request, 1, sizeof request, file);
    fclose(file);
    int streams = atoi(words[3]), started = 0;
    uint64_t ramp_us = strtoull(words[4], NULL, 10) * 1000, window_us = strtoull(words[5], NULL, 10) * 1000;
    poller = epoll_create1(0);
    stream *all = calloc((size_t)streams, sizeof *all);
    for (int i = 0; i < streams; i++) dial(&all[i]);

    uint64_t begin = now_us(), window = 0, now;
    struct epoll_event ready[EVENTS];
    for (;;) {
        now = now_us();
        while (started < streams && now - begin >= ramp_us * (uint64_t)started / (uint64_t)streams) ask(&all[started++]);
        if (!window && now - begin >= ramp_us) {
            puts("window");
            fflush(stdout);
            window = now_us();
            is_counting = 1;
        }
        if (window && now - window >= window_us && now > window) break;
        int found = epoll_wait(poller, ready, EVENTS, started < streams ? 1 : 5);
        for (int i = 0; i < found; i++) receive(ready[i].data.ptr);
    }
    double seconds = (double)(now - window) / 1e6;
    printf("{\"seconds\":%.4f,\"events\":%lu,\"ended\":%lu,\"failed\":%lu,\"first_byte_us\":%.1f,\"whole_us\":%.1f}\n",
           seconds, events, ended, failed, median(&first_byte), median(&whole));
    return 0;
}
