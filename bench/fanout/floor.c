/* The floor: what the system alone asks for sending the same bytes to every viewer. One epoll loop, one write each.

   floor HERTZ BYTES         prints the port it listens on, and ends with its stdin

   No more of the protocol than the load needs: Sec-WebSocket-Accept is any old key, and acks are read and thrown away. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536, EVENTS = 256 };

static int viewers[MOST], viewer_count, poller;
static char frame[1 << 16];

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static int listening(void) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(fd, (struct sockaddr *)&here, size) < 0 || listen(fd, 2048) < 0) { perror("floor"); exit(1); }
    getsockname(fd, (struct sockaddr *)&here, &size);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    return fd;
}

static int ticking(int hertz) {
    struct itimerspec every = {{0, 1000000000L / hertz}, {0, 1000000000L / hertz}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(fd, 0, &every, NULL);
    return fd;
}

static void leave(int fd) {
    close(fd);
    for (int i = 0; i < viewer_count; i++)
        if (viewers[i] == fd) viewers[i--] = viewers[--viewer_count];
}

static void welcome(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(fd);
    }
}

static void heard(int fd) {
    static const char yes[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    char said[4096];
    ssize_t got = read(fd, said, sizeof said);
    if (got == 0 || (got < 0 && errno != EAGAIN)) leave(fd);
    else if (got > 3 && memcmp(said, "GET", 3) == 0 && write(fd, yes, sizeof yes - 1) > 0 && viewer_count < MOST)
        viewers[viewer_count++] = fd;
}

static void publish(int bytes) {
    static long long seq;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    memset(frame + 4, 'x', bytes);
    int head = sprintf(frame + 4, "{\"type\":\"frame\",\"seq\":%lld,\"t_ns\":%lld,\"pad\":\"", ++seq,
                       now.tv_sec * 1000000000LL + now.tv_nsec);
    frame[4 + head] = 'x';
    memcpy(frame + 4 + bytes - 2, "\"}", 2);
    memcpy(frame, (char[]){(char)0x81, 126, (char)(bytes >> 8), (char)bytes}, 4);
    for (int i = 0; i < viewer_count; i++)
        if (write(viewers[i], frame, 4 + bytes) < 4 + bytes) fprintf(stderr, "floor: a viewer is too slow\n");
}

int main(int argc, char **argv) {
    struct epoll_event events[EVENTS];
    int bytes = argc > 2 ? atoi(argv[2]) : 1024;
    poller = epoll_create1(0);
    int listener = listening(), timer = ticking(argc > 1 ? atoi(argv[1]) : 20);
    watch(listener);
    watch(timer);
    watch(0);
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            unsigned long long times;
            int fd = events[i].data.fd;
            if (fd == 0) return 0;
            if (fd == listener) welcome(listener);
            else if (fd != timer) heard(fd);
            else if (read(timer, &times, sizeof times) > 0) publish(bytes);
        }
    }
}
