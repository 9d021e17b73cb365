//! Decides which hosts are reached without a proxy: this machine, and those that `NO_PROXY` lists.

use std::net::IpAddr;

use ipnet::IpNet;

/// Returns a host without the brackets of an IPv6 address.
pub(super) fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Returns whether a host is this machine.
pub(super) fn is_on_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse().map(|address: IpAddr| address.to_canonical());
    matches!(host.rsplit('.').next(), Some("localhost"))
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// Returns whether a `NO_PROXY` list names a host: the host itself, a parent domain, a network, or `*`.
pub(super) fn is_exempt(host: &str, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    let mut entries = list.split([',', ' ']).filter(|entry| !entry.is_empty());
    entries.any(|entry| match (entry, address) {
        ("*", _) => true,
        (entry, Some(address)) => {
            let network = entry.parse::<IpNet>();
            network.is_ok_and(|network| network.contains(&address))
                || without_brackets(entry).parse() == Ok(address)
        }
        (entry, None) => {
            let domain = entry.trim_start_matches('*').trim_start_matches('.');
            let domain = domain.trim_end_matches('.').to_ascii_lowercase();
            let prefix = host.strip_suffix(&domain);
            !domain.is_empty() && prefix.is_some_and(|name| name.is_empty() || name.ends_with('.'))
        }
    })
}
