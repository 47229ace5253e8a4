#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;

use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use super::{Address, Roots, Trust};
use crate::postgres::ConnectError;

fn trust(url: &str) -> Trust {
    Address::parse(url).unwrap().trust
}

#[test]
fn a_server_elsewhere_proves_who_it_is_unless_told_otherwise() {
    let verified = Trust::Host(Roots::Public);
    assert_eq!(trust("postgres://ada@db.example.org/codes"), verified);
    assert_eq!(trust("postgres://ada@192.0.2.1/codes"), verified);
    // One elsewhere is enough.
    assert_eq!(trust("postgres://ada@127.0.0.1:1,db.example.org:2/codes"), verified);
    for here in ["127.0.0.1", "localhost", "[::1]", "%2Fvar%2Frun%2Fpostgresql"] {
        assert_eq!(trust(&format!("postgres://ada@{here}/codes")), Trust::NoTls, "{here}");
    }
}

#[test]
fn modes_mean_what_libpq_says() {
    let with = |options: &str| trust(&format!("postgres://ada@db.example.org/codes?{options}"));
    let file = || Roots::File(PathBuf::from("/etc/a b.pem"));
    assert_eq!(with("sslmode=disable"), Trust::NoTls);
    assert_eq!(with("sslmode=prefer"), Trust::IfOffered);
    assert_eq!(with("sslmode=require"), Trust::Anybody);
    assert_eq!(with("sslmode=require&sslrootcert=/etc/a%20b.pem"), Trust::Authority(file()));
    assert_eq!(with("sslmode=verify-ca&sslrootcert=/etc/a%20b.pem"), Trust::Authority(file()));
    assert_eq!(with("sslrootcert=/etc/a%20b.pem&sslmode=verify-full"), Trust::Host(file()));
    assert_eq!(with("sslmode=verify-full&sslrootcert=system"), Trust::Host(Roots::Public));
    assert_eq!(with("sslrootcert=/etc/a%20b.pem"), Trust::Host(file()));
    for bad in ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=allow", "sslmode", "sslrootcert=%2"] {
        let refused = Address::parse(&format!("postgres://ada@db.example.org/codes?{bad}"));
        assert!(matches!(refused, Err(ConnectError::Address(_))), "{bad}");
    }
}

#[test]
fn only_a_primary_will_do_and_nobody_waits_for_ever() {
    let url = "postgres://ada:pass@one:5433,two/codes?sslmode=require&target_session_attrs=any&application_name=x";
    let address = Address::parse(url).unwrap();
    let config = &address.config;
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    assert_eq!(config.get_ssl_mode(), SslMode::Require);
    assert!(config.get_connect_timeout().is_some() && config.get_tcp_user_timeout().is_some());
    assert_eq!(config.get_application_name(), Some("x"));
    assert_eq!(address.shown(), "postgres://one:5433,two:5432/codes");
    assert_eq!(format!("{address:?}"), "postgres://one:5433,two:5432/codes");
}

#[test]
fn an_option_that_is_not_known_is_named_unless_it_may_be_of_a_password() {
    let why = |url: &str| Address::parse(url).map(drop).unwrap_err().to_string();
    for name in ["sslcert", "target_session_atrs", "client_encoding"] {
        assert!(why(&format!("postgres://ada@db.example.org/codes?{name}=x")).contains(name), "{name}");
    }
    let of_passwords = ["codes?hunter=2", "a?ssl_hunter=@2", "codes?password=hunter2&my_hunter=x"];
    for url in of_passwords.map(|rest| format!("postgres://ada@db.example.org/{rest}")) {
        let said = why(&url);
        assert!(said.contains("has an option that is not known") && !said.contains("hunter"), "{said}");
    }
}
