/* What one viewer of the load makes of a message, and what is told of a group of them. */

#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header's length, and the whole message's in `whole`; 0 when not even the header is there. */
static int header(const char *data, int size, long long *whole) {
    const unsigned char *bytes = (const unsigned char *)data;
    if (size < 2) return 0;
    int length = bytes[1] & 127, head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (size < head) return 0;
    *whole = length < 126 ? length : 0;
    for (int i = 2; i < head; i++) *whole = *whole << 8 | bytes[i];
    *whole += head;
    return head;
}

int missing(const char *data, int size) {
    long long whole;
    if (size < 2) return 2 - size;
    int head = (data[1] & 127) == 126 ? 4 : (data[1] & 127) == 127 ? 10 : 2;
    if (size < head) return head - size;
    header(data, size, &whole);
    return whole > size ? (int)(whole - size) : 0;
}

/* The number after `key`, which stands near the front. */
static long long number(const char *text, int size, const char *key) {
    const char *at = memmem(text, size < 120 ? size : 120, key, strlen(key));
    return at == NULL ? -1 : strtoll(at + strlen(key), NULL, 10);
}

static void acknowledge(Viewer *viewer) {
    char text[40];
    int size = snprintf(text, sizeof text, "{\"ack\":%lld}", viewer->seq);
    send_frame(viewer, 1, text, size);
}

static void frame(Viewer *viewer, const char *text, int size, long long now_ns) {
    Group *group = viewer->group;
    long long seq = number(text, size, "\"seq\":"), t_ns = number(text, size, "\"t_ns\":");
    long long us = (now_ns - t_ns) / 1000, bucket = us / BUCKET_US;
    group->frames++;
    group->delays[bucket < 0 ? 0 : bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    if (us > group->max_us) group->max_us = us;
    if (viewer->seq) group->gaps += llabs(seq - viewer->seq - 1 - viewer->told);
    viewer->told = 0;
    viewer->seq = seq;
    viewer->read++;
    if (group->ack_every && viewer->read % group->ack_every == 0) acknowledge(viewer);
}

static void text_message(Viewer *viewer, const char *text, int size, long long now_ns) {
    if (size > 15 && memcmp(text, "{\"type\":\"frame\"", 15) == 0) {
        frame(viewer, text, size, now_ns);
    } else if (size > 15 && memcmp(text, "{\"type\":\"hello\"", 15) == 0) {
        if (!viewer->seq) viewer->seq = number(text, size, "\"seq\":");
        if (viewer->group->ack_every) acknowledge(viewer);
    } else if (size > 16 && memcmp(text, "{\"type\":\"missed\"", 16) == 0) {
        viewer->told += number(text, size, "\"frames\":");
        viewer->group->told += viewer->told;
    } else {
        viewer->group->odd++;
    }
}

static void closed(Group *group, int code) {
    int at = 0;
    while (at < MOST_CODES - 1 && group->codes[at] && group->codes[at] != code) at++;
    group->codes[at] = code;
    group->code_counts[at]++;
}

int message(Viewer *viewer, const char *data, int size, long long now_ns) {
    long long whole = 0;
    int head = header(data, size, &whole), opcode = data[0] & 15;
    if (head == 0 || whole > size) return 0;
    const char *payload = data + head;
    int length = (int)(whole - head);
    viewer->messages++;
    viewer->group->messages++;
    viewer->group->bytes += whole;
    if (opcode == 1) text_message(viewer, payload, length, now_ns);
    else if (opcode == 9 && length < 126) send_frame(viewer, 10, payload, length);
    else if (opcode == 8 && length >= 2) {
        closed(viewer->group, (unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
        return -1;
    } else if (opcode != 10) viewer->group->odd++;
    return (int)whole;
}

static double quantile_ms(const Group *group, double share) {
    long long wanted = (long long)(group->frames * share), seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += group->delays[i]) > wanted) return (i + 0.5) * BUCKET_US / 1000.0;
    return 0;
}

static void report_group(Group *group) {
    printf("\"%s\":{\"open\":%d,\"messages\":%lld,\"bytes\":%lld,\"frames\":%lld,\"gaps\":%lld,\"told\":%lld,",
           group->name, group->open, group->messages, group->bytes, group->frames, group->gaps, group->told);
    printf("\"dropped\":%lld,\"unsent\":%lld,\"odd\":%lld,\"visits\":%lld,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,",
           group->dropped, group->unsent, group->odd, group->visits, quantile_ms(group, 0.5), quantile_ms(group, 0.99),
           group->max_us / 1000.0);
    printf("\"codes\":{");
    for (int i = 0; i < MOST_CODES && group->codes[i]; i++)
        printf("%s\"%d\":%d", i ? "," : "", group->codes[i], group->code_counts[i]);
    printf("}}");
    memset(group->delays, 0, BUCKETS * sizeof *group->delays);
    memset(group->codes, 0, sizeof group->codes);
    memset(group->code_counts, 0, sizeof group->code_counts);
    group->messages = group->bytes = group->frames = group->gaps = group->told = group->dropped = group->unsent = 0;
    group->odd = group->visits = group->max_us = 0;
}

void report(Group *groups, int count, long long now_ns) {
    printf("{\"t_ns\":%lld,\"groups\":{", now_ns);
    for (int i = 0; i < count; i++) {
        if (i) putchar(',');
        report_group(&groups[i]);
    }
    puts("}}");
    fflush(stdout);
}
