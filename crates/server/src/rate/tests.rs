#![allow(clippy::unwrap_used)]

use axum::http::Request;

use super::*;

fn parts(peer: &str, forwarded: &[&str]) -> Parts {
    let mut request = Request::builder();
    for value in forwarded {
        request = request.header("X-Forwarded-For", *value);
    }
    let mut parts = request.body(()).unwrap().into_parts().0;
    parts.extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
    parts
}

#[test]
fn hops_are_counted_from_the_right() {
    let parts = parts("10.0.0.9:1", &["6.6.6.6, 1.2.3.4", "10.0.0.8"]);
    let address = |hops| client_address(&parts, hops).to_string();
    assert_eq!(address(0), "10.0.0.9", "without trusted proxies the header is not read");
    assert_eq!(address(1), "10.0.0.8");
    assert_eq!(address(2), "1.2.3.4");
    assert_eq!(address(3), "6.6.6.6");
    assert_eq!(address(4), "10.0.0.9", "fewer entries than hops: the peer counts");
}

#[test]
fn a_limit_slows_one_address_and_not_another() {
    let config = ServerConfig { device_messages_per_second: 1, ..ServerConfig::default() };
    let rates = Rates::new(&config);
    let (noisy, quiet) = ("1.1.1.1".parse().unwrap(), "2.2.2.2".parse().unwrap());
    let refused = (0..50).filter(|_| rates.device(noisy).is_err()).count();
    assert!(refused > 0);
    assert!(rates.device(quiet).is_ok());
}

#[test]
fn an_ipv6_customer_is_one_customer() {
    let (one, two): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff:2".parse().unwrap());
    assert_eq!(network(one), network(two));
    let mapped: IpAddr = "::ffff:1.2.3.4".parse().unwrap();
    assert_eq!(network(mapped), "1.2.3.4".parse::<IpAddr>().unwrap());
}
