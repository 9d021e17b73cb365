use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint]
struct Hook {
    path: String,
}

// It is still there.
fn main() {
    let _ = Hook { path: String::new() };
}
