//! Defines the commands that the store sends to its writer.

use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::jobs::attempt_log::RunningLog;
use crate::jobs::delivery::{
    Accepted, ClaimRequest, ClaimResponse, Completion, HeartbeatResponse, NewDelivery,
    RecoveryReport, ReplicaId,
};
use crate::jobs::error::StoreError;
use crate::jobs::inspect::{CancelReport, Purge};
use crate::jobs::store::Retention;

/// How many deliveries one command deletes or retries at most, so that no transaction takes long.
pub(super) const CHUNK: u64 = 1000;

/// How many log lines a command deletes at most. A chunk of deliveries may have millions.
pub(super) const LINES: usize = 10_000;

/// Where the response to a command goes, once the command is on disk.
pub(super) type CommandReply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A command to the writer.
pub(super) enum WriterCommand {
    Accept(Vec<NewDelivery>, CommandReply<Vec<Accepted>>),
    Register(ReplicaId, Duration, CommandReply<()>),
    Heartbeat(ReplicaId, Duration, CommandReply<HeartbeatResponse>),
    Deregister(ReplicaId, CommandReply<()>),
    CompleteAndClaim(ReplicaId, Vec<Completion>, Vec<ClaimRequest>, CommandReply<ClaimResponse>),
    WriteLogs(Vec<RunningLog>, CommandReply<Vec<(Uuid, i64)>>),
    FindLost(ReplicaId, CommandReply<Vec<LostDelivery>>),
    RecoverLost(ReplicaId, Vec<(ReplicaId, Completion)>, CommandReply<RecoveryReport>),
    CountBacklog(CommandReply<()>),
    PurgeExpired(Retention, CommandReply<PurgeStep>),
    OldestDue(CommandReply<Option<Duration>>),
    OrphanedEndpoints(CommandReply<Vec<String>>),
    Retry(Uuid, CommandReply<u64>),
    LastDeadAt(CommandReply<Option<i64>>),
    RetryDead(i64, CommandReply<u64>),
    Rerun(Uuid, CommandReply<bool>),
    Cancel(Uuid, CommandReply<CancelReport>),
    CancelEndpoint(String, i64, CommandReply<CancelReport>),
    Pause(String, bool, CommandReply<bool>),
    Purge(Purge, CommandReply<PurgeStep>),
    FreePages(CommandReply<u64>),
    Value(String, CommandReply<Option<String>>),
    SetValue(String, String, Option<Duration>, CommandReply<()>),
    AppendValue(String, String, usize, Duration, CommandReply<()>),
    RemoveValue(String, CommandReply<()>),
    TakeLease(String, Uuid, Duration, CommandReply<bool>),
    ReleaseLease(String, Uuid, CommandReply<()>),
    Close(CommandReply<()>),
    #[cfg(test)]
    AdvanceClock(Duration, CommandReply<()>),
    #[cfg(test)]
    DedupLen(CommandReply<usize>),
}

/// A running delivery whose replica is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct LostDelivery {
    pub(super) id: Uuid,
    pub(super) fencing_token: i64,
    pub(super) replica: ReplicaId,
    pub(super) endpoint: Option<usize>,
    pub(super) attempt: u32,
}

/// The progress of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PurgeStep {
    pub(super) deleted: u64,
    /// Whether nothing is left to delete.
    pub(super) is_complete: bool,
}
