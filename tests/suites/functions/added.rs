//! Functions without the attribute: `add_webhook`.

use serde_json::{Value, json};
use webhooks_runtime::actix_web::{self, error};
use webhooks_runtime::{Delivery, HttpRequest, HttpResponse, WebhookPayload, WebhooksServer, web};

use super::{Failed, Sized, answer_of_fn, post_to};

#[tokio::test]
async fn add_webhook_takes_every_kind_of_function() {
    async fn named(payload: WebhookPayload) -> Value {
        json!(payload.repo.name)
    }
    fn blocking(payload: WebhookPayload) -> Value {
        json!(payload.repo.name)
    }
    async fn shape(body: web::Json<Sized>) -> web::Json<String> {
        web::Json(body.into_inner().repo.name)
    }
    async fn any(payload: WebhookPayload, _: HttpRequest) -> anyhow::Result<Value> {
        Ok(json!(payload.repo.name))
    }
    async fn actix(payload: WebhookPayload, _: Delivery) -> actix_web::Result<HttpResponse> {
        Ok(HttpResponse::Ok().json(payload.repo.name))
    }
    fn io(payload: WebhookPayload) -> std::io::Result<Value> {
        Ok(json!(payload.repo.name))
    }
    let greeting = String::new();
    let captures = move |payload: WebhookPayload| {
        let name = greeting.clone() + &payload.repo.name;
        async move { json!(name) }
    };
    for answer in [
        answer_of_fn(named).await,
        answer_of_fn(blocking).await,
        answer_of_fn(shape).await,
        answer_of_fn(any).await,
        answer_of_fn(actix).await,
        answer_of_fn(io).await,
        answer_of_fn(captures).await,
        answer_of_fn(async |payload: WebhookPayload| json!(payload.repo.name)).await,
    ] {
        assert_eq!((answer.status, answer.json()), (200, json!("openai/gsm8k")));
    }
    assert_eq!(answer_of_fn(async || ()).await.body, "null");
    assert_eq!(answer_of_fn(async || Err::<(), _>(error::ErrorGone("gone"))).await.status, 410);
    assert_eq!(answer_of_fn(async || Err::<(), _>(Failed)).await.status, 500);
}

#[tokio::test]
async fn a_shape_given_to_add_webhook_is_told_its_fault_as_well() {
    let server = WebhooksServer::empty().add_webhook("f", async |_: web::Json<Sized>| ());
    let answer = post_to(server, "/webhooks/f", r#"{"repo":{"name":7}}"#).await;
    assert_eq!(answer.status, 422);
    // By its position: actix-web does not reveal the path.
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body"]));
    let msg = "Line 1, column 17: Expected a string.";
    assert_eq!(answer.json()["detail"][0]["msg"], msg);
}
