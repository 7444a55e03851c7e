"""The ids of the demo's cluster, always the same, so that examples can name them."""

from vacate.demo.cluster import COORDINATOR, PRIMARY, STANDBY

REGION = "demo-1"
PROJECT_ID = "0611f1bd8b00d5d32f17c017f15b599f"
INSTANCE_ID = "3d39c18788b54a919bab633874c159dfin14"
NODE_IDS = {
    COORDINATOR: "52c25e148a4a48c293b66ca95565719cno14",
    PRIMARY: "7f1c3d0a2b9e4c58a1d6e3b2c4f5a601no14",
    STANDBY: "c90e5b7d13f24a6f8b2d7e4f6a8c1d02no14",
}
SHARD = "60011"
CALL = f"/v3/{PROJECT_ID}/instances/{INSTANCE_ID}/kill-free-session"
