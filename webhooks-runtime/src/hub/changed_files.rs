//! The files that changed between two commits, for the check of `paths`.

use futures_util::future::BoxFuture;

use super::Hub;
use crate::endpoint::checks::ChangedFiles;
use crate::payload::WebhookPayloadRepo;

impl ChangedFiles for Hub {
    fn changed_files<'a>(
        &'a self,
        repo: &'a WebhookPayloadRepo,
        old: &'a str,
        new: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, String>> {
        Box::pin(async move {
            let files = self.changed_files_by_server(&repo.into(), old, new).await;
            let files = files.map_err(|error| error.to_string())?;
            Ok(files
                .into_iter()
                .flat_map(|file| file.old_path.into_iter().chain([file.path]))
                .collect())
        })
    }
}
