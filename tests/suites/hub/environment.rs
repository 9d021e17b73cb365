//! The client of a program whose environment names the Hub, the token, a proxy and an authority.

use std::process::Command;

use tests::forward::{ForwardProxy, HttpsServer};
use tests::share::certificates::Certificates;
use webhooks_runtime::Hub;

const TOKEN: &str = "hf_hush";

/// Prints the account of the environment's token, or why that failed. The tests below run it in a process of its own;
/// without their variable it passes.
#[test]
#[allow(clippy::print_stdout, reason = "the tests below read it")]
fn the_account_is_printed() {
    if std::env::var_os("PRINT_ACCOUNT").is_none() {
        return;
    }
    let account = Hub::from_env().and_then(|hub| hub.block_on(hub.whoami()));
    println!("{}", account.map_or_else(|error| error.to_string(), |account| account.name));
}

/// Returns the output of [`the_account_is_printed`] with these variables.
fn account(variables: &[(&str, &str)]) -> String {
    let (_program, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::the_account_is_printed");
    let mut command = Command::new(std::env::current_exe().unwrap());
    for variable in ["NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy", "HF_TOKEN_PATH"] {
        command.env_remove(variable);
    }
    command.env("PRINT_ACCOUNT", "1").args(["--exact", &name, "--nocapture"]);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(!output.contains(TOKEN) && !output.contains("hush-hush"), "{output}");
    output
}

#[test]
fn the_hub_is_called_through_the_proxy_and_with_the_authority_of_the_environment() {
    let certificates = Certificates::signed("hub.example").unwrap();
    let hub =
        HttpsServer::start(&certificates, r#"{"name":"me-behind-a-proxy","id":"1"}"#).unwrap();
    let proxy = ForwardProxy::start(&[("hub.example", hub.address)], Some("me:hush-hush")).unwrap();
    let root = certificates.root();
    let all = [
        ("HF_ENDPOINT", "https://hub.example"),
        ("HF_TOKEN", TOKEN),
        ("HTTPS_PROXY", &proxy.url(Some("me:hush-hush"))),
        ("SSL_CERT_FILE", root.to_str().unwrap()),
    ];
    let output = account(&all);
    assert!(output.contains("me-behind-a-proxy"), "{output}");
    assert_eq!(proxy.targets(), ["hub.example:443"]);
    let request = &hub.requests()[0];
    assert!(request.starts_with("GET /api/whoami-v2 "), "{request}");
    // The token is inside the tunnel, and the proxy's password outside.
    assert!(request.to_ascii_lowercase().contains("authorization: bearer hf_hush"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("proxy-authorization"), "{request}");

    let output = account(&all[..3]);
    assert!(output.contains("its certificate is not signed by a trusted authority"), "{output}");
    let output = account(&[all[0], all[1], ("HTTPS_PROXY", &proxy.url(None)), all[3]]);
    assert!(output.contains("407 Proxy Authentication Required. Set HTTPS_PROXY="), "{output}");
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn a_hub_on_this_machine_is_called_without_the_proxy() {
    let certificates = Certificates::signed("localhost").unwrap();
    let hub = HttpsServer::start(&certificates, r#"{"name":"me-on-localhost","id":"1"}"#).unwrap();
    let proxy = ForwardProxy::start(&[], None).unwrap();
    let root = certificates.root();
    let output = account(&[
        ("HF_ENDPOINT", &format!("https://localhost:{}", hub.address.port())),
        ("HF_TOKEN", TOKEN),
        ("ALL_PROXY", &proxy.url(None)),
        ("HTTPS_PROXY", &proxy.url(None)),
        ("SSL_CERT_FILE", root.to_str().unwrap()),
    ]);
    assert!(output.contains("me-on-localhost"), "{output}");
    assert_eq!(proxy.targets(), Vec::<String>::new());
}

#[test]
fn a_token_file_is_found_and_a_missing_token_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let certificates = Certificates::signed("localhost").unwrap();
    let hub = HttpsServer::start(&certificates, r#"{"name":"me-of-a-file","id":"1"}"#).unwrap();
    let root = certificates.root();
    let mut variables = vec![
        ("HF_ENDPOINT", format!("https://localhost:{}", hub.address.port())),
        ("SSL_CERT_FILE", root.to_str().unwrap().to_owned()),
        ("HF_TOKEN", String::new()),
    ];
    let mut output = |home: &str| {
        variables.push(("HF_HOME", home.to_owned()));
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        account(&variables)
    };
    let found = output(folder.path().to_str().unwrap());
    assert!(found.contains("me-of-a-file"), "{found}");
    let missing = output(folder.path().join("none").to_str().unwrap());
    assert!(missing.contains("set HF_TOKEN, or run `hf auth login`"), "{missing}");
}
