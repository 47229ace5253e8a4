//! TLS: a server with a certificate of a private authority, and a client that is given the authority's.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::home::Home;

/// Writes the authority's certificate, the server's and its key; their paths.
fn certificates(home: &Home) -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let paths = (home.at("ca.pem"), home.at("cert.pem"), home.at("key.pem"));
    fs::write(&paths.0, issuer.pem()).unwrap();
    fs::write(&paths.1, leaf.pem()).unwrap();
    fs::write(&paths.2, key.serialize_pem()).unwrap();
    paths
}

#[test]
fn only_a_server_of_the_given_authority_is_believed() {
    let mut home = Home::with_store();
    let (ca, cert, key) = certificates(&home);
    let server = home.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    assert!(server.url.starts_with("https://"));
    home.ok(&["realm", "create", "ship", "--ca-file", &ca]);
    let said = home.run(&["realm", "list"]);
    assert!(said.exit == 1 && said.err.contains("cannot reach the server"), "{said:?}");
    assert!(said.err.contains("--ca-file") && said.err.contains("ca_file in [client]"), "{said:?}");
    home.run(&["realm", "list", "--ca-file", &key]).fails(1, "holds no PEM certificate");
    home.run(&["realm", "list", "--ca-file", "missing.pem"]).fails(1, "missing.pem");
}

#[test]
fn an_authority_in_the_config_file_counts_for_operators_and_wallets() {
    let mut home = Home::with_store();
    let (_, cert, key) = certificates(&home);
    let _server = home.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let text = fs::read_to_string(home.config()).unwrap();
    // Relative to the config file's folder.
    fs::write(home.config(), text.replace("[client]\n", "[client]\nca_file = \"../../ca.pem\"\n")).unwrap();
    home.set("MATCHBOOK_REALM", "ship");
    home.ok(&["realm", "create", "ship"]);
    home.ok(&["user", "create", "alice"]);
    home.enrol_wallet();
    home.ok(&["wallet", "sync"]);
    home.ok(&["wallet", "rotate"]);
    fs::write(home.config(), text.replace("[client]\n", "[client]\nunknown = 1\n")).unwrap();
    home.run(&["wallet", "sync"]).fails(2, "unknown");
    // A code is to be had whatever the file says.
    assert!(!home.ok(&["wallet", "take"]).is_empty());
    fs::write(home.config(), text).unwrap();
    let said = home.run(&["wallet", "sync"]);
    assert!(said.exit == 1 && said.err.contains("ca_file in [client]"), "{said:?}");
}

#[test]
fn the_wrong_scheme_is_told_with_the_right_one() {
    let mut home = Home::with_store();
    let (ca, cert, key) = certificates(&home);
    let server = home.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let plain = server.url.replace("https://", "http://");
    home.run(&["realm", "list", "--server", &plain]).fails(1, &format!("name it as {}.", server.url));
    assert_eq!(server.end("-TERM"), Some(0));
    let server = home.serve(&[]);
    let secure = server.url.replace("http://", "https://");
    let said = home.run(&["realm", "list", "--server", &secure, "--ca-file", &ca]);
    said.fails(1, &format!("name it as {}.", server.url));
}

#[test]
fn doctor_asks_a_server_by_the_authority_of_the_settings() {
    let mut home = Home::with_store();
    let (ca, cert, key) = certificates(&home);
    let server = home.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    home.set("MATCHBOOK_TLS_CERT", &cert);
    home.set("MATCHBOOK_TLS_KEY", &key);
    let port = |home: &Home| {
        let said = home.run(&["doctor", "--listen", &server.address]);
        said.out.lines().find(|line| line.starts_with("port")).unwrap().to_owned() + &said.err
    };
    let said = port(&home);
    assert!(said.contains("whose it is cannot be told") && said.contains("client.ca_file"), "{said}");
    home.set("MATCHBOOK_CA_FILE", &ca);
    let said = port(&home);
    assert!(said.contains("a server answers on") && said.contains("and is ready"), "{said}");
}

#[test]
fn doctor_finds_a_key_of_another_certificate() {
    let mut home = Home::with_store();
    let (_, cert, key) = certificates(&home);
    home.set("MATCHBOOK_TLS_CERT", &cert);
    home.set("MATCHBOOK_TLS_KEY", &key);
    assert!(home.ok(&["doctor"]).contains("belong together"));
    fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let said = home.run(&["doctor"]);
    assert!(said.exit == 1 && said.out.contains("both must be PEM, and belong together"), "{said:?}");
}

#[test]
fn doctor_warns_of_plain_http_that_others_can_reach() {
    let home = Home::with_store();
    let said = home.run(&["doctor", "--listen", "0.0.0.0:0"]);
    let tls = said.out.lines().find(|line| line.starts_with("tls")).unwrap();
    assert!(tls.contains("warning") && tls.contains("is not loopback"), "{said:?}");
    assert!(said.exit == 0 && said.err.contains("--tls-cert"), "{said:?}");
    assert!(home.ok(&["doctor"]).lines().any(|line| line.starts_with("tls") && line.contains("ok")));
}
