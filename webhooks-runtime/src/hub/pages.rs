//! Reads lists that the Hub sends in pages. The header `Link` of a page leads to the next one.

use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::client::Hub;
use super::error::HubError;

/// The parameters of a query.
type Query = Vec<(String, String)>;

impl Hub {
    /// Returns the items of all pages of a list.
    pub(super) async fn fetch_pages<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, HubError> {
        self.fetch_pages_until(path, query, |_| false).await
    }

    /// Returns the items of the pages of a list, until those of one page and all before it are enough.
    pub(super) async fn fetch_pages_until<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        is_enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, HubError> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut query: Query = query.iter().map(owned).collect();
        let mut items = Vec::new();
        loop {
            let request =
                query.iter().fold(self.get(path), |it, (key, value)| it.query(key, value));
            let response = request.send().await?;
            let page: Vec<T> = response.json()?;
            let is_empty = page.is_empty();
            items.extend(page);
            match response.header("link").and_then(next_query) {
                // An empty page, or a link to the page itself, would be the first of endless ones.
                Some(next) if !is_empty && next != query && !is_enough(&items) => query = next,
                _ => return Ok(items),
            }
        }
    }
}

/// Returns the query of the next page, from a header as in RFC 8288. The rest of its URL is not used, so that the token
/// goes nowhere else.
fn next_query(header: &str) -> Option<Query> {
    let mut rest = header;
    while let Some((url, after)) = rest.split_once('<').and_then(|(_, link)| link.split_once('>')) {
        // The next link begins after a comma, which is neither in a URL nor in a quoted text.
        let mut is_quoted = false;
        let end = after.find(|c: char| {
            is_quoted ^= c == '"';
            c == ',' && !is_quoted
        });
        let (parameters, links) = after.split_at(end.unwrap_or(after.len()));
        if parameters.split(';').any(is_next) {
            let (_, query) = url.split_once('?')?;
            return Some(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        }
        rest = links;
    }
    None
}

/// Returns whether a parameter of a link says that it leads to the next page: `rel="next"`.
fn is_next(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or_default();
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|it| it.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    const PATH: &str = "/api/models";

    async fn numbers(stub: &HubStub) -> Vec<u64> {
        stub.hub().fetch_pages(PATH, &[("author", "me")]).await.unwrap()
    }

    fn next(query: &str) -> String {
        format!(r#"<https://elsewhere.example/api/other?{query}>; rel="next""#)
    }

    #[tokio::test]
    async fn all_pages_are_read_at_the_same_path() {
        let stub = HubStub::new();
        let list = stub.on("GET", PATH);
        let list = list.respond(json!([1, 2])).header("Link", &next("author=me&cursor=a%2Cb%3D"));
        list.respond(json!([3]));
        assert_eq!(numbers(&stub).await, [1, 2, 3]);
        let calls = stub.calls();
        assert_eq!(calls[1].path, PATH);
        let query =
            [("author".to_owned(), "me".to_owned()), ("cursor".to_owned(), "a,b=".to_owned())];
        assert_eq!(calls[1].query, query);
    }

    #[tokio::test]
    async fn a_list_without_an_end_ends() {
        let stub = HubStub::new();
        // A page that links to itself.
        stub.on("GET", PATH).respond(json!([1])).header("Link", &next("author=me"));
        assert_eq!(numbers(&stub).await, [1]);
        let stub = HubStub::new();
        let list = stub.on("GET", PATH).respond(json!([1])).header("Link", &next("cursor=1"));
        list.respond(json!([])).header("Link", &next("cursor=2"));
        assert_eq!(numbers(&stub).await, [1]);
    }

    #[test]
    fn only_the_next_page_is_followed() {
        let cursor = |value: &str| Some(vec![("cursor".to_owned(), value.to_owned())]);
        for (link, expected) in [
            (r#"<https://hub/api?cursor=1>; rel="next""#, cursor("1")),
            (
                r#"<https://hub/api?cursor=0>; rel="prev", <https://hub/api?cursor=2>; rel="next""#,
                cursor("2"),
            ),
            (r#"<https://hub/api?cursor=1,2>; rel="next""#, cursor("1,2")),
            (
                r#"<https://hub/api?cursor=1,0>; rel=prev,<https://hub/api?cursor=1,2>;rel=next"#,
                cursor("1,2"),
            ),
            (r#"<https://hub/api?cursor=1>; title="a, <b>"; Rel="last Next""#, cursor("1")),
            (r#"<https://hub/api?rel=next>; rel="prev""#, None),
            (r#"<https://hub/api?cursor=1>; hrel="next""#, None),
            (r#"<https://hub/api?cursor=0>; rel="prev""#, None),
            (r#"<https://hub/api>; rel="next""#, None),
            ("", None),
        ] {
            assert_eq!(next_query(link), expected, "{link}");
        }
    }
}
