//! Reads the logs of a Space, which the Hub sends as a stream of events.

use serde::Deserialize;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::repo_id::RepoId;
use crate::hub::transport::CallLimits;

/// A log of a Space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpaceLog {
    /// What the build of its image printed.
    Build,
    /// What its program printed.
    Run,
}

#[derive(Deserialize)]
struct LogEvent {
    data: String,
}

/// The call for a log.
impl Hub {
    /// Returns the lines of a log so far, oldest first.
    pub(crate) async fn space_log(
        &self,
        space: &RepoId,
        log: SpaceLog,
    ) -> Result<Vec<String>, HubError> {
        space.check_space()?;
        let name = match log {
            SpaceLog::Build => "build",
            SpaceLog::Run => "run",
        };
        let path = space.api(format_args!("/logs/{name}"))?;
        let response = self.get(&path).limits(CallLimits::LOG).send().await?;
        Ok(lines(&response.text()))
    }
}

/// Returns the lines in a stream of events. An event without data keeps the connection open.
fn lines(stream: &str) -> Vec<String> {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    // The last event may have come in part.
    let events = events.filter_map(|json| serde_json::from_str::<LogEvent>(json).ok());
    let texts: Vec<_> = events.map(|event| event.data).collect();
    texts.iter().flat_map(|text| text.trim_end().split('\n')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn the_lines_of_a_log_are_those_of_its_events() {
        let stub = HubStub::new();
        let stream = "data: {\"data\":\"one\\n\",\"timestamp\":\"t\"}\n\ndata:\n\n\
            data: {\"data\":\"two\\nthree\\n\"}\n\ndata: {\"data\":\"fo";
        stub.on("GET", "/api/spaces/me/bot/logs/build").text(stream);
        let hub = stub.hub();
        let lines = hub.space_log(&RepoId::space("me/bot"), SpaceLog::Build).await.unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
        assert!(hub.space_log(&RepoId::model("me/x"), SpaceLog::Run).await.is_err());
    }

    /// A log goes on as long as the Space does, and the Hub keeps the connection open.
    #[tokio::test]
    async fn a_stream_without_an_end_is_read_as_far_as_it_came() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hub = Hub::new(&format!("http://{}", listener.local_addr().unwrap()), "hf_x").unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            write!(stream, "{head}data: {{\"data\":\"one\"}}\n\n").unwrap();
            // Until the client closes the connection.
            while stream.read(&mut [0; 1024]).is_ok_and(|bytes| bytes > 0) {}
        });
        let lines = hub.space_log(&RepoId::space("me/bot"), SpaceLog::Run).await.unwrap();
        assert_eq!(lines, ["one"]);
        drop(hub);
        server.join().unwrap();
    }
}
