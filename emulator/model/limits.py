"""AWS's limits, in one place.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, and the error
texts recorded from AWS that carry them.
"""

#: Request payload of a synchronous invoke, bytes (6 MiB).
SYNC_PAYLOAD = 6 * 1024 * 1024
#: Request payload of an asynchronous invoke, bytes (1 MiB since 2025).
ASYNC_PAYLOAD = 1024 * 1024
#: Response payload of a function, bytes (6 MiB and 100).
RESPONSE_PAYLOAD = 6 * 1024 * 1024 + 100
#: Response payload of a function that streams it, bytes (200 MiB).
STREAMED_RESPONSE = 200 * 1024 * 1024
#: Environment variables, bytes of their JSON.
ENVIRONMENT_SIZE = 4 * 1024
#: The body of CreateFunction and UpdateFunctionCode, bytes.
CODE_REQUEST = 70_167_211
#: An uploaded archive, bytes.
ZIPPED_CODE = 50 * 1024 * 1024
#: Code and layers once unpacked, bytes.
UNZIPPED_CODE = 250 * 1024 * 1024
#: Layers of a function.
LAYERS = 5
#: Seconds a function may take, and MB it may have, unless it runs on Managed Instances.
ORDINARY_TIMEOUT = 900
ORDINARY_MEMORY = 10_240
#: Lambda gives a whole virtual CPU at this much memory, and parts or multiples in proportion
#: (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
MB_PER_VCPU = 1769
#: Environments that run at once in an account and region.
ACCOUNT_CONCURRENCY = 1000
#: What reservations must leave for functions without one.
UNRESERVED_CONCURRENCY_MINIMUM = 100
#: Seconds an on-demand INIT phase may take.
INIT_SECONDS = 10.0
#: Seconds that an environment has to be restored from a snapshot, hooks included.
RESTORE_SECONDS = 10.0
#: Bytes of log that ``LogType=Tail`` returns.
LOG_TAIL = 4096
