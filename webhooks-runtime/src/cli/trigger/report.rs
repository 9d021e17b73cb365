//! What is said of a delivery and its answer.

use std::io::{self, IsTerminal, Write};

use ureq::http::StatusCode;

use super::print;
use super::send::Answer;
use crate::cli::text::body;
use crate::network::HttpProxy;

/// The line before it is sent. The address is one that was checked; a file's name comes from the
/// command line.
pub(super) fn announce(url: &str, body_name: &str, bytes: usize, proxy: Option<&HttpProxy>) {
    let way = proxy.map_or_else(String::new, |proxy| format!(", through the proxy {proxy}"));
    let _ = writeln!(io::stderr(), "POST {url}  {body_name}, {} bytes{way}", grouped(bytes));
}

/// The body on standard output, then the status, and what may help, on standard error.
pub(super) fn show(answer: &Answer, variable: Option<&str>) -> io::Result<()> {
    print(&body(&answer.body, io::stdout().is_terminal()))?;
    let (status, millis) = (answer.status, answer.took.as_secs_f64() * 1000.0);
    let mut said = format!("{status} in {millis:.1} ms\n");
    if let Some(hint) = hint(answer, variable) {
        said += &format!("hint: {hint}\n");
    }
    let _ = io::stderr().write_all(said.as_bytes());
    Ok(())
}

/// What may help. `variable` is where the secret comes from; `None` for the code.
fn hint(answer: &Answer, variable: Option<&str>) -> Option<String> {
    let text = match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match variable {
            Some(variable) => format!(
                "set {variable} to the secret that the server was started with, here as there."
            ),
            None => "the secret sent is the one in this program's code; the server has another."
                .to_owned(),
        },
        StatusCode::NOT_FOUND => "there is no endpoint at this address. An older version of the \
             program may be running there, or another program."
            .to_owned(),
        StatusCode::METHOD_NOT_ALLOWED => {
            "what is at this address takes no POST: it is no webhook endpoint.".to_owned()
        }
        status if status.is_redirection() => {
            let location = answer.location.as_deref();
            let to = location.map_or_else(String::new, |location| format!(" to {location}"));
            format!(
                "redirects{to} aren't followed, as the secret would go along; name another --url."
            )
        }
        _ => return None,
    };
    Some(text)
}

/// 1012 as 1,012.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_for_each_thousand() {
        for (number, text) in [(0, "0"), (999, "999"), (1012, "1,012"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
