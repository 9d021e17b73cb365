//! Reads files at a revision.

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::{file_path, segment};
use crate::hub::repo_id::RepoId;
use crate::hub::response::HubResponse;
use crate::hub::transport::CallLimits;

/// Calls that read files. A file is kept in memory and has at most 256 MB; for larger ones, use the crate `hf-hub`.
impl Hub {
    /// Returns the text of a file at a commit, branch, tag or ref.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/datasets/me/data/resolve/main/README.md").text("# Data");
    /// # let hub = stub.hub();
    /// let readme = hub.file_text("dataset:me/data", "main", "README.md").await?;
    /// assert_eq!(readme, "# Data");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the file is not UTF-8.
    pub async fn file_text(
        &self,
        repo: impl Into<RepoId>,
        revision: &str,
        path: &str,
    ) -> Result<String, HubError> {
        let response = self.file(repo.into(), revision, path, CallLimits::FILE).await?;
        let text = String::from_utf8(response.bytes().to_vec());
        text.map_err(|_| response.invalid("is not UTF-8: read it with file_bytes".to_owned()))
    }

    /// Returns the bytes of a file at a commit, branch, tag or ref.
    ///
    /// The Hub redirects to another host for large files. The token does not go there.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/me/tiny/resolve/refs/pr/7/model.bin").bytes([0, 159]);
    /// # let hub = stub.hub();
    /// let model = hub.file_bytes("me/tiny", "refs/pr/7", "model.bin").await?;
    /// assert_eq!(model.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the file has more than 256 MB.
    pub async fn file_bytes(
        &self,
        repo: impl Into<RepoId>,
        revision: &str,
        path: &str,
    ) -> Result<Vec<u8>, HubError> {
        Ok(self.file(repo.into(), revision, path, CallLimits::FILE).await?.bytes().to_vec())
    }

    /// Returns the first bytes of a file at a commit, branch, tag or ref: at most `limit`. The rest is not read.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/me/tiny/resolve/main/README.md").text("# Tiny\nIt is small.");
    /// # let hub = stub.hub();
    /// let start = hub.file_start("me/tiny", "main", "README.md", 6).await?;
    /// assert_eq!(start, b"# Tiny");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the connection is lost before `limit` bytes.
    pub async fn file_start(
        &self,
        repo: impl Into<RepoId>,
        revision: &str,
        path: &str,
        limit: usize,
    ) -> Result<Vec<u8>, HubError> {
        let limits = CallLimits { response: limit as u64, partial: true, ..CallLimits::FILE };
        let response = self.file(repo.into(), revision, path, limits).await?;
        let bytes = response.bytes();
        let length = response.header("Content-Length").and_then(|it| it.parse::<usize>().ok());
        if length.is_some_and(|length| bytes.len() < length.min(limit)) {
            return Err(response.invalid("ended too early".to_owned()));
        }
        Ok(bytes[..bytes.len().min(limit)].to_vec())
    }

    async fn file(
        &self,
        repo: RepoId,
        revision: &str,
        path: &str,
        limits: CallLimits,
    ) -> Result<HubResponse, HubError> {
        let (revision, path) = (segment("revision", revision)?, file_path("path", path)?);
        let path = format!("{}/resolve/{revision}/{path}", repo.page()?);
        self.get(&path).limits(limits).send().await
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use crate::hub::Hub;

    /// More than the buffers of a connection hold.
    const SIZE: usize = 64 * 1024 * 1024;

    #[tokio::test]
    async fn the_rest_of_a_file_is_not_read_after_its_start() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            connection.write_all(head.as_bytes()).unwrap();
            let part = [b'x'; 64 * 1024];
            (0..SIZE / part.len()).take_while(|_| connection.write_all(&part).is_ok()).count()
        });
        let hub = Hub::new(&url, "hf_hush").unwrap();
        assert_eq!(hub.file_start("me/tiny", "main", "README.md", 6).await.unwrap(), b"xxxxxx");
        assert!(server.join().unwrap() < SIZE / (64 * 1024), "the whole file was read");
    }
}
