"""Names that servers of the Gauss family keep for themselves: their threads, their tools, their nodes, their users.

Many of the cluster's own sessions reach a server as any client does, with an address and a port. Only the name tells
them apart. All names are compared as the server writes them, letter by letter, but for users.
"""

import fnmatch
import re

# Source of the threads: what openGauss's code passes to `pgstat_report_appname` or sets as `application_name` when it
# connects to itself or to another node (releases 1.0.1 to 7.0.0-RC1, src/gausskernel and src/common).
INTERNAL_THREADS = frozenset(
    {
        "ASP",
        "ApplyLauncher",
        "ApplyWorker",
        "Asp",
        "AutoVacLauncher",
        "AutoVacWorker",
        "Background writer",
        "BarrierArch",
        "BarrierCreator",
        "Bgworker",
        "CBM Writer",
        "Catchup",
        "CfsShrinker",
        "CheckPointer",
        "ComputePoolMonitor",
        "Heartbeat",
        "IMCStore Vacuum",
        "IMCStoreVacuumWorker",
        "JobScheduler",
        "JobWorker",
        "LWLock Monitor",
        "LogicalDecodeWorker",
        "LogicalReadWorker",
        "PageWriter",
        "PercentileJob",
        "PoolCleaner",
        "RbCleaner",
        "RbWorker",
        "SqlLimit",
        "Startup",
        "ThreadPoolListener",
        "ThreadPoolScheduler",
        "ThreadPoolWorker",
        "TwoPhase Cleaner",
        "TxnSnapCapturer",
        "TxnSnapWorker",
        "UndoWorker",
        "WDRSnapshot",
        "WDRXdb",
        "WLMArbiter",
        "WorkloadMonitor",
        "auto_analyze",
        "autonomoustransaction",
        "coordinator1",
        "dummystandby",
        "local_hadr_walrcv",
        "remote_read",
        "stack perf",
        "stack_perf_main",
        "statctl",
        "undo recycler",
        "workload",
    }
)

# Shell patterns for names that come in two spellings, or that end in a number or a peer's name. Same source.
INTERNAL_THREAD_PATTERNS = (
    "*_hass",
    "Data Receiver*",
    "DataSender *",
    "Wal *",
    "[Cc]lean [Ss]tatement thread",
    "[Ss]tatement flush thread",
    "hadr_*",
)

# Source: the names that the server treats in a special way when they log in (openGauss, process/postmaster/
# postmaster.cpp). It does so for gsql too, which is a person's client and therefore not on the list.
CLUSTER_TOOLS = frozenset(
    {
        "OM",
        "cm_agent",
        "gs_basebackup",
        "gs_clean",
        "gs_ctl",
        "gs_dump",
        "gs_probackup",
        "gs_redis",
        "gs_restore",
        "gs_rewind",
        "gs_roach",
    }
)

# Source: the administrators' manuals of GaussDB in the cloud. The platform makes these users with every instance, to
# watch it, to back it up and to replicate it; `root` is its administrator.
PLATFORM_USERS = frozenset({"rdsAdmin", "rdsBackup", "rdsMetric", "rdsRepl", "root"})

_ONE_OF_THE_CLUSTERS = INTERNAL_THREADS | CLUSTER_TOOLS
_PATTERN = re.compile("|".join(map(fnmatch.translate, INTERNAL_THREAD_PATTERNS)))
# An unquoted name is folded to lower case when the user is made, so that it is not always spelt as in the manuals.
_PLATFORM_USERS = frozenset(name.lower() for name in PLATFORM_USERS)
# Source: a node's pooled links introduce themselves by its name (openGauss, pgxc/pool/pgxcnode.cpp), such as `cn_5001`
# or `dn_6001_6002_6003` for a shard with the numbers of its replicas.
_NODE = re.compile(r"(?:cn|dn)(?:_[0-9]{4})+")


def is_the_clusters(application: str) -> bool:
    """Whether an application's name is that of an internal thread or of a tool of the cluster."""
    return application in _ONE_OF_THE_CLUSTERS or _PATTERN.match(application) is not None


def is_a_nodes(application: str) -> bool:
    """Whether an application's name has the form of a node's name."""
    return _NODE.fullmatch(application) is not None


def is_the_platforms(user: str) -> bool:
    """Whether a user's name is one of those that the vendor's platform logs in by, in whatever case."""
    return user.lower() in _PLATFORM_USERS
