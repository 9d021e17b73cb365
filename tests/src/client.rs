//! A client that sends exactly the bytes that a test wants sent.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::program::fail;

/// How long a test waits for something that should come at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the page's script sends with what it does.
pub const BY_SCRIPT: [&str; 2] = ["Sec-Fetch-Site: same-origin", "Accept: application/json"];

/// What a server answered.
#[derive(Clone, Debug)]
pub struct ClientResponse {
    /// The status code.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl ClientResponse {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A connection to `url`, `http://127.0.0.1:7860` for instance.
///
/// # Errors
///
/// When nobody listens there.
pub fn connect(url: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(url.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads one response, to the length that it announces.
///
/// # Errors
///
/// When the connection ends or falls silent before.
pub fn read_answer(stream: &mut impl Read) -> io::Result<ClientResponse> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at + 4;
        }
        read_some(stream, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let status = head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_default();
    let mut answer = ClientResponse { status, head, body: String::new() };
    let length: usize =
        answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while bytes.len() < head_end + length {
        read_some(stream, &mut bytes)?;
    }
    answer.body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
    Ok(answer)
}

fn read_some(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend_from_slice(&buffer[..read]);
            Ok(())
        }
    }
}

/// Sends `bytes` and reads the response.
///
/// # Errors
///
/// When there is none.
pub fn exchange(url: &str, bytes: impl AsRef<[u8]>) -> io::Result<ClientResponse> {
    let mut stream = connect(url)?;
    stream.write_all(bytes.as_ref())?;
    read_answer(&mut stream)
}

/// A request's head with its end, `POST /webhooks/x` and header lines.
#[must_use]
pub fn head(first: &str, headers: &[&str]) -> String {
    head_for("localhost", first, headers)
}

fn head_for(host: &str, first: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{first} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n")
}

/// Sends a whole request with a body.
///
/// # Errors
///
/// When there is no response.
pub fn request(url: &str, first: &str, headers: &[&str], body: &str) -> io::Result<ClientResponse> {
    request_for("localhost", url, first, headers, body)
}

/// Sends a whole request with a body for a host that a server at this URL serves among others.
///
/// # Errors
///
/// When there is no response.
pub fn request_for(
    host: &str,
    url: &str,
    first: &str,
    headers: &[&str],
    body: &str,
) -> io::Result<ClientResponse> {
    let length = format!("Content-Length: {}", body.len());
    let headers: Vec<_> = headers.iter().copied().chain([length.as_str()]).collect();
    exchange(url, head_for(host, first, &headers) + body)
}

/// Posts JSON.
///
/// # Errors
///
/// When there is no response.
pub fn post(url: &str, path: &str, body: &str) -> io::Result<ClientResponse> {
    request(url, &format!("POST {path}"), &["Content-Type: application/json"], body)
}

/// Gets a page.
///
/// # Errors
///
/// When there is no response.
pub fn get(url: &str, path: &str) -> io::Result<ClientResponse> {
    exchange(url, head(&format!("GET {path}"), &[]))
}

/// The variable that sets the page's token in a program, for tests.
pub const PAGE_TOKEN: (&str, &str) = ("WEBHOOKS_PAGE_TOKEN", "the-page-token-of-a-test");

/// A browser that has opened a page with its token.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The server, without a slash at its end.
    pub url: String,
    /// The header line with its cookie.
    pub cookie: String,
}

impl Viewer {
    /// Opens the page at the URL that the program gives.
    ///
    /// # Panics
    ///
    /// When it isn't authorized by it.
    #[must_use]
    pub fn open(activity_url: Option<String>) -> Self {
        let activity_url = activity_url.unwrap_or_else(|| fail("the page has no token"));
        let (url, query) = activity_url.split_once("/?").unwrap_or_default();
        Self::with(url, query)
    }

    /// Opens the page of a program that was started with [`PAGE_TOKEN`].
    ///
    /// # Panics
    ///
    /// When it isn't authorized by it.
    #[must_use]
    pub fn of_program(url: &str) -> Self {
        Self::with(url, &format!("token={}", PAGE_TOKEN.1))
    }

    fn with(url: &str, query: &str) -> Self {
        let opened = get(url, &format!("/?{query}")).ok();
        let cookie = opened.as_ref().and_then(|opened| opened.header("set-cookie"));
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        let cookie = cookie.unwrap_or_else(|| fail("the token was exchanged for no cookie"));
        Self { url: url.to_owned(), cookie: format!("Cookie: {cookie}") }
    }

    /// Gets a page.
    ///
    /// # Errors
    ///
    /// When there is no response.
    pub fn get(&self, path: &str) -> io::Result<ClientResponse> {
        self.request(&format!("GET {path}"), &[], "")
    }

    /// Sends a whole request with a body.
    ///
    /// # Errors
    ///
    /// When there is no response.
    pub fn request(&self, first: &str, headers: &[&str], body: &str) -> io::Result<ClientResponse> {
        let headers: Vec<_> = headers.iter().copied().chain([self.cookie.as_str()]).collect();
        request(&self.url, first, &headers, body)
    }
}
