/* What the load knows of a viewer, and of the group that it belongs to. */

enum { MOST_GROUPS = 8, BUCKET_US = 20, BUCKETS = 1500000, MOST_CODES = 16 };

typedef enum { STAY, NEVER, CHURN } Kind;
typedef enum { AWAY, OPENING, OPEN } State;

typedef struct {
    char name[32];
    int count, ack_every, read_ms, open;
    Kind kind;
    /* Since the last report. A gap is a frame that neither came nor was told as missed. */
    long long messages, bytes, frames, gaps, told, dropped, unsent, odd, visits, max_us;
    unsigned *delays; /* how many frames were so old when they were read, in steps of BUCKET_US */
    int codes[MOST_CODES], code_counts[MOST_CODES];
} Group;

typedef struct {
    Group *group;
    int fd, held, space, messages;
    State state;
    char *kept; /* the begin of a message whose rest has not come yet */
    long long due_ns, seq, read, told;
} Viewer;

/* Takes the message at the front of `data`: its length, 0 when it is not whole, -1 when the connection is over. */
int message(Viewer *viewer, const char *data, int size, long long now_ns);

/* How many bytes of the message at the front of `data` are not there yet, as far as can be told. */
int missing(const char *data, int size);

/* One line of JSON on stdout; counting begins again. */
void report(Group *groups, int count, long long now_ns);

void send_frame(Viewer *viewer, int opcode, const char *payload, int size);
