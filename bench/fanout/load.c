/* The load: thousands of WebSocket viewers in one epoll loop.

   load PORT GROUP...        GROUP is NAME:COUNT:ACK_EVERY:READ_MS:KIND
     ACK_EVERY  0 never acknowledges; else hello, and every so manieth frame that was read
     READ_MS    0 reads whatever comes; else one message every so many milliseconds
     KIND       stay | never (does not read after its handshake) | churn (comes and goes)

   Says `ready` when everyone has been let in. Then every line on stdin is answered by one line of JSON about what has
   come since the last, and the end of stdin ends it. Frames are followed by the "seq" and "t_ns" at their front. */

#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, AT_ONCE = 64, EVENTS = 512, TICK_MS = 5, READY_SECONDS = 60 };

static Group groups[MOST_GROUPS];
static Viewer *viewers;
static int group_count, viewer_count, opening, poller, port, ready;

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long in_ms(int least, int most) { return now_ns() + (least + rand() % (most - least + 1)) * 1000000LL; }

static void watch(Viewer *viewer, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = viewer};
    if (epoll_ctl(poller, operation, viewer->fd, &event) < 0 && operation != EPOLL_CTL_DEL) perror("epoll_ctl");
}

static void leave(Viewer *viewer) {
    if (viewer->state == OPENING) opening--;
    if (viewer->state == OPEN) viewer->group->open--;
    close(viewer->fd);
    viewer->fd = -1;
    viewer->state = AWAY;
    viewer->held = 0;
    /* Who was not let in tries again; who was, only where that is its nature. */
    viewer->due_ns = viewer->group->kind == CHURN || !ready ? in_ms(50, 500) : 0;
}

static void enter(Viewer *viewer) {
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int one = 1;
    viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (viewer->fd < 0) { perror("socket"); exit(1); }
    setsockopt(viewer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    viewer->state = OPENING;
    viewer->seq = viewer->read = viewer->told = 0;
    opening++;
    if (connect(viewer->fd, (struct sockaddr *)&there, sizeof there) < 0 && errno != EINPROGRESS) { leave(viewer); return; }
    watch(viewer, EPOLL_CTL_ADD, EPOLLOUT);
}

static void ask(Viewer *viewer) {
    char text[256];
    int size = snprintf(text, sizeof text,
                        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n", port);
    if (write(viewer->fd, text, size) != size) { leave(viewer); return; }
    watch(viewer, EPOLL_CTL_MOD, EPOLLIN);
}

/* A masked frame; the mask is zero, which says the same. */
void send_frame(Viewer *viewer, int opcode, const char *payload, int size) {
    char frame[140] = {(char)(0x80 | opcode), (char)(0x80 | size)};
    memcpy(frame + 6, payload, size);
    if (write(viewer->fd, frame, 6 + size) < 0) viewer->group->unsent++;
}

/* Reads what is there, or at most `most` bytes, and says how many; -1 when the connection is gone. */
static int take(Viewer *viewer, char *chunk, int most) {
    memcpy(chunk, viewer->kept, viewer->held);
    ssize_t got = recv(viewer->fd, chunk + viewer->held, most, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return -1;
    int size = viewer->held + (got > 0 ? (int)got : 0), at = 0;
    if (viewer->state == OPENING) {
        char *end = memmem(chunk, size, "\r\n\r\n", 4);
        if (end != NULL) {
            if (strncmp(chunk, "HTTP/1.1 101", 12) != 0) return -1;
            at = (int)(end - chunk) + 4;
            viewer->state = OPEN;
            viewer->group->open++;
            opening--;
            viewer->due_ns = viewer->group->kind == CHURN ? in_ms(500, 3000) : now_ns();
            if (viewer->group->read_ms || viewer->group->kind == NEVER) watch(viewer, EPOLL_CTL_MOD, EPOLLRDHUP);
        }
    }
    long long now = now_ns();
    for (int used; viewer->state == OPEN && (used = message(viewer, chunk + at, size - at, now)) != 0; at += used)
        if (used < 0) return -1;
    viewer->held = size - at;
    if (viewer->held > viewer->space) {
        viewer->space = viewer->held + 4096;
        viewer->kept = realloc(viewer->kept, viewer->space);
    }
    memcpy(viewer->kept, chunk + at, viewer->held);
    return got > 0 ? (int)got : 0;
}

/* One frame and what stands before it, no byte more; what is missing of it comes later. */
static int take_one(Viewer *viewer, char *chunk) {
    for (long long before = viewer->read; viewer->read == before;) {
        int wanted = missing(viewer->kept, viewer->held), got = take(viewer, chunk, wanted);
        if (got < wanted) return got;
    }
    return 0;
}

static void pass_time(Viewer *viewer, char *chunk, long long now) {
    Group *group = viewer->group;
    if (viewer->state == AWAY && viewer->due_ns && now >= viewer->due_ns && opening < AT_ONCE) {
        viewer->due_ns = 0;
        enter(viewer);
    } else if (ready && viewer->state == OPEN && group->kind == CHURN && now >= viewer->due_ns) {
        struct linger rudely = {1, 0};
        int how = rand() % 3; /* a close frame, a plain end, or a reset */
        if (how == 0) send_frame(viewer, 8, "\x03\xe8", 2);
        if (how == 2) setsockopt(viewer->fd, SOL_SOCKET, SO_LINGER, &rudely, sizeof rudely);
        group->visits++;
        leave(viewer);
    } else if (viewer->state == OPEN && group->read_ms && now >= viewer->due_ns) {
        viewer->due_ns += group->read_ms * 1000000LL;
        if (take_one(viewer, chunk) < 0) { group->dropped++; leave(viewer); }
    }
}

static void happened(Viewer *viewer, unsigned events, char *chunk) {
    if (viewer->state == OPENING && (events & EPOLLOUT)) { ask(viewer); return; }
    if (events & EPOLLIN ? take(viewer, chunk, CHUNK) < 0 : events != 0) {
        viewer->group->dropped++;
        leave(viewer);
    }
}

static void parse_group(const char *text, Group *group) {
    char kind[8] = "";
    if (sscanf(text, "%31[^:]:%d:%d:%d:%7s", group->name, &group->count, &group->ack_every, &group->read_ms, kind) != 5) {
        fprintf(stderr, "load: %s is not NAME:COUNT:ACK_EVERY:READ_MS:KIND\n", text);
        exit(2);
    }
    group->kind = kind[0] == 'n' ? NEVER : kind[0] == 'c' ? CHURN : STAY;
    group->delays = calloc(BUCKETS, sizeof *group->delays);
    viewer_count += group->count;
}

/* Answers a line on stdin; 0 at its end. */
static int answered(void) {
    char line[64];
    ssize_t got = read(0, line, sizeof line);
    if (got <= 0) return 0;
    report(groups, group_count, now_ns());
    return 1;
}

int main(int argc, char **argv) {
    static char chunk[CHUNK * 2];
    struct epoll_event events[EVENTS], input = {.events = EPOLLIN};
    poller = epoll_create1(0);
    port = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 2; i < argc && group_count < MOST_GROUPS; i++) parse_group(argv[i], &groups[group_count++]);
    viewers = calloc(viewer_count + 1, sizeof *viewers);
    Viewer *viewer = viewers;
    for (int g = 0; g < group_count; g++)
        for (int i = 0; i < groups[g].count; i++) *viewer++ = (Viewer){.group = &groups[g], .fd = -1, .due_ns = 1};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    long long ticked_ns = 0, deadline_ns = now_ns() + READY_SECONDS * 1000000000LL;
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, TICK_MS);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL) happened(events[i].data.ptr, events[i].events, chunk);
            else if (!answered()) return 0;
        }
        long long now = now_ns();
        if (now - ticked_ns < TICK_MS * 1000000LL) continue;
        ticked_ns = now;
        int open = 0;
        for (viewer = viewers; viewer < viewers + viewer_count; viewer++) pass_time(viewer, chunk, now);
        for (int g = 0; g < group_count; g++) open += groups[g].open;
        if (!ready && open == viewer_count) { ready = 1; puts("ready"); fflush(stdout); }
        if (!ready && now > deadline_ns) { fprintf(stderr, "load: only %d of %d were let in\n", open, viewer_count); return 3; }
    }
}
