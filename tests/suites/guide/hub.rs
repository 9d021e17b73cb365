//! The Hub of the pages whose commands call it.

use tests::hub::TestHub;
use tests::terminal::Terminal;

/// The pages whose commands call the Hub.
const PAGES: [&str; 3] = ["first-bot", "hub", "registration"];

/// What these pages call the public URL, and a URL of the server that these tests can reach.
const PUBLIC_URL: (&str, &str) =
    ("https://4f6e1f65055263866d.gradio.live", "http://localhost:7860");

/// Starts the Hub of a page, with the repos and the webhook that the page names, for the programs in a terminal. `None`
/// if the page needs none.
pub(super) fn hub_of(page: &str, terminal: &mut Terminal) -> Option<TestHub> {
    if !PAGES.contains(&page) {
        return None;
    }
    let hub = TestHub::start();
    hub.create_org("acme");
    hub.create_repo("dataset:me/data");
    hub.create_repo("model:me/tiny");
    let _ = hub.create_webhook("me", "https://other.example.com/hook", &["model:me/tiny"]);
    for (name, value) in hub.variables() {
        terminal.set(name, value);
    }
    terminal.stand_in("https://huggingface.co", hub.url());
    // The share link of a test cannot be reached by a name, as a server does that registers its URL.
    terminal.stand_in("--register", &format!("--register --public-url {}", PUBLIC_URL.1));
    terminal.stand_in(PUBLIC_URL.0, PUBLIC_URL.1);
    Some(hub)
}
