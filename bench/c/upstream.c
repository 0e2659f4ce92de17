/* A fast upstream for the benchmark: OpenAI's chat completions with one fixed answer, whole or streamed.
 *
 *     upstream PORT CHUNKS PACE_US
 *
 * One thread, epoll, loopback only. A body with "stream":true is answered by CHUNKS server-sent events, PACE_US
 * microseconds apart, each in a write of its own; the last two are the usage and [DONE]. Any other POST gets about 600
 * bytes of JSON at once. Requests need Content-Length; one at a time per connection (no pipelining).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES = 16384, EVENTS = 512, BACKLOG = 4096 };

typedef struct stream_connection {
    int fd, sent, is_streaming;
    uint64_t due_us;
    struct stream_connection *before, *after; /* in the queue of streams, by `due_us` */
    size_t used;
    char request[REQUEST_BYTES + 1];
} connection;

static int poller, chunks;
static uint64_t pace_us;
static connection *first, *last; /* the queue: with one pace for all, a new due time nearly always goes to its end */

static const char ANSWER[] =
    "{\"id\":\"chatcmpl-C1bench0000000000000000000000\",\"object\":\"chat.completion\",\"created\":1790000000,"
    "\"model\":\"bench-model-2026-11-01\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"The gateway checks a key, picks a channel and counts tokens.\",\"refusal\":null,\"annotations\":[]},"
    "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":13,"
    "\"total_tokens\":74,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}},\"service_tier\":\"default\"}";
static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n";
#define EVENT_START                                                                                                    \
    "data: {\"id\":\"chatcmpl-C1bench0000000000000000000001\",\"object\":\"chat.completion.chunk\",\"created\":1790000000," \
    "\"model\":\"bench-model-2026-11-01\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench00001\","

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The queue. */

static void leave_queue(connection *c) {
    *(c->before ? &c->before->after : &first) = c->after;
    *(c->after ? &c->after->before : &last) = c->before;
    c->before = c->after = NULL;
}

static void enter_queue(connection *c) {
    connection *before = last;
    while (before && before->due_us > c->due_us) before = before->before;
    c->before = before;
    c->after = before ? before->after : first;
    *(c->before ? &c->before->after : &first) = c;
    *(c->after ? &c->after->before : &last) = c;
}

/* Answers. */

static void drop(connection *c) {
    if (c->is_streaming) leave_queue(c);
    close(c->fd); /* also takes it out of the poller */
    free(c);
}

/* A whole answer is far smaller than a socket's buffer, so a short write means a peer that has stopped reading: it is
 * dropped, and the load's counters show it. */
static int put(connection *c, const char *bytes, size_t count) {
    return send(c->fd, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

static int put_whole(connection *c) {
    char bytes[sizeof ANSWER + 256];
    int count = snprintf(bytes, sizeof bytes,
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\n"
                         "Content-Length: %zu\r\n\r\n%s", sizeof ANSWER - 1, ANSWER);
    return put(c, bytes, (size_t)count);
}

static int put_event(connection *c) {
    char event[1024], bytes[1100];
    int number = c->sent++, left = chunks - c->sent, size;
    if (left == 0)
        size = snprintf(event, sizeof event, "data: [DONE]\n\n");
    else if (left == 1)
        size = snprintf(event, sizeof event,
                        EVENT_START "\"choices\":[],\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":%d,"
                                    "\"total_tokens\":%d}}\n\n", chunks - 3, chunks + 58);
    else if (left == 2)
        size = snprintf(event, sizeof event,
                        EVENT_START "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                                    "\"finish_reason\":\"stop\"}],\"usage\":null}\n\n");
    else
        size = snprintf(event, sizeof event,
                        EVENT_START "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word%d \"},\"logprobs\":null,"
                                    "\"finish_reason\":null}],\"usage\":null}\n\n", number);
    int count = snprintf(bytes, sizeof bytes, "%x\r\n%s\r\n%s", size, event, left ? "" : "0\r\n\r\n");
    return put(c, bytes, (size_t)count);
}

/* Sends what is due. Where the process was late, the next event still keeps to the stream's own beat. */
static void serve_due(void) {
    uint64_t now = now_us();
    while (first && first->due_us <= now) {
        connection *c = first;
        leave_queue(c);
        c->is_streaming = 0;
        if (!put_event(c)) {
            drop(c);
        } else if (c->sent < chunks) {
            c->due_us += pace_us;
            c->is_streaming = 1;
            enter_queue(c);
        }
    }
}

/* Requests. */

static int wants_stream(const char *body) {
    return strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true");
}

static int answer(connection *c, const char *body) {
    if (!wants_stream(body)) return put_whole(c);
    if (!put(c, STREAM_HEAD, sizeof STREAM_HEAD - 1)) return 0;
    c->sent = 0;
    c->due_us = now_us();
    c->is_streaming = 1;
    enter_queue(c);
    return 1;
}

/* 0: the connection cannot go on. */
static int read_request(connection *c) {
    ssize_t count = recv(c->fd, c->request + c->used, REQUEST_BYTES - c->used, 0);
    if (count < 0) return errno == EAGAIN;
    if (count == 0 || c->is_streaming) return 0;
    c->used += (size_t)count;
    c->request[c->used] = 0;
    char *end = strstr(c->request, "\r\n\r\n");
    if (!end) return c->used < REQUEST_BYTES;
    char *length = strcasestr(c->request, "\r\nContent-Length:");
    if (!length || length > end) return 0;
    size_t whole = (size_t)(end + 4 - c->request) + strtoul(length + 17, NULL, 10);
    if (c->used < whole) return whole <= REQUEST_BYTES;
    c->used = 0;
    return answer(c, end + 4);
}

static void watch(int fd, void *who) {
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = who};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest);
}

static void welcome(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        watch(fd, c);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG)) {
        perror("upstream: cannot listen");
        exit(1);
    }
    return fd;
}

static int timeout_ms(void) {
    if (!first) return -1;
    uint64_t now = now_us();
    return first->due_us <= now ? 0 : (int)((first->due_us - now + 999) / 1000);
}

int main(int count, char **words) {
    if (count != 4) return fputs("usage: upstream PORT CHUNKS PACE_US\n", stderr), 2;
    chunks = atoi(words[2]);
    pace_us = strtoull(words[3], NULL, 10);
    poller = epoll_create1(0);
    int listener = listen_on(atoi(words[1]));
    watch(listener, NULL);
    struct epoll_event ready[EVENTS];
    for (;;) {
        int found = epoll_wait(poller, ready, EVENTS, timeout_ms());
        for (int i = 0; i < found; i++) {
            connection *c = ready[i].data.ptr;
            if (!c) welcome(listener);
            else if (!read_request(c)) drop(c);
        }
        serve_due();
    }
}
