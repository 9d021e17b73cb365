//! Takes over what a program remembered before it had a store of background deliveries.

use super::{PauseMark, RememberedWebhooks, ServerUrl, WEBHOOKS};
use crate::state::{SharedState, StateError};

/// Copies the webhooks and the last public URL to a state that remembers no webhooks yet.
///
/// # Errors
///
/// When they cannot be read or stored.
pub(crate) async fn import(from: &dyn SharedState, to: &dyn SharedState) -> Result<(), StateError> {
    if to.get(WEBHOOKS).await?.is_some() {
        return Ok(());
    }
    if let (None, Some(url)) = (ServerUrl::load(to).await?, ServerUrl::load(from).await?) {
        url.save(to).await?;
    }
    let webhooks = RememberedWebhooks::load(from).await?;
    if webhooks == RememberedWebhooks::default() {
        return Ok(());
    }
    let insert = |all: &mut RememberedWebhooks| {
        // Unless another process was faster.
        if *all == RememberedWebhooks::default() {
            *all = webhooks;
        }
    };
    RememberedWebhooks::change(to, insert).await?;
    // From now on only the other state knows it: a server that loses its store again must not enable what a person
    // has disabled meanwhile.
    let forget = |all: &mut RememberedWebhooks| {
        all.webhooks.values_mut().for_each(|webhook| webhook.set_pause(PauseMark::None));
    };
    RememberedWebhooks::change(from, forget).await
}
