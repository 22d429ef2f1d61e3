"""What every chamber may use besides the memory, time and bytes of its plan: constants, with their units."""

CPU_PERIOD_MICROSECONDS = 100_000
CPU_QUOTA_MICROSECONDS = 100_000  # one processor
PROCESSES = 64
OPEN_FILES = 256
TMP_BYTES = 64 << 20
TMP_INODES = 4096
SHARED_MEMORY_BYTES = 16 << 20
FILE_BYTES = 64 << 20  # the largest file a chamber may write; /tmp bounds it as well, the result file only this does
CORE_BYTES = 1  # no core dump, neither to a file nor to a program; 0 would stop the first kind only
QUEUE_BYTES = 0  # POSIX message queues
OOM_SCORE = 1000  # the first to die when the node is short of memory
CELL_OOM_SCORE = 900  # a cell's supervisor, whose chambers have the highest

# Of a padded slot, the last part is for killing and reading, so that both are done when the slot ends.
READING_SECONDS = 1.0
READING_SHARE = 0.25  # of the slot, when that is less

SETTLE_SECONDS = 0.5  # how long the last process of an ended chamber may take to be gone by itself
GONE_SECONDS = 10.0  # how long the last process of a killed chamber may take to be gone
ENGINE_SECONDS = 60.0  # how long the engine may take to answer
