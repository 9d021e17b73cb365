//! The files that changed between two commits, for the check of `paths`.

use futures_util::future::BoxFuture;

use super::Hub;
use crate::endpoint::checks::ChangedFiles;
use crate::payload::WebhookPayloadRepo;

impl ChangedFiles for Hub {
    fn changed_files<'a>(
        &'a self,
        _repo: &'a WebhookPayloadRepo,
        _old: &'a str,
        _new: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, String>> {
        Box::pin(async move { Err("not yet".to_owned()) })
    }
}
