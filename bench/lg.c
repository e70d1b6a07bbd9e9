/* lg: a load generator in one thread. Prints one line of JSON.
 *
 *   lg closed PORT CONNECTIONS SECONDS          each connection sends its next request when the last was answered
 *   lg open   PORT CONNECTIONS SECONDS RATE     Poisson arrivals; latency counts from the moment a request was due and
 *                                               noticed (the wait for a free connection is in, lg's own late waking not)
 *   lg sse    PORT STREAMS SECONDS CHUNKS INTERVAL_US    streams of fakeup; the delay of each chunk, one way
 *
 * Environment: LG_PATH, LG_AUTH (bearer token), LG_MODEL, LG_BODY (a file to send instead of the 1 KB body),
 * LG_HEADERS (further header lines, each ending in CRLF).
 *
 * Of the answers it counts those that are not 200 and the connections that broke; the first bad answer goes to stderr.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define MAX_BODY (1 << 20)
#define MAX_SAMPLES 20000000
#define MAX_EVENTS 512
#define DRAIN_NS 3000000000ull /* how long answers still under way at the end are waited for */

typedef struct {
    int fd, busy, head_read, chunked, length, ended;
    long body_length;
    uint64_t sent_at;
    char in[BUFFER_SIZE + 1];
} connection;

static connection *connections;
static int connection_count, epoll, port;
static char *request;
static int request_length;
static uint64_t *samples; /* ns */
static long sample_count, errors, not_200, reconnects;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void record(uint64_t ns) {
    if (sample_count < MAX_SAMPLES) samples[sample_count++] = ns;
}

/* The samples must be sorted. */
static double quantile_us(double q) { return sample_count ? samples[(long)(q * (sample_count - 1))] / 1000.0 : 0; }

static double mean_us(void) {
    double sum = 0;
    for (long i = 0; i < sample_count; i++) sum += samples[i];
    return sample_count ? sum / sample_count / 1000 : 0;
}

/* Uniform in [0, 1), from a fixed seed: every run sees the same arrivals. */
static double uniform(void) {
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) * (1.0 / 9007199254740992.0);
}

static void open_connection(int i) {
    connection *c = &connections[i];
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&address, sizeof address)) {
        perror("lg: connect");
        exit(1);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
    c->busy = c->length = c->head_read = 0;
}

static void send_request(int i, uint64_t at) {
    connection *c = &connections[i];
    c->busy = 1;
    c->head_read = c->length = c->chunked = 0;
    c->body_length = 0;
    c->sent_at = at;
    for (int sent = 0; sent < request_length;) {
        int written = write(c->fd, request + sent, request_length - sent);
        if (written < 0) {
            errors++;
            return;
        }
        sent += written;
    }
}

static void check_status(connection *c) {
    if (!strncmp(c->in + 9, "200", 3)) return;
    if (!not_200++) fprintf(stderr, "first answer that is not 200: %.400s\n", c->in);
}

/* Whether the whole answer is here. Sets *closing if the server will close the connection after it. */
static int is_complete(connection *c, int *closing) {
    if (!c->head_read) {
        c->in[c->length] = 0;
        char *end = strstr(c->in, "\r\n\r\n");
        if (!end) return 0;
        c->head_read = 1;
        check_status(c);
        end[2] = 0;
        char *length_field = strcasestr(c->in, "\r\ncontent-length:");
        c->body_length = length_field ? atol(length_field + 17) : -1;
        c->chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked") != 0;
        *closing = strcasestr(c->in, "\r\nconnection: close") != 0;
        c->length -= end + 4 - c->in;
        memmove(c->in, end + 4, c->length);
    }
    if (!c->chunked) return c->length >= c->body_length;
    if (c->length >= 5 && !memcmp(c->in + c->length - 5, "0\r\n\r\n", 5)) return 1;
    if (c->length > BUFFER_SIZE - 4096) { /* only the end of a long body is needed, to see its last chunk */
        memmove(c->in, c->in + c->length - 16, 16);
        c->length = 16;
    }
    return 0;
}

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static int default_body(char *body, int streamed) {
    int n = sprintf(body,
                    "{\"model\":\"%s\",%s\"max_tokens\":256,\"temperature\":0.2,\"messages\":[{\"role\":\"system\","
                    "\"content\":\"You are a careful assistant that answers in short sentences.\"},"
                    "{\"role\":\"user\",\"content\":\"",
                    setting("LG_MODEL", "gpt-4o-mini"),
                    streamed ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "");
    for (int i = 0; i < 16; i++) n += sprintf(body + n, "Please summarise this paragraph number %02d for me. ", i);
    return n + sprintf(body + n, "\"}]}");
}

/* `extra` is header lines of this mode. */
static void build_request(int streamed, const char *extra) {
    char *body = malloc(MAX_BODY);
    int length;
    const char *file = getenv("LG_BODY");
    if (file) {
        FILE *f = fopen(file, "r");
        if (!f) {
            perror(file);
            exit(1);
        }
        length = fread(body, 1, MAX_BODY, f);
        fclose(f);
    } else {
        length = default_body(body, streamed);
    }
    request = malloc(length + 8192);
    request_length = snprintf(request, 8192,
                              "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                              "Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: lg/1\r\n"
                              "%s%sContent-Length: %d\r\n\r\n",
                              setting("LG_PATH", "/v1/chat/completions"), port, setting("LG_AUTH", "sk-test-0001"),
                              extra, setting("LG_HEADERS", ""), length);
    memcpy(request + request_length, body, length);
    request_length += length;
    free(body);
}

/* Records the delay of each time stamp in the buffer if `counted`, keeps what may be the start of the next one, and
 * returns how many there were. */
static long take_time_stamps(connection *c, uint64_t received_at, int counted, int *done) {
    long seen = 0;
    char *end = c->in + c->length, *at = c->in, *rest = c->in;
    while ((at = memchr(at, '@', end - at))) {
        char *digits_end = at + 1;
        while (*digits_end >= '0' && *digits_end <= '9') digits_end++;
        if (digits_end == end) break;
        uint64_t stamp = strtoull(at + 1, 0, 10);
        if (stamp > 1000000) { /* not some other @ */
            seen++;
            if (counted) record(received_at - stamp);
        }
        at = rest = digits_end;
    }
    *done = strstr(rest, "[DONE]") != 0;
    int keep = end - rest;
    if (keep > 2048) keep = 2048;
    memmove(c->in, end - keep, keep);
    c->length = keep;
    return seen;
}

static void run_streams(double seconds) {
    uint64_t start = now(), end = start + seconds * 1e9, time;
    /* The streams start over the first eighth; delays count from the first quarter on. */
    uint64_t from = start + seconds * 0.25e9, to = start + seconds * 0.95e9, step = seconds * 0.12e9 / connection_count;
    long seen = 0, reads = 0, finished = 0, ended = 0;
    int started = 0;
    struct epoll_event events[MAX_EVENTS];

    while ((time = now()) < end + 2000000000ull && ended < connection_count) {
        while (started < connection_count && time >= start + step * started) send_request(started++, time);
        struct timespec wait = {0, started < connection_count ? 1000000 : 100000000};
        int count = epoll_pwait2(epoll, events, MAX_EVENTS, &wait, 0);
        for (int k = 0; k < count; k++) {
            connection *c = &connections[events[k].data.u32];
            int got = read(c->fd, c->in + c->length, BUFFER_SIZE - c->length);
            uint64_t received_at = now();
            if (got <= 0) {
                epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, 0);
                if (!c->ended) {
                    c->ended = 1;
                    ended++;
                    errors++;
                }
                continue;
            }
            reads++;
            c->length += got;
            c->in[c->length] = 0;
            if (!c->head_read && c->length > 12) {
                long before = not_200;
                c->head_read = 1;
                check_status(c);
                if (not_200 > before) {
                    c->ended = 1;
                    ended++;
                }
            }
            int done;
            seen += take_time_stamps(c, received_at, received_at >= from && received_at < to, &done);
            if (done && !c->ended) {
                c->ended = 1;
                ended++;
                finished++;
            }
        }
    }
    qsort(samples, sample_count, sizeof *samples, ascending);
    printf("{\"mode\":\"sse\",\"streams\":%d,\"seen\":%ld,\"finished\":%ld,\"reads\":%ld,\"wall\":%.3f,"
           "\"chunks_per_s\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"errs\":%ld,"
           "\"non200\":%ld}\n",
           connection_count, seen, finished, reads, (now() - start) / 1e9, sample_count / ((to - from) / 1e9),
           quantile_us(.5), quantile_us(.9), quantile_us(.99), quantile_us(1), errors, not_200);
}

/* Closed loop if `rate` is 0. */
static void run_requests(const char *mode, double seconds, double rate) {
    long done = 0, late = 0, backlog_max = 0, queue_head = 0, queue_tail = 0;
    uint64_t *queue = malloc(sizeof *queue * (size_t)(rate * seconds * 1.5 + 100000)); /* when each arrival was due */
    int *idle = malloc(sizeof *idle * connection_count), idle_count = 0, busy_count = 0;
    uint64_t start = now(), end = start + seconds * 1e9, time;
    uint64_t warm = start + (uint64_t)(rate ? 0.1e9 * seconds : 0), next = start;
    double next_exact = start;
    struct epoll_event events[MAX_EVENTS];

    for (int i = connection_count - 1; i >= 0; i--) {
        if (rate) idle[idle_count++] = i;
        else send_request(i, now()), busy_count++;
    }
    for (;;) {
        time = now();
        if (time >= end && ((queue_head == queue_tail && !busy_count) || time > end + DRAIN_NS)) break;
        while (rate && time < end && next <= time) {
            queue[queue_tail++] = time;
            next_exact += -log(1 - uniform()) / rate * 1e9;
            next = next_exact;
        }
        while (queue_head < queue_tail && idle_count > 0) {
            send_request(idle[--idle_count], queue[queue_head++]);
            busy_count++;
        }
        if (queue_tail - queue_head > backlog_max) backlog_max = queue_tail - queue_head;

        struct timespec wait = {0, 100000000};
        if (rate && time < end && next > time && next - time < 100000000ull) wait.tv_nsec = next - time;
        int count = epoll_pwait2(epoll, events, MAX_EVENTS, &wait, 0);
        for (int k = 0; k < count; k++) {
            int i = events[k].data.u32, closing = 0;
            connection *c = &connections[i];
            int got = read(c->fd, c->in + c->length, BUFFER_SIZE - c->length), was_busy = c->busy;
            if (got <= 0) {
                close(c->fd);
                open_connection(i);
                reconnects++;
                if (!was_busy) continue;
                errors++;
                busy_count--;
            } else {
                c->length += got;
                if (!was_busy || !is_complete(c, &closing)) continue;
                time = now();
                if (c->sent_at >= warm) record(time - c->sent_at);
                if (time < end || rate) done++;
                else late++;
                c->busy = 0;
                busy_count--;
                if (closing) {
                    close(c->fd);
                    open_connection(i);
                    reconnects++;
                }
            }
            if (rate) {
                idle[idle_count++] = i;
            } else if ((time = now()) < end) {
                send_request(i, time);
                busy_count++;
            }
        }
    }
    double elapsed = rate ? (now() - start) / 1e9 : seconds;
    qsort(samples, sample_count, sizeof *samples, ascending);
    printf("{\"mode\":\"%s\",\"conns\":%d,\"rate\":%.0f,\"secs\":%.2f,\"done\":%ld,\"late\":%ld,\"unanswered\":%ld,"
           "\"rps\":%.1f,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
           "\"max_us\":%.1f,\"errs\":%ld,\"non200\":%ld,\"recon\":%ld,\"backlogmax\":%ld}\n",
           mode, connection_count, rate, elapsed, done, late, busy_count + queue_tail - queue_head, done / seconds,
           mean_us(), quantile_us(.5), quantile_us(.9), quantile_us(.99), quantile_us(.999), quantile_us(1), errors,
           not_200, reconnects, backlog_max);
    free(queue);
    free(idle);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    int streamed = !strcmp(mode, "sse"), open_loop = !strcmp(mode, "open"), closed = !strcmp(mode, "closed");
    if (argc != (streamed ? 7 : open_loop ? 6 : 5) || !(streamed || open_loop || closed)) {
        fprintf(stderr, "usage: lg closed PORT CONNECTIONS SECONDS\n"
                        "       lg open PORT CONNECTIONS SECONDS RATE\n"
                        "       lg sse PORT STREAMS SECONDS CHUNKS INTERVAL_US\n");
        return 2;
    }
    port = atoi(argv[2]);
    connection_count = atoi(argv[3]);
    double seconds = atof(argv[4]);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1); /* the default rounds a wait up by 50 us */

    char extra[128] = "";
    if (streamed) snprintf(extra, sizeof extra, "X-Chunks: %d\r\nX-Interval-Us: %d\r\n", atoi(argv[5]), atoi(argv[6]));
    build_request(streamed, extra);
    connections = calloc(connection_count, sizeof *connections);
    samples = malloc(MAX_SAMPLES * sizeof *samples);
    epoll = epoll_create1(0);
    for (int i = 0; i < connection_count; i++) open_connection(i);

    if (streamed) run_streams(seconds);
    else run_requests(mode, seconds, open_loop ? atof(argv[5]) : 0);
    return 0;
}
