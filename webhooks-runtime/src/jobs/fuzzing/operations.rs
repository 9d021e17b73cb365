//! Does with a store all that servers and commands do.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::{DAY, FuzzedStore, PATH};
use crate::jobs::attempt_log::{LogPosition, LogUpdate, NewLogLine, RunningLog};
use crate::jobs::delivery::{Claimed, Completion};
use crate::jobs::error::StoreError;
use crate::jobs::inspect::{CancelTarget, DeliveryFilter, Purge, RetryTarget, paused_text};
use crate::jobs::recorded_limits::recorded_limits;
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Retention, Store};

impl FuzzedStore {
    /// Does with the store all that servers and commands do. Returns what people see of each delivery, by the command and
    /// by the page. The results of operations do not matter, only that each has one.
    pub fn use_all(&self) -> Vec<String> {
        self.runtime.block_on(async {
            let mut texts = self.read_all().await;
            let _ = recorded_limits(&self.store).await;
            let store = &self.store;
            let _ = store.pause(PATH, true).await;
            let _ = store.pause(PATH, false).await;
            if let Ok((replica, claimed)) = self.claim_all().await {
                let _ = self.complete(replica, &claimed).await;
                let _ = store.heartbeat(replica, DAY).await;
            }
            let other = Uuid::now_v7();
            let _ = store.register(other, DAY).await;
            let decide = |_: Option<usize>, attempt: u32| match attempt % 2 {
                0 => Transition::Dead,
                _ => Transition::Retry { after: Duration::ZERO },
            };
            let _ = store.recover_lost(other, &decide).await;
            let _ = store.unresponsive(other, DAY).await;
            texts.extend(self.read_all().await);
            let _ = store.retry(RetryTarget::AllDead).await;
            let _ = store.cancel(&CancelTarget::Endpoint(PATH.to_owned())).await;
            for id in store.find(Uuid::nil(), Uuid::max(), 100).await.unwrap_or_default() {
                let _ = store.rerun(id).await;
            }
            let _ = store.deregister(other).await;
            let retention = Retention { done: Duration::ZERO, dead: Some(Duration::ZERO) };
            let _ = store.purge_expired(retention).await;
            for state in [State::Queued, State::Dead] {
                let _ =
                    store.purge(&Purge { state, endpoint: None, older_than: Duration::ZERO }).await;
            }
            texts
        })
    }

    /// Ends the attempts of claimed deliveries, each in another way.
    async fn complete(&self, replica: Uuid, claimed: &[Claimed]) -> Result<(), StoreError> {
        let line = NewLogLine {
            number: 1,
            at: SystemTime::now(),
            level: tracing::Level::INFO,
            text: "line".to_owned(),
        };
        let update = LogUpdate { lines: vec![line], first: 1 };
        let ends = [
            Transition::Done,
            Transition::Dead,
            Transition::Retry { after: Duration::ZERO },
            Transition::Released,
            Transition::Snooze { after: DAY },
        ];
        let completions: Vec<_> = claimed
            .iter()
            .zip(ends.into_iter().cycle())
            .map(|(claimed, next)| Completion {
                id: claimed.id,
                fencing_token: claimed.fencing_token,
                next,
                error: Some("failed".to_owned()),
                note: None,
                log: update.clone(),
            })
            .collect();
        let running = claimed.iter().map(|claimed| RunningLog {
            id: claimed.id,
            fencing_token: claimed.fencing_token,
            update: update.clone(),
        });
        self.store.write_logs(&running.collect::<Vec<_>>()).await?;
        self.store.complete_and_claim(replica, &completions, &[]).await?;
        Ok(())
    }

    /// Reads all that people see, and formats it.
    async fn read_all(&self) -> Vec<String> {
        let store = &self.store;
        let mut texts = Vec::new();
        for (path, since) in store.paused().await.unwrap_or_default() {
            let _ = paused_text(&path, since);
        }
        let _ = store.counts().await;
        let _ = store.oldest_due().await;
        let _ = store.orphaned_endpoints().await;
        let filter = |state| DeliveryFilter { state, endpoint: None, limit: 100 };
        for state in State::ALL {
            let _ = store.list(&filter(Some(state))).await;
        }
        for summary in store.list(&filter(None)).await.unwrap_or_default() {
            let _ = store.summary_of(summary.id).await;
            let log = store.logs(summary.id, Some(LogPosition::default()), 100).await;
            let _ = store.logs(summary.id, None, 100).await;
            let log = log.unwrap_or_default();
            if let Ok(Some(detail)) = store.show(summary.id).await {
                texts.extend(crate::cli::print_delivery(&detail, &log));
                let _ = crate::dashboard::render_delivery(&detail, &log);
            }
        }
        texts
    }
}
