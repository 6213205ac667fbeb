use model::{Direction, HashThreshold, IpVersion, SadInfo, SpdInfo};
use schemars::JsonSchema;
use serde::Serialize;

/// The size of the kernel's tables, catch-alls of the default policy included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Kernel")]
pub struct KernelJson {
    /// The number of SAs.
    pub sas: u32,
    /// The number of buckets of the SAD's hash tables.
    pub sa_buckets: u32,
    /// The number to which it may grow.
    pub max_sa_buckets: u32,
    /// The number of policies for direction `in`.
    pub policies_in: u32,
    /// The number of policies for direction `out`.
    pub policies_out: u32,
    /// The number of policies for direction `fwd`.
    pub policies_fwd: u32,
    /// The number of policies of sockets for direction `in`.
    pub socket_policies_in: u32,
    /// The number of policies of sockets for direction `out`.
    pub socket_policies_out: u32,
    /// The number of buckets of the SPD's hash table by index.
    pub policy_buckets: u32,
    /// The number to which it may grow.
    pub max_policy_buckets: u32,
    /// From which prefix lengths on IPv4 policies are in the hash table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_threshold_v4: Option<HashThresholdJson>,
    /// From which prefix lengths on IPv6 policies are in the hash table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_threshold_v6: Option<HashThresholdJson>,
}

/// Prefix lengths, in bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "HashThreshold")]
pub struct HashThresholdJson {
    /// Of the local prefix.
    pub local: u8,
    /// Of the remote prefix.
    pub remote: u8,
}

impl KernelJson {
    /// The sizes of the two tables.
    #[must_use]
    pub fn new(sad: &SadInfo, spd: &SpdInfo) -> Self {
        let threshold = |version| {
            spd.threshold(version)
                .map(|HashThreshold { local, remote }| HashThresholdJson { local, remote })
        };
        Self {
            sas: sad.sas,
            sa_buckets: sad.table.buckets,
            max_sa_buckets: sad.table.max_buckets,
            policies_in: spd.of_direction(Direction::In),
            policies_out: spd.of_direction(Direction::Out),
            policies_fwd: spd.of_direction(Direction::Fwd),
            socket_policies_in: spd.of_sockets(Direction::In),
            socket_policies_out: spd.of_sockets(Direction::Out),
            policy_buckets: spd.table.buckets,
            max_policy_buckets: spd.table.max_buckets,
            hash_threshold_v4: threshold(IpVersion::V4),
            hash_threshold_v6: threshold(IpVersion::V6),
        }
    }
}
