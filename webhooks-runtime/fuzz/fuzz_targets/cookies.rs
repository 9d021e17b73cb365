//! For any headers and URLs, only the session cookie authorizes a viewer, and only the token in the URL gets the cookie.
//! Other parsers decide what the headers and URLs contain.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use webhooks_runtime::fuzzing::FuzzedViewerAuth;

const TOKEN: &str = "a-token-of-16-characters";

/// The authorization, with the name and the value of its cookie.
static AUTH: LazyLock<(FuzzedViewerAuth, String, String)> = LazyLock::new(|| {
    let auth = FuzzedViewerAuth::new(TOKEN).unwrap();
    let (name, value) = auth.cookie().unwrap();
    (auth, name, value)
});

/// A part of a header or of a URL.
#[derive(Arbitrary, Debug)]
enum HeaderPart {
    Name,
    Value,
    Token,
    /// All of the value but its last characters.
    Beginning(u8),
    Equals,
    Semicolon,
    /// The name of the token in the URL.
    TokenName,
    Ampersand,
    Other(Vec<u8>),
}

impl HeaderPart {
    fn bytes(&self) -> Vec<u8> {
        let (_, name, value) = &*AUTH;
        match self {
            Self::Name => name.as_bytes().to_vec(),
            Self::Value => value.as_bytes().to_vec(),
            Self::Token => TOKEN.into(),
            Self::Beginning(left) => {
                let length = value.len().saturating_sub(usize::from(*left % 8));
                value.as_bytes()[..length].to_vec()
            }
            Self::Equals => b"=".to_vec(),
            Self::Semicolon => b"; ".to_vec(),
            Self::TokenName => b"token".to_vec(),
            Self::Ampersand => b"&".to_vec(),
            Self::Other(bytes) => bytes.clone(),
        }
    }
}

/// A cookie of a browser: the number decides about its name and value.
type Pair = (u8, u8, String);

fn whole(parts: &[HeaderPart]) -> Vec<u8> {
    parts.iter().flat_map(HeaderPart::bytes).collect()
}

/// Whether another parser finds the session cookie in one of these headers.
fn has_session(headers: &[Vec<u8>]) -> bool {
    let (_, name, value) = &*AUTH;
    headers.iter().any(|header| {
        let header = String::from_utf8_lossy(header).into_owned();
        let mut cookies = cookie::Cookie::split_parse(header).filter_map(Result::ok);
        cookies.any(|cookie| cookie.name() == name && cookie.value() == value)
    })
}

/// Whether another parser finds the token in the query, once.
fn has_token(target: &str) -> bool {
    let target = target.split('#').next().unwrap();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut tokens = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "token");
    let first = tokens.next();
    first.is_some_and(|(_, token)| token == TOKEN) && tokens.next().is_none()
}

fuzz_target!(|input: (Vec<Vec<HeaderPart>>, Vec<HeaderPart>, Vec<Pair>)| {
    let (headers, query, pairs) = input;
    let (auth, name, value) = &*AUTH;

    let headers: Vec<Vec<u8>> = headers.iter().map(|parts| whole(parts)).collect();
    if auth.is_authorized(&headers) == Some(true) {
        assert!(has_session(&headers), "{headers:?}");
    }

    // The headers of browsers are read alike.
    let cookies: Vec<String> = pairs
        .iter()
        .map(|(of_name, of_value, text)| {
            let other: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            let name = if of_name % 2 == 0 { name.clone() } else { format!("n{other}") };
            let value = match of_value % 4 {
                0 => value.clone(),
                1 => value[..value.len() - 1].to_owned(),
                2 => format!("{value}{other}"),
                _ => other,
            };
            format!("{name}={value}")
        })
        .collect();
    let header = vec![cookies.join("; ").into_bytes()];
    assert_eq!(auth.is_authorized(&header), Some(has_session(&header)), "{cookies:?}");

    let mut target = b"/?".to_vec();
    target.extend(whole(&query));
    if let Ok(target) = String::from_utf8(target)
        && let Some(exchanges) = auth.exchanges(&target)
    {
        assert_eq!(exchanges, has_token(&target), "{target}");
    }
});
