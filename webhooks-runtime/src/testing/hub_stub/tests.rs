use serde_json::json;

use super::*;

#[tokio::test]
async fn responses_are_given_in_order_and_the_last_one_again() {
    let stub = HubStub::new();
    stub.on("GET", "/api/models").respond(json!(1)).respond(json!(2));
    stub.on("GET", "/api/models").respond(json!(3));
    stub.on("POST", "/api/models").respond(json!("another method"));
    for expected in [1, 2, 3, 3] {
        let response =
            stub.hub().request("GET", "/api/models").query("p", "0").send().await.unwrap();
        assert_eq!(response.json::<u32>().unwrap(), expected);
    }
    assert_eq!(stub.calls().len(), 4);
}

#[tokio::test]
async fn a_path_matches_encoded_or_not() {
    let stub = HubStub::new();
    stub.on("GET", "/me/x/resolve/refs/pr/1/a b.txt").text("one");
    stub.on("GET", "/me/x/resolve/refs%2Fpr%2F2/a%20b.txt").text("two");
    for (revision, expected) in [("refs%2Fpr%2F1", "one"), ("refs%2Fpr%2F2", "two")] {
        let path = format!("/me/x/resolve/{revision}/a%20b.txt");
        assert_eq!(stub.hub().request("GET", &path).send().await.unwrap().text(), expected);
    }
}

#[tokio::test]
async fn an_unexpected_call_is_an_error_that_names_the_missing_line() {
    let stub = HubStub::new();
    stub.on("GET", "/api/repos/create").respond(json!({}));
    let error = stub.hub().request("POST", "/api/repos/create").send().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST /api/repos/create failed: the HubStub has no response to it. Add one: \
         stub.on(\"POST\", \"/api/repos/create\").respond(json!({}))"
    );
    assert_eq!(stub.calls()[0].to_string(), "POST /api/repos/create");
}

#[tokio::test]
async fn calls_of_the_server_itself_get_a_response_and_are_not_listed() {
    let stub = HubStub::new();
    let hub = stub.hub();
    assert_eq!(hub.whoami_by_server().await.unwrap().name, "bot");
    // The account is known by now.
    assert_eq!(hub.whoami().await.unwrap().name, "bot");
    assert_eq!(stub.calls(), []);
    let hub = HubStub::new();
    hub.hub().whoami().await.unwrap();
    assert_eq!(hub.calls().len(), 1);
}

#[tokio::test]
async fn the_account_can_be_replaced() {
    let stub = HubStub::new();
    stub.on("GET", "/api/whoami-v2").respond(json!({ "name": "me", "id": "1" }));
    assert_eq!(stub.hub().whoami().await.unwrap().name, "me");
    assert_eq!(HubStub::new().hub().whoami().await.unwrap().name, "bot");
}

#[test]
#[should_panic(expected = "a header needs a response before it")]
fn a_header_without_a_response_is_a_mistake_of_the_test() {
    HubStub::new().on("GET", "/").header("RateLimit", "x");
}
