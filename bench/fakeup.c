/* fakeup: a fake model provider in one thread, in the shape of OpenAI's chat completions.
 *
 *   fakeup PORT [CHUNKS] [INTERVAL_US] [LATENCY_US]
 *
 * A request without "stream": true is answered with about 1 KB of JSON that carries usage, at once or after LATENCY_US.
 * A request with it is answered with CHUNKS server-sent events, one each INTERVAL_US, then usage and [DONE]. Each chunk
 * carries " @<CLOCK_MONOTONIC in ns> " in its text, so that a client on the same machine can measure how long it was under
 * way. The headers X-Chunks and X-Interval-Us override the two numbers where a gateway lets them through.
 *
 * It reads just enough HTTP/1.1 for a benchmark and is not a server for anything else.
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 65536
#define BUFFER_SIZE (1 << 19)
#define MAX_EVENTS 512
#define CHUNK_HEAD                                                                                                     \
    "data: {\"id\":\"chatcmpl-B0123456789abcdefghij\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,"     \
    "\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_50cad350e4\","

/* What a connection owes: nothing, the rest of a stream, or one delayed answer. */
enum owed { NOTHING, STREAM, ANSWER };

typedef struct {
    enum owed owed;
    int length;       /* bytes in `in` */
    int chunks_left;
    uint64_t due;     /* when the next chunk, or the delayed answer, is to be sent */
    uint64_t interval;
    char *in;
} connection;

static connection connections[MAX_CONNECTIONS];
static int active[MAX_CONNECTIONS], active_count; /* descriptors of the connections that owe something */
static int default_chunks = 500, default_interval_us = 20000, latency_us = 0;
static char answer[4096];
static int answer_length;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void activate(int fd, enum owed owed, uint64_t due) {
    connections[fd].owed = owed;
    connections[fd].due = due;
    active[active_count++] = fd;
}

static void deactivate(int index) {
    connections[active[index]].owed = NOTHING;
    active[index] = active[--active_count];
}

static void drop(int fd) {
    close(fd);
    for (int i = 0; i < active_count; i++)
        if (active[i] == fd) {
            deactivate(i);
            break;
        }
    connections[fd].length = 0;
}

/* Writes all of it. A reader that is too slow holds everybody up: the harness would see it as delay of all streams. */
static void send_all(int fd, const char *bytes, int length) {
    while (length > 0) {
        int written = write(fd, bytes, length);
        if (written < 0) {
            if (errno != EAGAIN) return;
            usleep(50);
            continue;
        }
        bytes += written;
        length -= written;
    }
}

static int is_streamed(const char *body, const char *end) {
    const char *at = memmem(body, end - body, "\"stream\"", 8);
    if (!at) return 0;
    at += 8;
    while (at < end && (*at == ' ' || *at == ':')) at++;
    return end - at > 3 && !memcmp(at, "true", 4);
}

static void start_stream(int fd, int chunks, int interval_us) {
    static const char head[] = "HTTP/1.1 200 OK\r\nserver: fakeup\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                               "cache-control: no-cache\r\nx-request-id: req_0123456789abcdef\r\n"
                               "transfer-encoding: chunked\r\n\r\n";
    connection *c = &connections[fd];
    send_all(fd, head, sizeof head - 1);
    c->chunks_left = chunks;
    c->interval = interval_us * 1000ull;
    /* A random first delay keeps the streams from ticking in step. */
    activate(fd, STREAM, now() + (c->interval ? (uint64_t)(rand() % 1000) * c->interval / 1000 : 0));
}

static void send_models(int fd) {
    static const char models[] =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 96\r\n\r\n"
        "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o-mini\",\"object\":\"model\",\"created\":1,\"owned_by\":\"fakeup\"}]}";
    send_all(fd, models, sizeof models - 1);
}

/* Answers every whole request in the buffer, and stops at the first that is owed something for later. */
static void answer_requests(int fd) {
    connection *c = &connections[fd];
    while (c->owed == NOTHING && c->length) {
        c->in[c->length] = 0;
        char *head_end = strstr(c->in, "\r\n\r\n");
        if (!head_end) return;
        char kept = head_end[2];
        head_end[2] = 0; /* so that the searches below stay within the head */
        char *length_field = strcasestr(c->in, "\r\ncontent-length:");
        char *chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked");
        char *chunks_field = strcasestr(c->in, "\r\nx-chunks:");
        char *interval_field = strcasestr(c->in, "\r\nx-interval-us:");
        int chunks = chunks_field ? atoi(chunks_field + 11) : default_chunks;
        int interval_us = interval_field ? atoi(interval_field + 16) : default_interval_us;
        long body_length = length_field ? atol(length_field + 17) : 0;
        head_end[2] = kept;

        char *body = head_end + 4;
        long have = c->length - (body - c->in);
        if (chunked && !length_field) {
            char *last = memmem(body, have, "0\r\n\r\n", 5);
            if (!last) return;
            body_length = last + 5 - body;
        } else if (have < body_length) {
            return;
        }
        char *end = body + body_length;

        if (!memcmp(c->in, "GET ", 4)) send_models(fd);
        else if (is_streamed(body, end)) start_stream(fd, chunks, interval_us);
        else if (latency_us) activate(fd, ANSWER, now() + latency_us * 1000ull);
        else send_all(fd, answer, answer_length);

        c->length -= end - c->in;
        memmove(c->in, end, c->length);
    }
}

static void send_chunk(int fd) {
    char event[1024], framed[1200];
    int length = snprintf(event, sizeof event,
                          CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" @%llu \"},\"logprobs\":null,"
                                     "\"finish_reason\":null}],\"usage\":null}\n\n",
                          (unsigned long long)now());
    int total = snprintf(framed, sizeof framed, "%x\r\n%s\r\n", length, event);
    send_all(fd, framed, total);
}

static void send_last_chunks(int fd) {
    static const char usage[] =
        CHUNK_HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":500,\"total_tokens\":710,"
                   "\"prompt_tokens_details\":{\"cached_tokens\":128},"
                   "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n";
    static const char done[] = "data: [DONE]\n\n";
    char framed[1200];
    int total = snprintf(framed, sizeof framed, "%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", (int)sizeof usage - 1, usage,
                         (int)sizeof done - 1, done);
    send_all(fd, framed, total);
}

/* Sends what is due at `time`. */
static void tick(uint64_t time) {
    for (int i = 0; i < active_count; i++) {
        int fd = active[i];
        connection *c = &connections[fd];
        if (c->due > time) continue;
        if (c->owed == STREAM && c->chunks_left > 0) {
            c->chunks_left--;
            send_chunk(fd);
            c->due += c->interval;
            if (c->due < time) c->due = time + c->interval; /* late: go on from here, do not send a burst */
            continue;
        }
        enum owed owed = c->owed;
        deactivate(i--);
        if (owed == STREAM) send_last_chunks(fd);
        else send_all(fd, answer, answer_length);
        answer_requests(fd);
    }
}

static void build_answer(void) {
    char body[3000], text[1024] = "";
    for (int i = 0; i < 11; i++) strcat(text, "The quick brown fox jumps over the lazy dog; ");
    int length = snprintf(
        body, sizeof body,
        "{\"id\":\"chatcmpl-B0123456789abcdefghij\",\"object\":\"chat.completion\",\"created\":1741569952,"
        "\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\","
        "\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":110,\"total_tokens\":320,"
        "\"prompt_tokens_details\":{\"cached_tokens\":128,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
        "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_50cad350e4\"}",
        text);
    answer_length = snprintf(answer, sizeof answer,
                             "HTTP/1.1 200 OK\r\nserver: fakeup\r\ncontent-type: application/json\r\n"
                             "x-request-id: req_0123456789abcdef\r\nx-ratelimit-remaining-requests: 9999\r\n"
                             "x-ratelimit-remaining-tokens: 149999\r\ncontent-length: %d\r\n\r\n%s",
                             length, body);
}

static void accept_all(int listener, int epoll) {
    int fd, one = 1;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!connections[fd].in) connections[fd].in = malloc(BUFFER_SIZE + 1);
        connections[fd].length = 0;
        connections[fd].owed = NOTHING;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void receive(int fd) {
    connection *c = &connections[fd];
    int got = read(fd, c->in + c->length, BUFFER_SIZE - c->length);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(fd);
        return;
    }
    c->length += got;
    answer_requests(fd);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: fakeup PORT [CHUNKS] [INTERVAL_US] [LATENCY_US]\n");
        return 2;
    }
    if (argc > 2) default_chunks = atoi(argv[2]);
    if (argc > 3) default_interval_us = atoi(argv[3]);
    if (argc > 4) latency_us = atoi(argv[4]);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1); /* the default rounds a wait up by 50 us */
    build_answer();

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("fakeup: bind");
        return 1;
    }
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[MAX_EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);

    for (;;) {
        struct timespec wait, *timeout = 0;
        uint64_t time = now(), soonest = UINT64_MAX;
        for (int i = 0; i < active_count; i++)
            if (connections[active[i]].due < soonest) soonest = connections[active[i]].due;
        if (active_count) {
            uint64_t ns = soonest > time ? soonest - time : 0;
            wait = (struct timespec){.tv_sec = ns / 1000000000ull, .tv_nsec = ns % 1000000000ull};
            timeout = &wait;
        }
        int count = epoll_pwait2(epoll, events, MAX_EVENTS, timeout, 0);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) accept_all(listener, epoll);
            else receive(events[i].data.fd);
        }
        if (active_count) tick(now());
    }
}
