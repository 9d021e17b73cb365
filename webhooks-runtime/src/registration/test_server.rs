//! A server that has only its health, for tests.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

/// Responds to every request with a status and a body, until the test ends. Returns the URL.
pub(super) fn serve(status: u16, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close"
            );
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    url
}
