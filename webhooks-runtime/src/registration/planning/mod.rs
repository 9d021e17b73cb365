//! Makes a plan that takes no webhook from another running server of the program.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use uuid::Uuid;

use super::blocking::on_blocking_pool;
use super::own_health;
use super::plan::{PlanInput, RegistrationPlan, plan, taken};
use crate::state::{SharedState, StateError};

/// Makes the plan. `instance` is the server that it is for, if it is this one.
///
/// A server that moves updates its webhooks. But one whose webhooks call another URL may also be a second server beside
/// the first. So each server that a plan would take webhooks from is asked for its health: if it runs, they stay there.
///
/// # Errors
///
/// When the state cannot be read.
pub(crate) async fn plan_beside_others(
    mut input: PlanInput,
    instance: Option<Uuid>,
    state: &dyn SharedState,
) -> Result<RegistrationPlan, StateError> {
    let mut stopped = BTreeSet::new();
    loop {
        let (made, servers, same_input) = on_blocking_pool(move || {
            let made = plan(&input);
            let servers = taken(&made, &input);
            (made, servers, input)
        })
        .await;
        input = same_input;
        let is_unknown =
            |server: &String| !stopped.contains(server) && !input.running.contains(server);
        let Some(server) = servers.into_iter().find(is_unknown) else {
            return Ok(made);
        };
        let own = &input.public_url.url;
        if own_health::is_used_by_another(&server, own, instance, state).await? {
            input.running.insert(server);
        } else {
            stopped.insert(server);
        }
    }
}
