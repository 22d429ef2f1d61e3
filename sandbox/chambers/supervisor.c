/* The supervisor: PID 1 of a cell, which runs a job's chambers one after another.
 *
 * Theory of operation. A cell is one hardened container for one lane of one job. Everything that this program must
 * know is given at its start, by trusted code: there is no protocol, nobody talks to it, and it reads nothing that a
 * chamber wrote except to copy the bytes of a result. A worker that dies does not disturb it; it ends by itself.
 *
 *   1 prepare    its streams become /dev/null; what all chambers see alike is laid out on a tmpfs of its own
 *   2 rehearse   one chamber is furnished with nothing in it, and left before it would become the program: a machine
 *                that forbids the mounts is found out before any data is seen, and ends the cell with FORBIDDEN
 *   3 for each chamber of the lane that has a block, in order:
 *     a wait     padded: until its slot starts, by the monotonic clock; one that is late by half a slot yields nothing
 *     b desk     a tmpfs with one file, result.json, which is opened here before the chamber exists
 *     c clone    a child in new mount, pid, ipc, net, uts and cgroup namespaces
 *     d furnish  (child) a private overlay of the root without an upper layer; /tmp, /dev/shm, /proc of its own; its
 *                block and the input, read-only; then pivot_root, and the old root is gone. A strict chamber's root is
 *                in memory, so that no file of it is ever colder than another, and it has no /proc, whose files are
 *                numbered by a counter of the whole machine
 *     e disarm   (child) limits, a uid of its own, no capability now or ever, no-new-privileges, seccomp
 *     f become   (child) a fork that waits for the program, and execve: a new program, never one that has seen data
 *     g watch    by pidfd and deadline. A wait status alone is no proof: a traced process fakes its end
 *     h kill     the child is the first process of its pid namespace: the kernel ends and reaps the others with it,
 *                and the wait returns only when all are gone
 *     i keep     if it ended by itself, in time, with exit code 0, and the memory limit killed nobody: its bytes are
 *                copied from the descriptor of (b) into <chamber>.bytes, else <chamber>.absent is written
 *
 * It has SYS_ADMIN (mounts, namespaces), SETUID, SETGID, SETPCAP and KILL, and a list of system calls of its own. It
 * allocates no memory and parses nothing but its own arguments. It is built without a C library, so that the same
 * source gives the same bytes everywhere; -DHOSTED builds it with one, for sanitizers.
 *
 * Arguments: see `read_plan`. Exit codes: 0 every chamber has its outcome, WRONG, FORBIDDEN, FAILED.
 */
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <asm/unistd.h>

#ifndef __x86_64__
#error "x86-64 only: the list of system calls and the calls below are not yet written for other machines"
#endif

typedef unsigned long u64;
typedef long i64;

enum { WRONG = 64, FORBIDDEN = 69, FAILED = 70, NOT_FURNISHED = 126, NOT_FOUND = 127 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NOFOLLOW = 0400000, O_CLOEXEC = 02000000 };
enum { MNT_DETACH = 2, SIGKILL = 9, SIGCHLD = 17, POLLIN = 1, EINTR = 4 };
enum { CLOCK_MONOTONIC = 1, TIMER_ABSTIME = 1, RLIMIT_CPU = 0, AT_FDCWD = -100, MAXIMUM_CAPABILITY = 63 };
enum { FILTER_RULES = 4096, PATH_BYTES = 64, COPY_BYTES = 65536 };

static const u64 SECOND = 1000000000UL;

#define IN "/mnt/input"
#define OUT "/mnt/output"
#define SCRATCH OUT "/scratch"            /* a tmpfs that only the supervisor sees */
#define ROOT SCRATCH "/root"              /* where a chamber's root is put together */
#define DESK SCRATCH "/desk"              /* the tmpfs with the result */
#define RESULT DESK "/result.json"
#define PLACES SCRATCH "/places"          /* empty directories, laid over the image's root to mount on */
#define ALIKE SCRATCH "/input"            /* the input, the same for every chamber, and the place of its block */

/* ---- the kernel, without a library ---------------------------------------------------------------------------- */

static i64 call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e) {
    i64 result;
    register i64 r10 __asm__("r10") = d;
    register i64 r8 __asm__("r8") = e;
    register i64 r9 __asm__("r9") = 0;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define CALL(name, ...) CALL_(name, __VA_ARGS__, 0, 0, 0, 0, 0)
#define CALL_(name, a, b, c, d, e, ...) call(__NR_##name, (i64)(a), (i64)(b), (i64)(c), (i64)(d), (i64)(e))

struct timespec64 { i64 seconds, nanoseconds; };
struct poll_entry { int descriptor; short events, found; };
struct limit { u64 soft, hard; };

__attribute__((noreturn)) static void leave(int code) {
    for (;;) CALL(exit_group, code);
}

static u64 now(void) {
    struct timespec64 t;
    CALL(clock_gettime, CLOCK_MONOTONIC, &t);
    return (u64)t.seconds * SECOND + (u64)t.nanoseconds;
}

static struct timespec64 timespec_of(u64 nanoseconds) {
    return (struct timespec64){(i64)(nanoseconds / SECOND), (i64)(nanoseconds % SECOND)};
}

/* ---- words ---------------------------------------------------------------------------------------------------- */

/* A decimal number of at most 19 digits; anything else is a wrong call. */
static u64 number(const char *text) {
    u64 value = 0;
    int digits = 0;
    for (; *text; text++, digits++) {
        if (*text < '0' || *text > '9' || digits == 19) leave(WRONG);
        value = value * 10 + (u64)(*text - '0');
    }
    if (digits == 0) leave(WRONG);
    return value;
}

/* "<before><number, at least `width` digits><after>"; the longest is far below PATH_BYTES. */
static char *name(char path[PATH_BYTES], const char *before, u64 value, int width, const char *after) {
    char digits[20];
    int count = 0, at = 0;
    do digits[count++] = (char)('0' + value % 10); while ((value /= 10) || count < width);
    for (; *before; before++) path[at++] = *before;
    while (count) path[at++] = digits[--count];
    for (; *after; after++) path[at++] = *after;
    path[at] = 0;
    return path;
}

/* ---- the plan ------------------------------------------------------------------------------------------------- */

static struct {
    u64 uid, lane, lanes, chambers, first;  /* chambers lane, lane + lanes, …, from `first` on; uid + chamber is its uid */
    u64 padded, start, slot, reading;       /* nanoseconds; a padded chamber is killed `reading` before its slot's end */
    u64 output;                             /* the most bytes of a result */
    u64 processor;                          /* seconds of processor time of one process: a belt */
    u64 strict;                             /* the root is the one in memory, and there is no /proc */
    const char *tmp, *shared, *desk;        /* options of the tmpfs at /tmp, at /dev/shm and under the result */
    char **program, **environment;
} plan;

enum { NUMBERS = 12, WORDS = 3 };

static struct sock_filter filter[FILTER_RULES];
static struct sock_fprog rules = {0, filter};
static int memory_events;            /* the cell's count of processes that the memory limit killed */
static volatile int *became;         /* shared with the child: whether it got as far as (f) */

/* argv: its own name; the numbers and words of `plan` in this order; the program and its arguments. */
static void read_plan(int argc, char **argv, char **environment) {
    u64 *const numbers[NUMBERS] = {&plan.uid, &plan.lane, &plan.lanes, &plan.chambers, &plan.first, &plan.padded,
                                   &plan.start, &plan.slot, &plan.reading, &plan.output, &plan.processor,
                                   &plan.strict};
    const char **const words[WORDS] = {&plan.tmp, &plan.shared, &plan.desk};
    if (argc < 1 + NUMBERS + WORDS + 1) leave(WRONG);
    for (int i = 0; i < NUMBERS; i++) *numbers[i] = number(argv[1 + i]);
    for (int i = 0; i < WORDS; i++) *words[i] = argv[1 + NUMBERS + i];
    plan.program = argv + 1 + NUMBERS + WORDS;
    plan.environment = environment;
    if (plan.uid < 65536 || plan.uid + plan.chambers > 0x7FFFFFFF || plan.chambers > 1000000) leave(WRONG);
    if (plan.lanes == 0 || plan.lane >= plan.lanes || plan.slot == 0 || plan.reading >= plan.slot) leave(WRONG);
}

/* ---- 1 prepare ------------------------------------------------------------------------------------------------ */

static void must(i64 result) {
    if (result < 0) leave(FORBIDDEN);
}

static void silence(void) {
    i64 null = CALL(open, "/dev/null", O_RDWR);
    must(null);
    for (int stream = 0; stream < 3; stream++) must(CALL(dup2, null, stream));
    CALL(close_range, 3, ~0U);
}

static void read_filter(void) {
    i64 file = CALL(open, IN "/filter", O_RDONLY | O_CLOEXEC);
    must(file);
    i64 bytes = CALL(read, file, filter, sizeof filter);
    if (bytes <= 0 || (u64)bytes % sizeof *filter) leave(FORBIDDEN);
    rules.len = (unsigned short)((u64)bytes / sizeof *filter);
    CALL(close, file);
}

static void find_memory_events(void) {
    memory_events = (int)CALL(open, "/sys/fs/cgroup/memory.events", O_RDONLY | O_CLOEXEC);
    if (memory_events < 0) memory_events = (int)CALL(open, "/sys/fs/cgroup/memory/memory.oom_control", O_RDONLY | O_CLOEXEC);
    must(memory_events);
}

/* Copy at most `most` bytes; the number copied, or negative. */
static i64 copy(i64 from, i64 to, u64 most) {
    static char buffer[COPY_BYTES];
    u64 done = 0;
    while (done < most) {
        u64 wanted = most - done < sizeof buffer ? most - done : sizeof buffer;
        i64 got = CALL(pread64, from, buffer, wanted, done);
        if (got < 0) return got;
        if (got == 0) break;
        for (i64 put = 0, n; put < got; put += n) {
            n = CALL(write, to, buffer + put, got - put);
            if (n <= 0) return -1;
        }
        done += (u64)got;
    }
    return (i64)done;
}

static void lay_out(void) {
    CALL(umask, 022);
    must(CALL(mount, 0, "/", 0, MS_REC | MS_PRIVATE));
    static const char *const directories[] = {ROOT, DESK, ALIKE, ALIKE "/data", PLACES, PLACES "/dev", PLACES "/tmp",
                                              PLACES "/proc", PLACES "/mnt", PLACES IN, PLACES OUT};
    for (u64 i = 0; i < sizeof directories / sizeof *directories; i++) must(CALL(mkdir, directories[i], 0755));
    i64 from = CALL(open, IN "/input.json", O_RDONLY | O_CLOEXEC);
    i64 to = CALL(open, ALIKE "/input.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    must(from);
    must(to);
    must(copy(from, to, ~0UL >> 1));
    CALL(close, from);
    CALL(close, to);
}

static void prepare(void) {
    silence();
    read_filter();
    find_memory_events();
    lay_out();
    i64 page = CALL_(mmap, 0, 4096, 3, 0x21, -1, 0); /* readable, writable; shared, anonymous */
    must(page);
    became = (volatile int *)page;
}

/* ---- d furnish, e disarm, f become (in the child) ------------------------------------------------------------- */

static void furnished(i64 result) {
    if (result < 0) leave(NOT_FURNISHED);
}

static void bind(const char *from, const char *to, u64 flags) {
    furnished(CALL(mount, from, to, 0, MS_BIND)); /* not recursive: a mount below would stay writable */
    furnished(CALL(mount, 0, to, 0, MS_REMOUNT | MS_BIND | flags));
}

/* When memory runs short the chamber dies, never the supervisor. */
static void volunteer(void) {
    i64 file = CALL(open, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    furnished(file);
    furnished(CALL(write, file, "1000", 4));
    CALL(close, file);
}

static void furnish(const char *block) {
    const u64 inert = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    furnished(CALL(sethostname, "chamber", 7));
    furnished(CALL(mount, 0, "/", 0, MS_REC | MS_PRIVATE));
    /* A superblock of its own: through a shared one, chambers would see each other's locks and watches. */
    const char *layers = plan.strict ? "lowerdir=" PLACES ":" IN "/root" : "lowerdir=" PLACES ":/";
    furnished(CALL(mount, "overlay", ROOT, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, layers));
    furnished(CALL(mount, "tmpfs", ROOT "/tmp", "tmpfs", inert, plan.tmp));
    bind("/dev", ROOT "/dev", MS_RDONLY | MS_NOSUID | MS_NOEXEC);
    furnished(CALL(mount, "tmpfs", ROOT "/dev/shm", "tmpfs", inert, plan.shared));
    /* Only its own processes, and nothing that tells about the machine. */
    if (!plan.strict) furnished(CALL(mount, "proc", ROOT "/proc", "proc", inert, "subset=pid,hidepid=invisible"));
    bind(ALIKE, ROOT IN, MS_RDONLY | inert);
    if (block) {
        bind(block, ROOT IN "/data", MS_RDONLY | inert);
        bind(DESK, ROOT OUT, inert);
    }
    furnished(CALL(chdir, ROOT));
    furnished(CALL(pivot_root, ".", "."));
    furnished(CALL(umount2, ".", MNT_DETACH));
    furnished(CALL(chdir, "/"));
}

static void disarm(u64 uid) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    struct limit processor = {plan.processor, plan.processor};
    furnished(CALL(setrlimit, RLIMIT_CPU, &processor));
    for (u64 one = 0; one <= MAXIMUM_CAPABILITY; one++)
        if (CALL(prctl, PR_CAPBSET_READ, one) == 1) furnished(CALL(prctl, PR_CAPBSET_DROP, one));
    furnished(CALL(setsid, 0));
    furnished(CALL(setgroups, 0, 0));
    furnished(CALL(setresgid, uid, uid, uid));
    furnished(CALL(setresuid, uid, uid, uid));
    furnished(CALL(capset, &header, none));
    furnished(CALL(prctl, PR_SET_DUMPABLE, 0)); /* until the program is: nobody looks into the parent */
    furnished(CALL(prctl, PR_SET_NO_NEW_PRIVS, 1));
    furnished(CALL(prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &rules));
}

/* A real parent for the program, which as process 1 would not feel its own signals and would have to bury orphans. */
__attribute__((noreturn)) static void parent(i64 program) {
    for (int status;;) {
        i64 found = CALL(wait4, -1, &status, 0, 0);
        if (found < 0 && found != -EINTR) leave(NOT_FURNISHED);
        if (found == program && (status & 0x7F) != 0x7F) leave(status & 0x7F ? 128 + (status & 0x7F) : status >> 8 & 0xFF);
    }
}

__attribute__((noreturn)) static void chamber(const char *block, u64 uid) {
    volunteer();
    furnish(block);
    furnished(CALL(close_range, 3, ~0U));
    disarm(uid);
    i64 program = CALL(fork, 0);
    furnished(program);
    if (program) parent(program);
    *became = 1;
    if (block) CALL(execve, plan.program[0], plan.program, plan.environment);
    leave(NOT_FOUND);
}

/* ---- c clone, g watch, h kill --------------------------------------------------------------------------------- */

struct child { i64 pid; int descriptor; };

static struct child start(const char *block, u64 uid) {
    const u64 apart = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP;
    struct child child = {-1, -1};
    *became = 0;
    child.pid = CALL(clone, apart | CLONE_PIDFD | SIGCHLD, 0, &child.descriptor);
    if (child.pid == 0) chamber(block, uid);
    return child;
}

/* Whether it ended by itself before `deadline`. */
static int watch(struct child child, u64 deadline) {
    struct poll_entry entry = {child.descriptor, POLLIN, 0};
    for (u64 at = now(); at < deadline; at = now()) {
        struct timespec64 left = timespec_of(deadline - at);
        if (CALL(ppoll, &entry, 1, &left, 0, 8) > 0) return now() < deadline;
    }
    return 0;
}

/* End it and all its processes; return its exit code, or -1 if a signal ended it. */
static int bury(struct child child) {
    int status = 0x7F;
    CALL(pidfd_send_signal, child.descriptor, SIGKILL, 0, 0);
    for (;;) {
        i64 found = CALL(wait4, child.pid, &status, 0, 0);
        if (found == child.pid && (status & 0x7F) != 0x7F) break; /* 0x7F: stopped, not ended */
        if (found < 0 && found != -EINTR) leave(FAILED);
    }
    CALL(close, child.descriptor);
    return status & 0x7F ? -1 : status >> 8 & 0xFF;
}

/* ---- i keep --------------------------------------------------------------------------------------------------- */

/* How many processes the cell's memory limit has killed so far: the line "oom_kill N" of either kind of cgroup. */
static u64 killed_for_memory(void) {
    static const char wanted[] = "\noom_kill ";
    char text[512] = "\n";
    i64 bytes = CALL(pread64, memory_events, text + 1, sizeof text - 2, 0);
    if (bytes <= 0) leave(FAILED);
    text[bytes + 1] = 0;
    for (const char *at = text; *at; at++) {
        u64 same = 0, value = 0;
        while (wanted[same] && at[same] == wanted[same]) same++;
        if (wanted[same]) continue;
        for (at += same; *at >= '0' && *at <= '9'; at++) value = value * 10 + (u64)(*at - '0');
        return value;
    }
    leave(FAILED);
}

/* Write an outcome, whole or not at all; `result` is a descriptor, or -1 for nothing. */
static void keep(u64 index, i64 result) {
    char draft[PATH_BYTES], final[PATH_BYTES];
    name(draft, OUT "/outcomes/", index, 1, ".draft");
    CALL(unlink, draft);
    i64 file = CALL(open, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
    i64 bytes = result < 0 ? 0 : copy(result, file, plan.output + 1);
    if (file < 0 || bytes < 0) leave(FAILED);
    int good = bytes > 0 && (u64)bytes <= plan.output;
    if (result >= 0 && !good) {
        CALL(close, file);
        keep(index, -1);
        return;
    }
    CALL(close, file);
    name(final, OUT "/outcomes/", index, 1, good ? ".bytes" : ".absent");
    if (CALL(rename, draft, final) < 0) leave(FAILED);
}

/* ---- 3 one chamber -------------------------------------------------------------------------------------------- */

static i64 lay_desk(void) {
    if (CALL(mount, "tmpfs", DESK, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, plan.desk) < 0) leave(FAILED);
    i64 result = CALL(open, RESULT, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (result < 0 || CALL(fchmod, result, 0666) < 0) leave(FAILED);
    return result;
}

static void clear_desk(i64 result) {
    CALL(close, result);
    if (CALL(umount2, DESK, MNT_DETACH) < 0) leave(FAILED);
}

/* Wait for the slot of a padded chamber; 0 if more than half of it is over. */
static int reach(u64 begin) {
    struct timespec64 moment = timespec_of(begin);
    while (CALL(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, 0) == -EINTR) {}
    return now() - begin <= plan.slot / 2;
}

/* What is not furnished in time is the machine's doing: it is tried again, as long as a start is still in time. */
static void run(u64 index, const char *block) {
    u64 begin = plan.padded ? plan.start + index / plan.lanes * plan.slot : now();
    if (plan.padded && !reach(begin)) { keep(index, -1); return; }
    int good = 0;
    i64 result = lay_desk();
    do {
        u64 before = killed_for_memory();
        struct child child = start(block, plan.uid + index);
        if (child.pid < 0) continue;
        int in_time = watch(child, begin + plan.slot - (plan.padded ? plan.reading : 0));
        good = bury(child) == 0 && in_time && killed_for_memory() == before;
    } while (!*became && now() - begin < plan.slot / 2);
    keep(index, good ? result : -1);
    clear_desk(result);
}

static void rehearse(void) {
    struct child child = start(0, plan.uid);
    if (child.pid < 0) leave(FORBIDDEN);
    watch(child, now() + 10 * SECOND);
    if (bury(child) != NOT_FOUND || !*became) leave(FORBIDDEN);
}

static int supervise(int argc, char **argv, char **environment) {
    read_plan(argc, argv, environment);
    prepare();
    rehearse();
    for (u64 index = plan.lane; index < plan.chambers; index += plan.lanes) {
        char block[PATH_BYTES];
        struct statx found;
        if (index < plan.first) continue;
        name(block, IN "/blocks/", index, 6, "");
        if (CALL(statx, AT_FDCWD, block, 0, STATX_TYPE, &found) == 0) run(index, block);
    }
    return 0;
}

#ifdef HOSTED
int main(int argc, char **argv, char **environment) { return supervise(argc, argv, environment); }
#else
void *memcpy(void *to, const void *from, u64 bytes) {
    for (u64 i = 0; i < bytes; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int value, u64 bytes) {
    for (u64 i = 0; i < bytes; i++) ((volatile char *)to)[i] = (char)value;
    return to;
}
__attribute__((noreturn, used)) void begin(u64 *stack) {
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    leave(supervise(argc, argv, argv + argc + 1));
}
__attribute__((naked, noreturn)) void _start(void) {
    __asm__("xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
}
#endif
