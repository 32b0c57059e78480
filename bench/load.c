/* The load generator of the benchmarks: one thread, epoll, no dependency.
 *
 *   load serve                      listens on a free port of 127.0.0.1, prints it, serves until stdin ends
 *   load MODE HOST PORT CONNS SECS  puts load on it and prints one line of JSON
 *
 * Every server greets like an SSH server, so that an emulator takes it for a build VM. Then the client's first byte
 * says what it wants: U sink, D source, E echo, R echo once and close. MODE: up, down, ping, rate, idle.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GREETING "SSH-2.0-load\r\n"
#define GREETING_BYTES (sizeof GREETING - 1)
#define CHUNK (1 << 18)
#define MESSAGE 64
#define AT_ONCE 256 /* idle connections that wait for their greeting: no queue of the kernel overflows */
#define SLOTS (1 << 20) /* microseconds of latency that have a slot of their own */

struct end { int fd; char state; uint32_t got; uint64_t began; };

static char chunk[CHUNK];
static uint32_t slots[SLOTS];

static void die(const char *what) { perror(what); exit(2); }

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void watch(int epoll, struct end *end, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = end};
    if (epoll_ctl(epoll, how, end->fd, &event) < 0) die("epoll_ctl");
}

static void drop(struct end *end) { close(end->fd); free(end); }

/* ---- the server ---- */

static int serve_one(int epoll, struct end *end, uint32_t events)
{
    if (end->state == 'D' && (events & EPOLLOUT)) {
        ssize_t sent = send(end->fd, chunk, CHUNK, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return 0;
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return 1;
    ssize_t count = recv(end->fd, chunk, CHUNK, 0);
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return 0;
    if (!end->state) {
        end->state = chunk[0];
        if (end->state == 'D') watch(epoll, end, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
    if (end->state == 'E' || end->state == 'R') {
        if (send(end->fd, chunk, count, MSG_NOSIGNAL) != count) return 0;
        end->got += count;
        if (end->state == 'R' && end->got >= MESSAGE) return 0;
    }
    return 1;
}

static void take(int epoll, int listening)
{
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (send(fd, GREETING, GREETING_BYTES, MSG_NOSIGNAL) < 0) { close(fd); continue; }
        struct end *end = calloc(1, sizeof *end);
        end->fd = fd;
        watch(epoll, end, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int serve(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    if (bind(listening, (void *)&at, sizeof at) || listen(listening, 4096)) die("listen");
    getsockname(listening, (void *)&at, &size);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    struct end self = {.fd = listening}, input = {.fd = 0};
    watch(epoll, &self, EPOLLIN, EPOLL_CTL_ADD);
    watch(epoll, &input, EPOLLIN, EPOLL_CTL_ADD);
    struct epoll_event ready[256];
    for (;;) {
        int count = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            struct end *end = ready[i].data.ptr;
            if (end == &input) return 0;
            if (end == &self) take(epoll, listening);
            else if (!serve_one(epoll, end, ready[i].events)) drop(end);
        }
    }
}

/* ---- the client ---- */

static struct sockaddr_in target;
static uint64_t bytes, turns, failures;
static char mode;

static void open_one(int epoll)
{
    struct end *end = calloc(1, sizeof *end);
    int one = 1;
    end->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    end->began = now_ns();
    if (end->fd < 0) die("socket");
    setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(end->fd, (void *)&target, sizeof target) && errno != EINPROGRESS) die("connect");
    watch(epoll, end, EPOLLIN, EPOLL_CTL_ADD);
}

static int ask(struct end *end)
{
    char message[MESSAGE];
    memset(message, mode, MESSAGE);
    end->got = 0;
    if (mode == 'E') end->began = now_ns();
    return send(end->fd, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE;
}

static void note(struct end *end)
{
    uint64_t micro = (now_ns() - end->began) / 1000;
    slots[micro < SLOTS ? micro : SLOTS - 1]++;
    turns++;
}

/* Whether the connection goes on. */
static int drive(int epoll, struct end *end, uint32_t events)
{
    if (end->state && mode == 'U' && (events & EPOLLOUT)) {
        ssize_t sent = send(end->fd, chunk, CHUNK, MSG_NOSIGNAL);
        if (sent > 0) bytes += sent;
        else if (errno != EAGAIN) { failures++; return 0; }
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return 1;
    ssize_t count = recv(end->fd, chunk, end->state ? CHUNK : GREETING_BYTES - end->got, 0);
    if (count < 0 && errno == EAGAIN) return 1;
    if (count <= 0) {
        if (mode == 'R' && end->state && count == 0 && end->got >= MESSAGE) note(end);
        else failures++;
        return 0;
    }
    end->got += count;
    if (!end->state) {
        if (end->got < GREETING_BYTES) return 1;
        end->state = 1;
        if (mode == 'I') return 1;
        if (mode == 'U') watch(epoll, end, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        return ask(end);
    }
    bytes += count;
    if (mode == 'E' && end->got >= MESSAGE) { note(end); return ask(end); }
    return 1;
}

static double percentile(double share)
{
    uint64_t wanted = turns * share, seen = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        if ((seen += slots[i]) > wanted) return i;
    return 0;
}

static double cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int put_load(const char *what, const char *host, int port, int connections, double seconds)
{
    static const struct { const char *name; char mode; } modes[] = {
        {"up", 'U'}, {"down", 'D'}, {"ping", 'E'}, {"rate", 'R'}, {"idle", 'I'}};
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(what, modes[i].name)) mode = modes[i].mode;
    if (!mode || connections < 1 || seconds <= 0) { fprintf(stderr, "load: wrong arguments\n"); return 2; }
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    inet_pton(AF_INET, host, &target.sin_addr);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int epoll = epoll_create1(0);
    struct epoll_event ready[256];
    struct end input = {.fd = 0};
    if (mode == 'I') watch(epoll, &input, EPOLLIN, EPOLL_CTL_ADD);
    uint64_t began = now_ns(), until = began + (uint64_t)(seconds * 1e9);
    int open = 0, greeted = 0;
    while (now_ns() < until || mode == 'I') {
        for (int few = 0; open < connections && few < 64 && (mode != 'I' || open - greeted < AT_ONCE); few++, open++)
            open_one(epoll);
        int count = epoll_wait(epoll, ready, 256, open < connections ? 0 : 20);
        for (int i = 0; i < count; i++) {
            struct end *end = ready[i].data.ptr;
            if (end == &input) return 0;
            char before = end->state;
            if (!drive(epoll, end, ready[i].events)) { drop(end); open--; }
            else if (!before && end->state && ++greeted == connections && mode == 'I') {
                printf("%d\n", greeted);
                fflush(stdout);
            }
        }
    }
    double taken = (now_ns() - began) / 1e9;
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"turns\": %llu, \"failures\": %llu, \"cpu\": %.4f, "
           "\"p50\": %.0f, \"p90\": %.0f, \"p99\": %.0f, \"p999\": %.0f}\n",
           taken, (unsigned long long)bytes, (unsigned long long)turns, (unsigned long long)failures, cpu(),
           percentile(.5), percentile(.9), percentile(.99), percentile(.999));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "serve")) return serve();
    if (argc == 6) return put_load(argv[1], argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]));
    fprintf(stderr, "usage: load serve | load up|down|ping|rate|idle HOST PORT CONNECTIONS SECONDS\n");
    return 2;
}
